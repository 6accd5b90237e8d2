"""What is minimised: verdicts of single pairs, support of tokens, and answers whose one label covers many claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.trained_verifier import LOWEST_TOKENS
from models.training.batches import TrainingGroup
from models.training.examples import NO_LABEL
from models.verifier_network import ENTAIL, PairTensors, collate

_NOT_ENTAILMENT = 3


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts. ``unsupported_token``: weight of an unsupported token against a supported one.

    ``lowest``: of the loss that teaches the token head from pairs without marked characters (:func:`lowest_loss`).
    """

    verdict: float = 1.0
    token: float = 0.5
    group: float = 0.5
    lowest: float = 0.0
    unsupported_token: float = 2.0


@dataclass(frozen=True)
class Batch:
    """Tensors of some groups.

    ``labels``, ``weights``: (pairs,). ``token_labels``: (pairs, tokens) 1 supported, 0 not, -1 where unlabelled.
    ``group_of``: (pairs,) number of the pair's group among those with a label, -1 for none. ``group_labels``: (groups,).
    """

    tensors: PairTensors
    labels: Tensor
    weights: Tensor
    token_labels: Tensor
    group_of: Tensor
    group_labels: Tensor
    count: int

    def to(self, device: torch.device) -> Batch:
        """The same on a device; from pinned memory the copy waits for nothing."""
        return self._each(lambda part: part.to(device, non_blocking=True), self.tensors.to(device))

    def pin_memory(self) -> Batch:
        """The same in pinned memory."""
        return self._each(Tensor.pin_memory, self.tensors.pin_memory())

    def _each(self, change: Callable[[Tensor], Tensor], tensors: PairTensors) -> Batch:
        parts = (self.labels, self.weights, self.token_labels, self.group_of, self.group_labels)
        labels, weights, token_labels, group_of, group_labels = map(change, parts)
        return Batch(tensors, labels, weights, token_labels, group_of, group_labels, self.count)


def make_batch(groups: Sequence[TrainingGroup]) -> Batch:
    """Collate groups, padded to the longest pair."""
    items = [item for group in groups for item in group.pairs]
    tensors = collate([item.pair for item in items])
    tokens = torch.full(tensors.ids.shape, -1.0)
    for row, item in enumerate(items):
        if item.token_labels is not None:
            start = item.pair.claim_start
            tokens[row, start : start + len(item.token_labels)] = torch.from_numpy(item.token_labels)
    owners: list[int] = []
    group_labels: list[int] = []
    for group in groups:
        owners.extend([len(group_labels) if group.label is not None else -1] * len(group.pairs))
        if group.label is not None:
            group_labels.append(group.label)
    return Batch(
        tensors,
        torch.tensor([item.label for item in items]),
        torch.from_numpy(np.array([item.weight for item in items], dtype=np.float32)),
        tokens,
        torch.tensor(owners),
        torch.tensor(group_labels, dtype=torch.float32),
        len(groups),
    )


def _verdict_loss(log_p: Tensor, batch: Batch) -> Tensor:
    log_p = torch.cat([log_p, torch.logsumexp(log_p[:, 1:], dim=-1, keepdim=True)], dim=-1)
    known = batch.labels != NO_LABEL
    chosen = log_p.gather(1, batch.labels.clamp(min=0, max=_NOT_ENTAILMENT).unsqueeze(1)).squeeze(1)
    return -(chosen * batch.weights)[known].sum()


def token_loss(support: Tensor, batch: Batch, unsupported_weight: float) -> Tensor:
    """Sum over pairs of the mean binary cross-entropy of their labelled tokens."""
    known = batch.token_labels >= 0
    if not bool(known.any()):
        return support.float().sum() * 0.0
    weights = torch.where(batch.token_labels == 0, unsupported_weight, 1.0) * known
    losses = functional.binary_cross_entropy_with_logits(
        support.float(), batch.token_labels.clamp(min=0.0), weight=weights, reduction="none"
    )
    per_pair = losses.sum(dim=1) / known.sum(dim=1).clamp(min=1)
    return (per_pair * batch.weights).sum()


def lowest_loss(support: Tensor, batch: Batch) -> Tensor:
    """Sum over pairs with a verdict but without marked characters: the mean of the lowest token supports says entailed or not.

    That mean is what a verdict is corrected with (:func:`models.trained_verifier.lowest_support`): all tokens of an entailed
    claim are supported, and some of any other are not, though nobody said which.
    """
    chosen = (batch.labels != NO_LABEL) & (batch.token_labels < 0).all(dim=1)
    if not bool(chosen.any()):
        return support.float().sum() * 0.0
    inside = batch.tensors.claim_mask[chosen]
    logits = support.float()[chosen].masked_fill(~inside, torch.inf)
    lowest = torch.topk(logits, min(LOWEST_TOKENS, logits.shape[1]), dim=1, largest=False).values
    counted = torch.isfinite(lowest)
    means = (torch.sigmoid(lowest) * counted).sum(dim=1) / counted.sum(dim=1).clamp(min=1)
    entailed = (batch.labels[chosen] == ENTAIL).float()
    losses = functional.binary_cross_entropy(means.clamp(1e-5, 1.0 - 1e-5), entailed, reduction="none")
    return (losses * batch.weights[chosen]).sum()


def _group_loss(log_entail: Tensor, batch: Batch) -> Tensor:
    """A group labelled 1 holds at least one unsupported claim: P = 1 - prod(p_entail), the noisy-or of its claims.

    Multiple-instance learning (Maron and Lozano-Pérez 1998). A group labelled 0 has none: each claim is entailed.
    """
    inside = batch.group_of >= 0
    if not bool(inside.any()):
        return log_entail.sum() * 0.0
    size = len(batch.group_labels)
    owners = batch.group_of[inside]
    all_entailed = log_entail.new_zeros(size).index_add(0, owners, log_entail[inside])
    weights = batch.weights.new_zeros(size).index_add(0, owners, batch.weights[inside])
    counts = torch.bincount(owners, minlength=size)
    some_unsupported = torch.log(-torch.expm1(all_entailed.clamp(max=-1e-4)))
    losses = torch.where(batch.group_labels > 0, -some_unsupported, -all_entailed)
    return (losses * weights / counts).sum()


def total_loss(verdict: Tensor, support: Tensor, batch: Batch, weights: LossWeights) -> tuple[Tensor, dict[str, float]]:
    """The weighted sum over the batch to minimise, and its parts as numbers per group. Logits as the network gives them."""
    log_p = functional.log_softmax(verdict.float(), dim=-1)
    parts = {
        "verdict": _verdict_loss(log_p, batch),
        "token": token_loss(support, batch, weights.unsupported_token),
        "group": _group_loss(log_p[:, ENTAIL], batch),
        "lowest": lowest_loss(support, batch) if weights.lowest else support.float().sum() * 0.0,
    }
    total = sum((getattr(weights, name) * value for name, value in parts.items()), torch.zeros(()))
    return total, {name: float(value.detach()) / batch.count for name, value in parts.items()}
