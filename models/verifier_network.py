"""The verifier's network: a BERT encoder, a three-way head over the pair, and a support head over the claim's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.verifier_input import TYPE_COUNT, PairInput

CLASSES = 3
ENTAIL, NEUTRAL, CONTRADICT = 0, 1, 2


@dataclass(frozen=True)
class PairTensors:
    """A padded batch. ``ids``, ``types``: (pairs, tokens) int64; ``mask``, ``claim_mask``: (pairs, tokens) bool."""

    ids: Tensor
    types: Tensor
    mask: Tensor
    claim_mask: Tensor

    def to(self, device: torch.device) -> PairTensors:
        """The same on a device; from pinned memory the copy waits for nothing."""
        return PairTensors(*(getattr(self, name).to(device, non_blocking=True) for name in self.__dataclass_fields__))

    def pin_memory(self) -> PairTensors:
        """The same in pinned memory."""
        return PairTensors(*(getattr(self, name).pin_memory() for name in self.__dataclass_fields__))


def collate(pairs: Sequence[PairInput]) -> PairTensors:
    """Pad to the longest pair."""
    width = max(len(pair) for pair in pairs)
    ids = torch.zeros(len(pairs), width, dtype=torch.int64)
    types = torch.zeros(len(pairs), width, dtype=torch.int64)
    mask = torch.zeros(len(pairs), width, dtype=torch.bool)
    claim_mask = torch.zeros(len(pairs), width, dtype=torch.bool)
    for row, pair in enumerate(pairs):
        size = len(pair)
        ids[row, :size] = torch.from_numpy(pair.ids)
        types[row, :size] = torch.from_numpy(pair.types)
        mask[row, :size] = True
        claim_mask[row, pair.claim_start : size - 1] = True
    return PairTensors(ids, types, mask, claim_mask)


class VerifierNetwork(nn.Module):
    """Logits of a pair's verdict (entail, neutral, contradict) and of each token being supported."""

    def __init__(self, encoder: nn.Module, hidden_size: int) -> None:
        """``encoder``: a BERT model with :data:`TYPE_COUNT` token types (:func:`widen_types`)."""
        super().__init__()
        self.encoder = encoder
        self.inner = nn.Linear(2 * hidden_size, hidden_size)
        self.verdict = nn.Linear(hidden_size, CLASSES)
        self.support = nn.Linear(hidden_size, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, batch: PairTensors) -> tuple[Tensor, Tensor]:
        """((pairs, 3) verdict logits, (pairs, tokens) support logits; the latter mean something on claim tokens)."""
        hidden = self.encoder(
            input_ids=batch.ids, attention_mask=batch.mask, token_type_ids=batch.types
        ).last_hidden_state
        weights = batch.claim_mask.to(hidden.dtype).unsqueeze(-1)
        claim = (hidden * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)
        pooled = torch.tanh(self.inner(self.dropout(torch.cat([hidden[:, 0], claim], dim=-1))))
        return self.verdict(self.dropout(pooled)), self.support(hidden).squeeze(-1)

    def judge(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """((3,) verdict logits, (claim tokens,) support logits) of one pair, as :meth:`forward` gives them.

        ``hidden``: (1 + claim tokens, hidden), the states at [CLS] and at the claim's tokens.
        """
        claim = hidden[1:].float().mean(dim=0).to(hidden.dtype)
        pooled = torch.tanh(self.inner(torch.cat([hidden[0], claim])))
        return self.verdict(pooled), self.support(hidden[1:]).squeeze(-1)

    def judge_rows(self, hidden: Tensor, firsts: Tensor, claims: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
        """((pairs, 3) verdict logits, (claim tokens,) support logits) of pairs end to end, as :meth:`forward` gives them.

        ``hidden``: (tokens, hidden). ``firsts``: (pairs,) where each [CLS] stands, ``claims``: (claim tokens,) where those of
        all claims do, ``owners``: (claim tokens,) whose they are.
        """
        chosen = hidden[claims]
        sums = hidden.new_zeros(len(firsts), hidden.shape[1], dtype=torch.float32).index_add(0, owners, chosen.float())
        means = sums / torch.bincount(owners, minlength=len(firsts)).clamp(min=1)[:, None]
        pooled = torch.tanh(self.inner(torch.cat([hidden[firsts], means.to(hidden.dtype)], dim=-1)))
        return self.verdict(pooled), self.support(chosen).squeeze(-1)


def widen_types(encoder: nn.Module) -> None:
    """Give a BERT encoder :data:`TYPE_COUNT` token types, in place; the new ones start as copies of the old two."""
    model: Any = encoder
    old = model.embeddings.token_type_embeddings.weight.data
    wide = nn.Embedding(TYPE_COUNT, old.shape[1])
    wide.weight.data = torch.cat([old, old])[:TYPE_COUNT].clone()
    model.embeddings.token_type_embeddings = wide
    model.config.type_vocab_size = TYPE_COUNT


def is_trained(name: str) -> bool:
    """Whether a tensor is trained and shipped; word and position embeddings stay as the bundled encoder has them."""
    return not name.endswith(("word_embeddings.weight", "position_embeddings.weight")) and "pooler" not in name
