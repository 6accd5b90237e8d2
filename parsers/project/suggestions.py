"""Which existing name was probably meant: edit distance and shared words, the same owner's names first."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["NEAR", "NameTable", "best_match", "similarity", "words"]

NEAR = 0.60
"""From this similarity on a name counts as a near miss."""

_FINALISTS = 24
_GENERIC = frozenset(
    "error exception data info value type name item items object base all new get set is has to of default key list now".split()
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|[a-z]+|\d+")


@lru_cache(maxsize=50_000)
def words(name: str) -> tuple[str, ...]:
    """``getHTTPResponse_2`` gives ('get', 'http', 'response', '2')."""
    return tuple(word.lower() for word in _WORDS.findall(name))


def similarity(first: str, second: str) -> float:
    """The larger of edit similarity (optimal string alignment) and shared words (Dice over the two word bags), in [0, 1]."""
    if first == second:
        return 1.0
    left, right = words(first), words(second)
    shared = sum(_weight(word) for word in _common(left, right))
    whole = sum(map(_weight, left)) + sum(map(_weight, right))
    dice = 2 * shared / whole if whole else 0.0
    low, high = first.lower().strip("_"), second.lower().strip("_")
    longest = max(len(low), len(high), 1)
    edit = 1 - edit_distance(low, high, limit=longest) / longest if min(len(low), len(high)) * 3 >= longest else 0.0
    ends = 0.05 * (left[-1:] == right[-1:]) + 0.05 * (left[:1] == right[:1]) if left and right else 0.0
    return min(0.99, 0.5 * max(edit, dice) + 0.25 * (edit + dice) + ends)


def _weight(word: str) -> float:
    """Words that fit any name say little about which name was meant."""
    return 0.4 if word in _GENERIC or len(word) < 3 else 1.0


def other_number(name: str) -> str | None:
    """The name with the last word in the singular for the plural, or the reverse; None when that word is too short."""
    last = words(name)[-1:]
    if not last or len(last[0]) < 3 or not name[-1:].isalpha():
        return None
    return name + "s" if last[0][-1] != "s" else name[:-1] if len(last[0]) > 3 else None


def best_match(name: str, candidates: Iterable[str], least: float = 0.4) -> tuple[str | None, float]:
    """The most similar candidate with its similarity, or (None, 0.0) when none reaches ``least``. Ties: first by name."""
    return NameTable(candidates).best(name, least)


class NameTable:
    """Names by their neighbouring letters and words, so that the few worth measuring are found fast. Build once, ask often."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted({name for name in names if name})
        self.sizes = [len(_pairs(name)) for name in self.names]
        self.by_pair: dict[str, list[int]] = defaultdict(list)
        self.by_word: dict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(self.names):
            for pair in _pairs(name):
                self.by_pair[pair].append(number)
            for word in set(words(name)):
                self.by_word[word].append(number)

    def best(self, name: str, least: float = 0.4) -> tuple[str | None, float]:
        """As :func:`best_match`."""
        best, score = None, 0.0
        for candidate in self._finalists(name, least == 0):
            value = similarity(name, candidate)
            if value > score:
                best, score = candidate, value
        return (best, score) if score >= least else (None, 0.0)

    def _finalists(self, name: str, distant: bool) -> list[str]:
        pairs, bag = _pairs(name), set(words(name))
        shared = Counter(number for pair in pairs for number in self.by_pair.get(pair, ()))
        common = Counter(number for word in bag for number in self.by_word.get(word, ()))
        numbers = range(len(self.names)) if distant else shared.keys() | common.keys()
        special = name.startswith("__")
        ranked = sorted(
            (
                -shared[number] / (len(pairs) + self.sizes[number]) - 0.5 * common[number] / (len(bag) + 1),
                self.names[number],
            )
            for number in numbers
            if self.names[number] != name and (special or not self.names[number].startswith("__"))
        )
        return [candidate for _, candidate in ranked[:_FINALISTS]]


@lru_cache(maxsize=100_000)
def _pairs(name: str) -> frozenset[str]:
    """Neighbouring letters, a cheap measure for the first selection."""
    low = f"^{name.lower()}"
    return frozenset(low[start : start + 2] for start in range(len(low) - 1))


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> list[str]:
    rest = list(right)
    found = []
    for word in left:
        if word in rest:
            rest.remove(word)
            found.append(word)
    return found


@lru_cache(maxsize=50_000)
def edit_distance(first: str, second: str, limit: int) -> int:
    """Optimal string alignment distance (insert, delete, replace, swap of neighbours); at most ``limit`` is computed."""
    if abs(len(first) - len(second)) >= limit:
        return limit
    before: list[int] = []
    previous = list(range(len(second) + 1))
    for row, left in enumerate(first, 1):
        current = [row]
        for column, right in enumerate(second, 1):
            cost = min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (left != right))
            if row > 1 and column > 1 and left == second[column - 2] and first[row - 2] == right:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return min(previous[-1], limit)
