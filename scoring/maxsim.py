"""Reverse MaxSim: how well every response token is matched by some token of some support unit.

With response vectors r_t and unit vectors c_{u,j}, all L2-normalised: m[t,u] = max_j r_t·c_{u,j} and g_t = max_u m[t,u]
(the max-sum operator of ColBERT, Khattab and Zaharia 2020, read from the response to the context). A maximum does not
depend on how its candidates are grouped, so any tiling of context or response gives the same numbers.

Runs where the vectors live and returns an :class:`~scoring.types.Alignment`, a few kilobytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.types import TokenVectors
from scoring.types import Alignment, Span

_PIECE_TOKENS = 256
_CONTEXT_TILE_TOKENS = {"cpu": 4096, "cuda": 65_536}
"""Context rows of one product: on a CPU what its cache holds, on a GPU so many that launches do not count (64 MiB a product)."""
_RESPONSE_TILE_TOKENS = 1024
_NULL_SPREAD_FLOOR = 0.02
_NO_MATCH = -1.0
_TIE_TILE_TOKENS = 128
_HALF_PRECISION_STEP = 2.0**-7


@dataclass(frozen=True)
class _UnitMatches:
    """``best``: (tokens, units) m[t,u]; ``token``: (tokens, units) the matching row among all context vectors."""

    best: torch.Tensor
    token: torch.Tensor


@dataclass(frozen=True)
class PackedUnits:
    """Vectors of all units end to end. ``vectors``: (context tokens, dim); ``edges``: (units + 1,) row offsets."""

    vectors: torch.Tensor
    edges: NDArray[np.int64]
    char_spans: NDArray[np.int32]

    @property
    def count(self) -> int:
        """Number of units."""
        return len(self.edges) - 1


def pack_units(units: Sequence[TokenVectors]) -> PackedUnits:
    """Lay the units' vectors end to end once, for any number of responses."""
    edges = np.concatenate([[0], np.cumsum([len(u) for u in units])]).astype(np.int64)
    filled = [u for u in units if len(u)]
    if not filled:
        return PackedUnits(torch.zeros(0, 1), edges, np.zeros((0, 2), np.int32))
    return PackedUnits(
        torch.cat([u.vectors for u in filled]), edges, np.concatenate([u.char_spans for u in filled]).astype(np.int32)
    )


def _pieces(edges: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split units into pieces of at most ``_PIECE_TOKENS`` rows: ((pieces, 2) row ranges, (pieces,) unit)."""
    ranges: list[tuple[int, int]] = []
    owners: list[int] = []
    for unit in range(len(edges) - 1):
        for start in range(int(edges[unit]), int(edges[unit + 1]), _PIECE_TOKENS):
            ranges.append((start, min(start + _PIECE_TOKENS, int(edges[unit + 1]))))
            owners.append(unit)
    return np.asarray(ranges, np.int64).reshape(-1, 2), np.asarray(owners, np.int64)


def _tiles(lengths: NDArray[np.int64], tile_tokens: int) -> list[NDArray[np.int64]]:
    """Groups of piece numbers whose padded size stays under ``tile_tokens``; pieces of like length together."""
    order = np.argsort(lengths, kind="stable")
    groups: list[NDArray[np.int64]] = []
    begin = 0
    for i in range(1, len(order) + 1):
        if i == len(order) or (i + 1 - begin) * int(lengths[order[i]]) > tile_tokens:
            groups.append(order[begin:i])
            begin = i
    return groups


def match_units(tokens: torch.Tensor, context: PackedUnits) -> _UnitMatches:
    """m[t,u] and the matching context row, for ``tokens`` (tokens, dim). A unit without tokens matches at -1."""
    device = tokens.device
    best = torch.full((len(tokens), context.count), _NO_MATCH, dtype=torch.float32, device=device)
    token = torch.zeros((len(tokens), context.count), dtype=torch.int64, device=device)
    ranges, owners = _pieces(context.edges)
    tile_tokens = _CONTEXT_TILE_TOKENS.get(device.type, _CONTEXT_TILE_TOKENS["cpu"])
    for group in _tiles(ranges[:, 1] - ranges[:, 0], tile_tokens):
        starts = torch.as_tensor(ranges[group, 0], device=device)
        ends = torch.as_tensor(ranges[group, 1], device=device)
        width = int((ranges[group, 1] - ranges[group, 0]).max())
        rows = starts[:, None] + torch.arange(width, device=device)  # (pieces, width)
        padding = rows >= ends[:, None]
        rows = rows.clamp(max=len(context.vectors) - 1)
        tile = context.vectors[rows.reshape(-1)]
        for begin in range(0, len(tokens), _RESPONSE_TILE_TOKENS):
            part = slice(begin, begin + _RESPONSE_TILE_TOKENS)
            similarity = (tokens[part] @ tile.T).float().view(-1, len(group), width)
            similarity.masked_fill_(padding, float("-inf"))
            values, columns = similarity.max(dim=2)  # (tokens, pieces)
            _merge(best[part], token[part], values, starts + columns, owners[group])
    return _UnitMatches(best.clamp_(-1.0, 1.0), token)


def _merge(
    best: torch.Tensor, token: torch.Tensor, values: torch.Tensor, rows: torch.Tensor, owners: NDArray[np.int64]
) -> None:
    """Fold the pieces' maxima into their units', in place; of equal maxima the first row stands."""
    units, first = np.unique(owners, return_index=True)
    if len(units) == len(owners):
        rounds = [np.arange(len(owners))]
    else:  # a unit with several pieces in this tile: one round per occurrence
        rounds = [first]
        left = np.setdiff1d(np.arange(len(owners)), first)
        while len(left):
            _, again = np.unique(owners[left], return_index=True)
            rounds.append(left[again])
            left = np.delete(left, again)
    for chosen in rounds:
        columns = torch.as_tensor(owners[chosen], device=best.device)
        new, new_rows = values[:, chosen], rows[:, chosen]
        old, old_rows = best[:, columns], token[:, columns]
        better = (new > old) | ((new == old) & (new_rows < old_rows))
        best[:, columns] = torch.where(better, new, old)
        token[:, columns] = torch.where(better, new_rows, old_rows)


def align(
    response: TokenVectors,
    context: PackedUnits,
    claims: Sequence[Span],
    null_bank: PackedUnits,
    query: TokenVectors | None = None,
) -> Alignment:
    """Everything the lane needs from the vectors of one response, its context, its claims and its query."""
    matches = match_units(response.vectors, context)
    null = match_units(response.vectors, null_bank).best
    null_mean = null.mean(dim=1)
    null_spread = (null - null_mean[:, None]).square().mean(dim=1).sqrt().clamp_min(_NULL_SPREAD_FLOOR)
    unit_z = (matches.best - null_mean[:, None]) / null_spread[:, None]  # (R, U)
    content = response.content if response.content.any() else np.ones(len(response), np.bool_)
    weights = torch.as_tensor(content, device=matches.best.device)
    best, best_unit = _best_units(response.vectors, context, matches)
    rows = matches.token.gather(1, best_unit.clamp_min(0)[:, None])[:, 0] if context.count else best_unit.clamp_min(0)
    matched = (best > _NO_MATCH).cpu().numpy()
    row_numbers = rows.cpu().numpy()
    spans = context.char_spans[row_numbers] if len(context.char_spans) else np.zeros((len(response), 2), np.int32)
    query_response, query_match, unit_query = _query_relevance(response, context, rows, query)
    return Alignment(
        token_spans=response.char_spans,
        content=content,
        best=best.cpu().numpy().astype(np.float32),
        best_unit=np.where(matched, best_unit.cpu().numpy(), -1).astype(np.int32),
        best_span=np.where(matched[:, None], spans, 0).astype(np.int32),
        z=((best - null_mean) / null_spread).cpu().numpy().astype(np.float32),
        unit_coverage=_masked_max(matches.best, weights),
        unit_z=_masked_max(unit_z, weights),
        unit_share=_unit_share(best_unit.cpu().numpy(), content & matched, context.count),
        claim_unit=_claim_means(matches.best, response.char_spans, content, claims),
        query_response=query_response,
        query_match=query_match,
        unit_query=unit_query,
    )


def _best_units(tokens: torch.Tensor, context: PackedUnits, matches: _UnitMatches) -> tuple[torch.Tensor, torch.Tensor]:
    """(tokens,) best similarity, and the unit that has it.

    Products in half precision come in coarse steps, so several units often tie: these are compared in float32, else the
    order of the units would choose.
    """
    if not context.count:
        return _nothing(len(tokens), matches.best)
    best, best_unit = matches.best.max(dim=1)
    if tokens.dtype == torch.float32 or context.count == 1:
        return best, best_unit
    for begin in range(0, len(tokens), _TIE_TILE_TOKENS):
        part = slice(begin, begin + _TIE_TILE_TOKENS)
        near = matches.best[part] >= best[part, None] - _HALF_PRECISION_STEP
        row, unit = near.nonzero(as_tuple=True)
        left = tokens[part][row].float()
        right = context.vectors[matches.token[part][row, unit]].float()
        exact = torch.full(near.shape, float("-inf"), device=tokens.device)
        exact[row, unit] = (left * right).sum(dim=1)
        best_unit[part] = torch.where(best[part] > _NO_MATCH, exact.argmax(dim=1), best_unit[part])
    return best, best_unit


def _nothing(count: int, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return like.new_full((count,), _NO_MATCH), torch.full((count,), -1, dtype=torch.int64, device=like.device)


def _masked_max(values: torch.Tensor, weights: torch.Tensor) -> NDArray[np.float32]:
    """Column maxima over the tokens that count."""
    if not len(values):
        return np.full(values.shape[1], _NO_MATCH, np.float32)
    masked = values.masked_fill(~weights[:, None], float("-inf"))
    return masked.max(dim=0).values.cpu().numpy().astype(np.float32)


def _unit_share(best_unit: NDArray[np.int64], counted: NDArray[np.bool_], units: int) -> NDArray[np.float32]:
    hits = np.bincount(best_unit[counted], minlength=units)
    return (hits / max(int(counted.sum()), 1)).astype(np.float32)


def _claim_means(
    best: torch.Tensor, spans: NDArray[np.int32], content: NDArray[np.bool_], claims: Sequence[Span]
) -> NDArray[np.float32]:
    """(claims, units): mean of m[t,u] over each claim's content tokens, over all its tokens if none is content."""
    if not claims or not len(spans):
        return np.full((len(claims), best.shape[1]), _NO_MATCH, np.float32)
    edges = np.asarray(claims, np.int64)
    inside = (spans[None, :, 0] >= edges[:, :1]) & (spans[None, :, 0] < edges[:, 1:])  # (claims, tokens)
    weighted = inside & content[None, :]
    weighted = np.where(weighted.any(axis=1, keepdims=True), weighted, inside).astype(np.float32)
    totals = weighted.sum(axis=1, keepdims=True)
    means = weighted @ best.cpu().numpy() / np.maximum(totals, 1.0)
    return np.where(totals > 0, means, _NO_MATCH).astype(np.float32)


def _query_relevance(
    response: TokenVectors, context: PackedUnits, rows: torch.Tensor, query: TokenVectors | None
) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None, NDArray[np.float32] | None]:
    if query is None or not len(query):
        return None, None, None
    of_response = (response.vectors @ query.vectors.T).float().max(dim=1).values
    if len(context.vectors):
        of_match = (context.vectors[rows] @ query.vectors.T).float().max(dim=1).values
    else:
        of_match = torch.full_like(of_response, _NO_MATCH)
    weights = query.content if query.content.any() else np.ones(len(query), np.bool_)
    per_unit = match_units(query.vectors[torch.as_tensor(weights, device=query.vectors.device)], context).best
    return (
        of_response.cpu().numpy().astype(np.float32),
        of_match.cpu().numpy().astype(np.float32),
        per_unit.mean(dim=0).cpu().numpy().astype(np.float32),
    )
