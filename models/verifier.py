"""Verdicts on (premise, claim) pairs from transformers classifiers.

:class:`SequenceVerifier` takes heads with one verdict per pair: three-class NLI cross-encoders (those of
sentence-transformers too), two-class groundedness classifiers, and single-output ones. :class:`TokenVerifier` takes
heads that label every token of the claim. Both in three phases: ``prepare``, ``forward``, ``finish``.

A premise that is too long for the model is split, and its best part counts. A claim that is longer than half of what
the model holds is split as well, and then every part must hold: the weakest part is the verdict.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batching import BatchLimits
from models.checkpoint import check_finite, max_positions, takes_token_types
from models.device import to_device
from models.labels import LabelClass
from models.packed import PackedModel, batch_rows, pack_rows, packed_if
from models.packed_heads import base_model, has_packed_head, head_logits
from models.pairs import PairBatch, PreparedPairs, prepare_pairs
from models.recovery import in_parts
from models.tokenization import Tokenizer
from models.types import ModelInfo, NliScores

NOT_JUDGED = NliScores(entail=None, neutral=None, contradict=None)
"""The verdict on a claim without a single token: there is nothing to judge."""


class _PairVerifier(ABC):
    """What both kinds share. Implements :class:`models.types.Verifier`; safe to call from several threads."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Tokenizer,
        info: ModelInfo,
        classes: tuple[LabelClass, ...],
        *,
        temperature: float = 1.0,
        limits: BatchLimits | None = None,
        packed: bool | None = None,
    ) -> None:
        """``classes``: the class of each output of the head. ``temperature`` divides the logits.

        ``packed``: see :class:`models.encoder.TransformerEncoder`; None with a head that cannot: padded.
        """
        if not temperature > 0.0:
            raise ValueError(f"temperature must be above 0, not {temperature}")
        self._model = model
        self._tokenizer = tokenizer
        self._info = info
        self._classes = classes
        self._temperature = temperature
        self._limits = limits or BatchLimits()
        self._device = next(model.parameters()).device
        self._takes_types = takes_token_types(model)
        self._packed = packed_if(base_model(model), packed) if has_packed_head(model) else None
        self._max_tokens = min(max_positions(model), self._limits.window_tokens or max_positions(model))

    @property
    def info(self) -> ModelInfo:
        """Name, digest of the weights, dtype and device."""
        return self._info

    def verify(self, pairs: Sequence[tuple[str, str]]) -> list[NliScores]:
        """One verdict per (premise, claim) pair, in order; it does not depend on the other pairs."""
        prepared = self.prepare(pairs)
        return self.finish(prepared, self.forward(prepared))

    def prepare(self, pairs: Sequence[tuple[str, str]]) -> PreparedPairs:
        """Tokenise, cut into windows, group them into padded batches under the token budget."""
        return prepare_pairs(self._tokenizer, pairs, self._max_tokens, self._limits.token_budget)

    @torch.inference_mode()
    def forward(self, prepared: PreparedPairs) -> list[NDArray[np.float32]]:
        """For each batch the probabilities of the head's outputs: (rows, outputs) or (rows, padded tokens, outputs).

        A batch without memory goes in halves.
        """
        return [
            in_parts(
                self._forward_batch, batch, PairBatch.halves, lambda first, second: np.concatenate([first, second])
            )
            for batch in prepared.batches
        ]

    @abstractmethod
    def finish(self, prepared: PreparedPairs, probabilities: Sequence[NDArray[np.float32]]) -> list[NliScores]:
        """Put the windows' probabilities together by pair."""

    def _forward_batch(self, batch: PairBatch) -> NDArray[np.float32]:
        if self._packed is not None:
            return self._probabilities(self._packed_logits(batch, self._packed))
        padded = batch.ids.shape[1]
        inputs: dict[str, Tensor] = {"input_ids": to_device(batch.ids, self._device)}
        if int(batch.lengths.min()) < padded:
            is_token = np.arange(padded) < batch.lengths[:, None]
            inputs["attention_mask"] = to_device(is_token.astype(np.int64), self._device)
        if self._takes_types:
            inputs["token_type_ids"] = to_device(batch.types, self._device)
        return self._probabilities(self._model(**inputs).logits.float())

    def _packed_logits(self, batch: PairBatch, packed: PackedModel) -> Tensor:
        """(rows, outputs) from rows end to end."""
        types = batch_rows(batch.types, batch.lengths) if self._takes_types else None
        rows = pack_rows(batch_rows(batch.ids, batch.lengths), types, self._device)
        return head_logits(self._model, packed.hidden(rows), rows).float()

    def _probabilities(self, logits: Tensor) -> NDArray[np.float32]:
        check_finite(logits, self._info)
        scaled = logits / self._temperature
        probabilities = scaled.sigmoid() if scaled.shape[-1] == 1 else scaled.softmax(dim=-1)
        result: NDArray[np.float32] = probabilities.cpu().numpy()
        return result

    def _of_class(self, wanted: LabelClass, outputs: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """(...,) probability of one class, from (..., outputs); None where the head has no such class."""
        columns = [index for index, present in enumerate(self._classes) if present == wanted]
        return outputs[..., columns].sum(axis=-1) if columns else None


class SequenceVerifier(_PairVerifier):
    """One verdict per pair from a sequence-classification head."""

    def finish(self, prepared: PreparedPairs, probabilities: Sequence[NDArray[np.float32]]) -> list[NliScores]:
        """Best premise window for each part of a claim, weakest part for each claim."""
        parts: list[dict[tuple[int, int], list[NliScores]]] = [{} for _ in prepared.claims]
        for batch, outputs in zip(prepared.batches, probabilities, strict=True):
            for window, row in zip(batch.windows, outputs, strict=True):
                parts[window.pair].setdefault(window.claim, []).append(self._scores(row))
        return [
            _weakest([_best(windows) for windows in claim_parts.values()]) if claim_parts else NOT_JUDGED
            for claim_parts in parts
        ]

    def _scores(self, row: NDArray[np.float32]) -> NliScores:
        values = [self._of_class(wanted, row) for wanted in ("entail", "neutral", "contradict")]
        entail, neutral, contradict = (None if value is None else float(value) for value in values)
        return NliScores(entail=entail, neutral=neutral, contradict=contradict)


class TokenVerifier(_PairVerifier):
    """A verdict on each claim token from a token-classification head; ``entail`` is the weakest content token's."""

    def finish(self, prepared: PreparedPairs, probabilities: Sequence[NDArray[np.float32]]) -> list[NliScores]:
        """For each claim token its best premise window, for each claim its weakest content token."""
        support = [np.zeros(len(claim), dtype=np.float32) for claim in prepared.claims]
        for batch, outputs in zip(prepared.batches, probabilities, strict=True):
            entail = self._of_class("entail", outputs)
            if entail is None:
                raise ValueError("no output of the head means entail")
            for window, row, start in zip(batch.windows, entail, batch.claim_starts, strict=True):
                claim_part = support[window.pair][slice(*window.claim)]
                np.maximum(claim_part, row[start : start + len(claim_part)], out=claim_part)
        return [self._scores(index, prepared, values) for index, values in enumerate(support)]

    def _scores(self, index: int, prepared: PreparedPairs, support: NDArray[np.float32]) -> NliScores:
        claim = prepared.claims[index]
        if not len(claim):
            return NOT_JUDGED
        judged = support[claim.content] if claim.content.any() else support
        tokens = tuple(
            (int(start), int(end), float(value)) for (start, end), value in zip(claim.char_spans, support, strict=True)
        )
        return NliScores(entail=float(judged.min()), neutral=None, contradict=None, token_support=tokens)


def _best(windows: Sequence[NliScores]) -> NliScores:
    """The premise window that entails most; if even that one rather contradicts, the one that contradicts most."""
    best = max(windows, key=_entail)
    return max(windows, key=_contradict) if _contradict(best) > _entail(best) else best


def _weakest(parts: Sequence[NliScores]) -> NliScores:
    """The part of a claim that is contradicted most if one is rather contradicted, else the one entailed least."""
    contradicted = [part for part in parts if _contradict(part) > _entail(part)]
    return max(contradicted, key=_contradict) if contradicted else min(parts, key=_entail)


def _entail(scores: NliScores) -> float:
    return scores.entail if scores.entail is not None else -1.0


def _contradict(scores: NliScores) -> float:
    return scores.contradict if scores.contradict is not None else -1.0
