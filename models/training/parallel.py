"""What other processes take over where a GPU would wait for it: tokenising, and collating ahead.

With ``workers`` 0 everything happens in this process, which is what a CPU wants: there both are small beside the forward pass.
One process tokenises some 2,400 pairs a second and collates 16,000; a GPU is expected to learn from thousands.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch.utils.data import DataLoader, Dataset

from models.training.batches import TrainingGroup, tokenize_examples
from models.training.examples import Example, grouped
from models.training.losses import Batch, make_batch
from models.verifier_input import PairBuilder

_CHUNK_GROUPS = 2_000


def tokenize_in_parallel(
    examples: Sequence[Example], builder: PairBuilder, max_tokens: int, workers: int = 0
) -> tuple[list[TrainingGroup], int]:
    """As :func:`models.training.batches.tokenize_examples`, in the same order, by ``workers`` processes.

    The processes are forked, so call it before this process has used a GPU.
    """
    if not workers:
        return tokenize_examples(examples, builder, max_tokens)
    groups = grouped(examples)
    chunks = [
        [example for group in groups[begin : begin + _CHUNK_GROUPS] for example in group]
        for begin in range(0, len(groups), _CHUNK_GROUPS)
    ]
    work = partial(tokenize_examples, builder=builder, max_tokens=max_tokens)
    with multiprocessing.get_context("fork").Pool(workers, _take_over, (work, chunks)) as pool:
        parts = pool.map(_tokenized_chunk, range(len(chunks)), chunksize=1)
    return [group for part, _ in parts for group in part], sum(left_out for _, left_out in parts)


_Work = Callable[[Sequence[Example]], tuple[list[TrainingGroup], int]]
_inherited: dict[str, tuple[_Work, Sequence[Sequence[Example]]]] = {}
"""In a worker: what to do, and on what. It comes with the fork, since examples and tokenizer are long to pickle."""


def _take_over(work: _Work, chunks: Sequence[Sequence[Example]]) -> None:
    _inherited["work"] = work, chunks


def _tokenized_chunk(number: int) -> tuple[list[TrainingGroup], int]:
    work, chunks = _inherited["work"]
    return work(chunks[number])


class _Batches(Dataset[Batch]):
    """Collated batches by number."""

    def __init__(self, groups: Sequence[TrainingGroup], batches: Sequence[Sequence[int]]) -> None:
        self._groups, self._batches = groups, batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> Batch:
        return make_batch([self._groups[index] for index in self._batches[number]])


def collated(
    groups: Sequence[TrainingGroup], batches: Sequence[Sequence[int]], workers: int = 0, pinned: bool = False
) -> Iterator[Batch]:
    """The batches in order, made ahead by ``workers`` processes; ``pinned``: in memory that a GPU copies from by itself."""
    made = _Batches(groups, batches)
    if not workers:
        return (made[number] for number in range(len(made)))
    own = torch.Generator()  # the process's own random numbers are the dropout's, and a resumed run must draw the same
    return iter(DataLoader(made, batch_size=None, num_workers=workers, pin_memory=pinned, generator=own))
