"""The verifier that this project trains and ships: MiniLM-L6 with a verdict per pair and support per claim token.

Its weights are those that training changed (``weights_verifier/weights.safetensors``, bfloat16) over the bundled encoder's frozen
embeddings; ``card.json`` beside them pins both digests and holds the temperatures. Three phases: ``prepare``, ``forward``,
``finish``. A premise too long for a row is read in windows and its best window counts; of a claim cut in parts the weakest.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.batching import DEFAULT_TOKEN_BUDGET
from models.bert_rows import BertRows, Row, is_supported
from models.checkpoint import max_positions
from models.device import to_device
from models.packed import PackedModel, batch_rows, pack_rows, packed_if
from models.pairs import PairBatch, PairWindow, PreparedPairs, prepare_pairs
from models.recovery import in_parts
from models.row_pool import shared_pool
from models.tokenization import Tokenizer
from models.types import ModelInfo, NliScores
from models.verifier import NOT_JUDGED
from models.verifier_input import pair_types
from models.verifier_network import CLASSES, CONTRADICT, ENTAIL, NEUTRAL, PairTensors, VerifierNetwork
from models.weights import ModelLoadError

MAX_PAIR_TOKENS = 320
"""Tokens of one row, special ones included: what training saw at most."""

LOWEST_TOKENS = 6
"""How many of a claim's tokens :func:`lowest_support` averages; chosen on half A of the development set."""

_MIN_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Calibration:
    """Fitted on development data. Logits are divided by temperatures; ``entail`` is then corrected by token support.

    logit p(entail) = ``bias`` + ``verdict_slope`` * logit p(entail | verdict head) + ``token_slope`` * logit
    :func:`lowest_support`.
    """

    temperature: float = 1.0
    token_temperature: float = 1.0
    bias: float = 0.0
    verdict_slope: float = 1.0
    token_slope: float = 0.0

    def __post_init__(self) -> None:
        if not (self.temperature > 0.0 and self.token_temperature > 0.0):
            raise ValueError("temperatures must be above 0")
        if self.verdict_slope < 0.0 or self.token_slope < 0.0:
            raise ValueError("slopes must not be negative: more support never lowers p(entail)")

    @classmethod
    def from_card(cls, values: Mapping[str, Any], folder: Path) -> Calibration:
        """From ``card.json``; :class:`ModelLoadError` for unknown or impossible values."""
        try:
            return cls(**{name: float(value) for name, value in values.items()})
        except (TypeError, ValueError) as error:
            raise ModelLoadError(f"{folder / 'card.json'}: calibration is unusable: {error}") from error


@dataclass(frozen=True, eq=False)
class RowScores:
    """One batch: ``verdict`` (rows, 3) probabilities, ``support`` (rows, padded tokens) probabilities, both float32."""

    verdict: NDArray[np.float32]
    support: NDArray[np.float32]


class TrainedVerifier:
    """Implements :class:`models.types.Verifier`. Safe to call from several threads; holds no state between calls."""

    def __init__(
        self,
        network: VerifierNetwork,
        tokenizer: Tokenizer,
        continuing: NDArray[np.bool_],
        info: ModelInfo,
        calibration: Calibration | None = None,
        token_budget: int = DEFAULT_TOKEN_BUDGET,
        packed: bool | None = None,
    ) -> None:
        """``network`` is in evaluation mode, in the dtype and on the device that ``info`` names.

        ``packed``: see :class:`models.encoder.TransformerEncoder`.
        """
        self._network = network
        self._tokenizer = tokenizer
        self._continuing = continuing
        self._info = info
        self._calibration = calibration or Calibration()
        self._token_budget = token_budget
        self._device = next(network.parameters()).device
        self._max_tokens = min(MAX_PAIR_TOKENS, max_positions(network.encoder))
        self._packed = packed_if(network.encoder, packed)
        self._rows = BertRows(network.encoder) if self._packed is None and is_supported(network.encoder) else None
        self._workers = torch.get_num_threads()

    @property
    def info(self) -> ModelInfo:
        """Name, digest of the weights, dtype and device."""
        return self._info

    @property
    def calibration(self) -> Calibration:
        """Temperatures and correction in use."""
        return self._calibration

    def verify(self, pairs: Sequence[tuple[str, str]]) -> list[NliScores]:
        """One verdict per (premise, claim) pair, in order; it does not depend on the other pairs."""
        prepared = self.prepare(pairs)
        return self.finish(prepared, self.forward(prepared))

    def prepare(self, pairs: Sequence[tuple[str, str]]) -> PreparedPairs:
        """Tokenise, cut into windows, group them into padded batches under the token budget."""
        return prepare_pairs(self._tokenizer, pairs, self._max_tokens, self._token_budget)

    @torch.inference_mode()
    def forward(self, prepared: PreparedPairs) -> list[RowScores]:
        """Probabilities of every row, tempered but not corrected. A batch without memory goes in halves."""
        if self._rows is not None:
            return self._forward_rows(prepared, self._rows)
        work = self._forward_batch if self._packed is None else functools.partial(self._forward_packed, self._packed)
        return [in_parts(work, batch, PairBatch.halves, _joined) for batch in prepared.batches]

    def finish(self, prepared: PreparedPairs, scores: Sequence[RowScores]) -> list[NliScores]:
        """Best premise window for each part of a claim; weakest part for each claim; best window for each token."""
        support = [np.zeros(len(claim), dtype=np.float32) for claim in prepared.claims]
        parts: list[dict[tuple[int, int], list[NDArray[np.float32]]]] = [{} for _ in prepared.claims]
        for batch, rows in zip(prepared.batches, scores, strict=True):
            for row, window in enumerate(batch.windows):
                part = support[window.pair][slice(*window.claim)]
                start = int(batch.claim_starts[row])
                np.maximum(part, rows.support[row, start : start + len(part)], out=part)
                parts[window.pair].setdefault(window.claim, []).append(rows.verdict[row])
        return [self._scores(prepared, pair, parts[pair], support[pair]) for pair in range(len(prepared.claims))]

    def _scores(
        self,
        prepared: PreparedPairs,
        pair: int,
        parts: Mapping[tuple[int, int], list[NDArray[np.float32]]],
        support: NDArray[np.float32],
    ) -> NliScores:
        claim = prepared.claims[pair]
        if not len(claim):
            return NOT_JUDGED
        best = [max(rows, key=lambda row: float(row[ENTAIL])) for rows in parts.values()]
        weakest = min(best, key=lambda row: float(row[ENTAIL]))
        entail = self._corrected(float(weakest[ENTAIL]), lowest_support(support))
        rest = float(weakest[NEUTRAL] + weakest[CONTRADICT])
        contradict_share = float(weakest[CONTRADICT]) / rest if rest > 0.0 else 0.5
        tokens = tuple(
            (int(start), int(end), float(value)) for (start, end), value in zip(claim.char_spans, support, strict=True)
        )
        return NliScores(entail, (1.0 - entail) * (1.0 - contradict_share), (1.0 - entail) * contradict_share, tokens)

    def _corrected(self, verdict: float, lowest: float) -> float:
        c = self._calibration
        logit = c.bias + c.verdict_slope * _logit(verdict) + c.token_slope * _logit(lowest)
        return float(1.0 / (1.0 + np.exp(-logit)))

    def _forward_batch(self, batch: PairBatch) -> RowScores:
        mask = np.arange(batch.ids.shape[1]) < batch.lengths[:, None]
        types = np.zeros_like(batch.ids)
        claim_mask = np.zeros(batch.ids.shape, dtype=np.bool_)
        for row, window in enumerate(batch.windows):
            start, end = _claim_range(batch, row, window)
            types[row, : end + 1] = pair_types(
                batch.ids[row, 1 : start - 1], batch.ids[row, start:end], self._continuing
            )
            claim_mask[row, start:end] = True
        arrays = (batch.ids, types, mask, claim_mask)
        return self._tempered(*self._network(PairTensors(*(to_device(array, self._device) for array in arrays))))

    def _forward_packed(self, packed: PackedModel, batch: PairBatch) -> RowScores:
        """A batch end to end: one pass, and the heads on all pairs at once."""
        rows = batch_rows(batch.ids, batch.lengths)
        ranges = [_claim_range(batch, row, window) for row, window in enumerate(batch.windows)]
        types = [
            pair_types(ids[1 : start - 1], ids[start:end], self._continuing)
            for ids, (start, end) in zip(rows, ranges, strict=True)
        ]
        hidden = packed.hidden(pack_rows(rows, types, self._device))
        firsts = np.concatenate([[0], np.cumsum(batch.lengths)])[:-1]
        claims = np.concatenate(
            [np.arange(start, end) + first for first, (start, end) in zip(firsts, ranges, strict=True)]
        )
        owners = np.repeat(np.arange(len(rows)), [end - start for start, end in ranges])
        places = [to_device(array, self._device) for array in (firsts, claims, owners)]
        scores = self._tempered(*self._network.judge_rows(hidden, *places))
        support = np.zeros(batch.ids.shape, dtype=np.float32)
        support[owners, claims - firsts[owners]] = scores.support
        return RowScores(scores.verdict, support)

    def _forward_rows(self, prepared: PreparedPairs, rows: BertRows) -> list[RowScores]:
        """Rows without padding, on one thread each, of the last layer only what the heads read.

        The pairs beside one change none of its numbers.
        """
        places = [(batch, row) for batch in prepared.batches for row in range(len(batch.windows))]
        asked = [self._row(batch, row) for batch, row in places]
        states = iter(shared_pool(self._workers).map(rows.hidden, asked, [len(row.ids) for row in asked]))
        found = []
        for batch in prepared.batches:
            verdicts = np.zeros((len(batch.windows), CLASSES), dtype=np.float32)
            support = np.zeros(batch.ids.shape, dtype=np.float32)
            for row, window in enumerate(batch.windows):
                start, end = _claim_range(batch, row, window)
                scores = self._tempered(*self._network.judge(next(states)))
                verdicts[row], support[row, start:end] = scores.verdict, scores.support
            found.append(RowScores(verdicts, support))
        return found

    def _row(self, batch: PairBatch, row: int) -> Row:
        start, end = _claim_range(batch, row, batch.windows[row])
        ids = batch.ids[row, : batch.lengths[row]]
        types = pair_types(ids[1 : start - 1], ids[start:end], self._continuing).astype(np.int64)
        return Row(torch.from_numpy(ids), torch.from_numpy(types), torch.tensor([0, *range(start, end)]))

    def _tempered(self, verdict: Tensor, support: Tensor) -> RowScores:
        """Probabilities from logits, those of classes in the last dimension."""
        if not bool(torch.isfinite(verdict).all() and torch.isfinite(support).all()):
            raise FloatingPointError(f"{self._info.name} in {self._info.dtype} gave a number that is not finite")
        tempered = (verdict.float() / self._calibration.temperature).softmax(dim=-1)
        tokens = (support.float() / self._calibration.token_temperature).sigmoid()
        return RowScores(tempered.cpu().numpy(), tokens.cpu().numpy())


def lowest_support(support: NDArray[np.float32]) -> float:
    """Mean of the lowest :data:`LOWEST_TOKENS` token supports: one doubtful token of many is noise, a run of them is not."""
    count = min(LOWEST_TOKENS, len(support))
    return float(np.partition(support, count - 1)[:count].mean())


def _joined(first: RowScores, second: RowScores) -> RowScores:
    return RowScores(np.concatenate([first.verdict, second.verdict]), np.concatenate([first.support, second.support]))


def _claim_range(batch: PairBatch, row: int, window: PairWindow) -> tuple[int, int]:
    start = int(batch.claim_starts[row])
    return start, start + window.claim[1] - window.claim[0]


def _logit(probability: float) -> float:
    clipped = min(max(probability, _MIN_PROBABILITY), 1.0 - _MIN_PROBABILITY)
    return float(np.log(clipped / (1.0 - clipped)))
