"""Token vectors of any transformers encoder, with or without a late-interaction head.

Three phases, each callable and testable alone: ``prepare`` (tokens, windows, batches; no torch work), ``forward``
(the model), ``finish`` (vectors back to their texts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.batching import BatchLimits, Window, plan_batches, plan_windows
from models.bert_rows import BertRows, Row, is_supported
from models.checkpoint import check_finite, max_positions, model_config
from models.device import to_device
from models.packed import PackedModel, batch_rows, pack_rows, packed_if
from models.projection import LateInteraction, Markers
from models.recovery import in_parts
from models.row_pool import shared_pool
from models.tokenization import TokenizedText, Tokenizer
from models.types import ModelInfo, TextRole, TokenVectors, Windows


@dataclass(frozen=True)
class EncoderBatch:
    """One forward pass: windows, and ids (windows, padded tokens) with ``lengths`` (windows,) real tokens each."""

    windows: tuple[Window, ...]
    ids: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def halves(self) -> tuple[EncoderBatch, EncoderBatch] | None:
        """Two batches of half the windows; None for a single window."""
        middle = len(self.windows) // 2
        if not middle:
            return None
        first, second = slice(middle), slice(middle, None)
        return (
            EncoderBatch(self.windows[first], self.ids[first], self.lengths[first]),
            EncoderBatch(self.windows[second], self.ids[second], self.lengths[second]),
        )


@dataclass(frozen=True)
class PreparedTexts:
    """What ``forward`` and ``finish`` need. ``lead``: special and marker tokens before a window's first token."""

    texts: tuple[TokenizedText, ...]
    batches: tuple[EncoderBatch, ...]
    lead: int
    role: TextRole


class TransformerEncoder:
    """Implements :class:`models.types.Encoder`. Safe to call from several threads; holds no state between calls."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Tokenizer,
        info: ModelInfo,
        *,
        late_interaction: LateInteraction | None = None,
        limits: BatchLimits | None = None,
        packed: bool | None = None,
    ) -> None:
        """``model`` and the projection are in the dtype and on the device that ``info`` names.

        ``packed``: whether rows run end to end without padding (:mod:`models.packed`); None: on CUDA, if the model can.
        """
        self._model = model
        self._tokenizer = tokenizer
        self._info = info
        late_interaction = late_interaction or LateInteraction()
        self._projection = late_interaction.projection
        self._markers = late_interaction.markers
        self._limits = limits or BatchLimits()
        self._device = next(model.parameters()).device
        self._dtype = next(model.parameters()).dtype
        self._dim = _output_dim(model, self._projection)
        self._packed = packed_if(model, packed)
        self._rows = BertRows(model) if self._packed is None and is_supported(model) else None
        self._workers = torch.get_num_threads()

    @property
    def info(self) -> ModelInfo:
        """Name, digest of the weights, dtype and device."""
        return self._info

    @property
    def dim(self) -> int:
        """Values of one token vector."""
        return self._dim

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer of this model."""
        return self._tokenizer

    @property
    def symmetric(self) -> bool:
        """Whether a text has the same vectors in either role: without markers and skip-list it has."""
        same: bool = self._markers == Markers()
        return same

    @property
    def by_rows(self) -> bool:
        """Whether texts run without padding, in packs of rows (:mod:`models.bert_rows`), and not in padded batches."""
        return self._rows is not None

    def max_window_tokens(self, role: TextRole = "document") -> int:
        """Tokens of one window: the model's positions less special and marker tokens, or less if so configured."""
        before, after = self._tokenizer.single_template
        room = max_positions(self._model) - len(before) - len(after) - len(self._markers.of(role))
        return min(room, self._limits.window_tokens or room)

    def encode(
        self, texts: Sequence[str], role: TextRole = "document", window_tokens: Windows = None
    ) -> list[TokenVectors]:
        """One :class:`TokenVectors` per text, in order; a text without tokens has vectors of shape (0, dim).

        A text longer than ``window_tokens`` (default and upper bound: what the model can hold) is encoded in windows
        that are cut at sentence ends or white space where there are some; no token is lost.
        """
        prepared = self.prepare(texts, role, window_tokens)
        return self.finish(prepared, self.forward(prepared))

    def prepare(
        self,
        texts: Sequence[str],
        role: TextRole = "document",
        window_tokens: Windows = None,
        token_budget: int | None = None,
    ) -> PreparedTexts:
        """Tokenise, cut into windows, group windows into padded batches under the token budget (None: as configured)."""
        limit = self.max_window_tokens(role)
        asked = (
            [window_tokens] * len(texts) if window_tokens is None or isinstance(window_tokens, int) else window_tokens
        )
        limits = [limit if wanted is None else min(wanted, limit) for wanted in asked]
        before, after = self._tokenizer.single_template
        before = before + self._markers.of(role)
        tokenized = tuple(self._tokenizer.encode(text) for text in texts)
        windows = [
            Window(item, start, end)
            for item, (text, longest) in enumerate(zip(tokenized, limits, strict=True))
            for start, end in plan_windows(len(text), longest, text.cut_ranks)
        ]
        lengths = [len(window) + len(before) + len(after) for window in windows]
        batches = tuple(
            _assemble([windows[index] for index in batch], tokenized, before, after)
            for batch in plan_batches(lengths, token_budget or self._limits.token_budget)
        )
        return PreparedTexts(tokenized, batches, len(before), role)

    @torch.inference_mode()
    def forward(self, prepared: PreparedTexts) -> list[Tensor]:
        """For each batch the vectors of its text tokens, windows one after another: (tokens, dim), L2-normalised.

        Normalised in float32, returned in the encoder's dtype on its device. A batch without memory goes in halves.
        """
        if self._rows is not None:
            return self._forward_rows(prepared, self._rows)
        return [
            in_parts(
                lambda part: self._forward_batch(part, prepared.lead),
                batch,
                EncoderBatch.halves,
                lambda first, second: torch.cat([first, second]),
            )
            for batch in prepared.batches
        ]

    @torch.inference_mode()
    def finish(self, prepared: PreparedTexts, vectors: Sequence[Tensor]) -> list[TokenVectors]:
        """Put the windows' vectors together by text, in reading order, without the tokens of the skip-list.

        Each result owns its memory: keeping one alive does not keep its batch.
        """
        parts: list[list[tuple[int, Tensor]]] = [[] for _ in prepared.texts]
        for batch, packed in zip(prepared.batches, vectors, strict=True):
            pieces = torch.split(packed, [len(window) for window in batch.windows])
            for window, piece in zip(batch.windows, pieces, strict=True):
                parts[window.item].append((window.start, piece))
        return [
            self._join(text, [piece for _, piece in sorted(pieces, key=lambda entry: entry[0])], prepared.role)
            for text, pieces in zip(prepared.texts, parts, strict=True)
        ]

    def _forward_rows(self, prepared: PreparedTexts, rows: BertRows) -> list[Tensor]:
        """Windows without padding, on one thread each: what is in the batch beside one changes none of its numbers."""
        asked = [
            _row(batch.ids[row, :length], prepared.lead, len(batch.windows[row]))
            for batch in prepared.batches
            for row, length in enumerate(batch.lengths)
        ]
        states = shared_pool(self._workers).map(rows.hidden, asked, [len(row.ids) for row in asked])
        done = iter(states)
        return [self._finished(torch.cat([next(done) for _ in batch.windows])) for batch in prepared.batches]

    def _forward_batch(self, batch: EncoderBatch, lead: int) -> Tensor:
        if self._packed is not None:
            return self._finished(self._packed_states(batch, lead, self._packed))
        ids = to_device(batch.ids, self._device)
        padded = ids.shape[1]
        lengths = to_device(batch.lengths, self._device)
        positions = torch.arange(padded, device=self._device)
        # Without padding there is nothing to mask, and attention without a mask is faster.
        mask = None if int(batch.lengths.min()) == padded else (positions < lengths[:, None]).long()
        hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
        counts = torch.tensor([len(window) for window in batch.windows], device=self._device)
        is_text = (positions >= lead) & (positions < lead + counts[:, None])
        return self._finished(hidden[is_text])

    def _packed_states(self, batch: EncoderBatch, lead: int, packed: PackedModel) -> Tensor:
        """(tokens, hidden) of the windows' text tokens, one window after another."""
        hidden = packed.hidden(pack_rows(batch_rows(batch.ids, batch.lengths), None, self._device))
        starts = np.concatenate([[0], np.cumsum(batch.lengths)])[:-1] + lead
        kept = [np.arange(start, start + len(window)) for start, window in zip(starts, batch.windows, strict=True)]
        return hidden[to_device(np.concatenate(kept), self._device)]

    def _finished(self, tokens: Tensor) -> Tensor:
        """(tokens, dim) from the model's (tokens, hidden): projected, checked, normalised."""
        if self._projection is not None:
            tokens = self._projection(tokens)
        check_finite(tokens, self._info)
        return nn.functional.normalize(tokens.float(), dim=-1).to(self._dtype)

    def _join(self, text: TokenizedText, pieces: list[Tensor], role: TextRole) -> TokenVectors:
        if not pieces:
            empty = torch.zeros((0, self._dim), dtype=self._dtype, device=self._device)
            return TokenVectors(empty, text.char_spans, text.content)
        vectors = torch.cat(pieces) if len(pieces) > 1 else pieces[0].clone()
        if role == "query" or not self._markers.skipped:
            return TokenVectors(vectors, text.char_spans, text.content)
        kept = ~np.isin(text.ids, list(self._markers.skipped))
        return TokenVectors(vectors[torch.from_numpy(kept).to(self._device)], text.char_spans[kept], text.content[kept])


def _assemble(
    windows: Sequence[Window], texts: Sequence[TokenizedText], before: tuple[int, ...], after: tuple[int, ...]
) -> EncoderBatch:
    lengths = np.array([len(window) + len(before) + len(after) for window in windows], dtype=np.int64)
    ids = np.zeros((len(windows), int(lengths.max())), dtype=np.int64)
    for row, window, length in zip(ids, windows, lengths, strict=True):
        row[: len(before)] = before
        row[len(before) : length - len(after)] = texts[window.item].ids[window.start : window.end]
        row[length - len(after) : length] = after
    return EncoderBatch(tuple(windows), ids, lengths)


def _row(ids: NDArray[np.int64], lead: int, count: int) -> Row:
    tokens = torch.from_numpy(ids)
    return Row(tokens, torch.zeros_like(tokens), torch.arange(lead, lead + count))


def _output_dim(model: nn.Module, projection: nn.Sequential | None) -> int:
    linears = [layer for layer in projection or () if isinstance(layer, nn.Linear)]
    if linears:
        return linears[-1].out_features
    return int(model_config(model).hidden_size)
