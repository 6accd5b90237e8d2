"""Lookups: base forms of a word, and whether two words are synonyms, opposites, of one class, or each other's converse."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import combinations, product
from typing import Any, Final

import yaml

_HERE: Final = "parsers.words"
_LIGHT: Final = frozenset(
    "be have do go get make take give put come keep hold see say set run turn work look find one thing way".split()
)
"""Words of so many senses that sharing one says nothing."""
_LEAST_BASE_LETTERS: Final = 3
_ENDINGS: Final = (
    ("ies", "y"), ("ied", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("zes", "z"),
    ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"), ("es", ""), ("es", "e"), ("s", ""), ("er", ""), ("er", "e"),
    ("est", ""), ("est", "e"),
    ("ly", ""),
)  # fmt: skip


@dataclass(frozen=True)
class Lexicon:
    """The tables by base form. ``senses``: numbers of what a word can mean; ``parents``: of a noun's sense, the wider one."""

    senses: dict[str, frozenset[int]]
    verbs: frozenset[str]
    nouns: frozenset[str]
    parents: dict[str, int]
    irregular: dict[str, frozenset[str]]
    alike: dict[str, frozenset[str]]
    opposites: dict[str, frozenset[str]]
    derived: dict[str, frozenset[str]]
    classes: dict[str, frozenset[str]]
    converses: dict[str, frozenset[str]]
    symmetric: frozenset[str]
    given_names: frozenset[str]
    common: frozenset[str]


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The tables, read once (some 50 ms)."""
    data: dict[str, Any] = json.loads(gzip.decompress((files(_HERE) / "english.json.gz").read_bytes()))
    own: dict[str, Any] = yaml.safe_load((files(_HERE) / "everyday.yaml").read_text(encoding="utf-8"))
    table: dict[str, dict[str, list[int]]] = data["senses"]
    parents: dict[str, int] = {
        word: data["parents"][str(by_kind["n"][0])]
        for word, by_kind in table.items()
        if "n" in by_kind and str(by_kind["n"][0]) in data["parents"]
    }
    irregular: dict[str, set[str]] = defaultdict(set)
    for base, forms in own["irregular"].items():
        for form in str(forms).split():
            irregular[form].add(str(base))
    classes: dict[str, set[str]] = defaultdict(set)
    for name, members in own["classes"].items():
        for member in members.split():
            classes[member].add(name)
    sides = [[side.split() for side in line.split(" / ")] for line in own["opposites"]]
    turned = [[side.split() for side in line.split(" / ")] for line in own["converses"]]
    return Lexicon(
        senses={w: frozenset(s for found in k.values() for s in found) for w, k in table.items() if w not in _LIGHT},
        verbs=frozenset(word for word, by_kind in table.items() if "v" in by_kind),
        nouns=frozenset(word for word, by_kind in table.items() if "n" in by_kind),
        parents=parents,
        irregular=_frozen(irregular),
        alike=_symmetric(pair for line in own["synonyms"] for pair in combinations(line.split(), 2)),
        opposites=_symmetric(
            [
                *((row[0], other) for row in data["opposites"] for other in row[1:]),
                *(pair for left, right in sides for pair in product(left, right)),
            ]
        ),
        derived=_symmetric((row[0], other) for row in data["derived"] for other in row[1:]),
        classes=_frozen(classes),
        converses=_symmetric(pair for left, right in turned for pair in product(left, right)),
        symmetric=frozenset(own["symmetric"].split()),
        given_names=frozenset(own["given_names"].split()),
        common=frozenset(data["common"].split()),
    )


def _frozen(found: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in found.items()}


def _symmetric(pairs: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for first, second in pairs:
        found[first].add(second)
        found[second].add(first)
    return _frozen(found)


LONGEST_WORD: Final = 40
"""Characters; a longer run of letters is an id or a key, is no form of anything, and is not kept in memory."""


def base_forms(word: str) -> frozenset[str]:
    """What a word may be a form of, itself among them: "stopped" gives *stopped, stop*, "better" *better, good*.

    A base that the lexicon does not know is none, so that names keep their own spelling.
    """
    lowered = word.lower().removesuffix("'s").removesuffix("’s")
    return _base_forms(lowered) if len(lowered) <= LONGEST_WORD else frozenset({lowered})


@lru_cache(maxsize=16_384)
def _base_forms(lowered: str) -> frozenset[str]:
    known = lexicon()
    found = {lowered} | known.irregular.get(lowered, frozenset())
    for ending, instead in _ENDINGS:
        if lowered.endswith(ending) and len(lowered) - len(ending) >= _LEAST_BASE_LETTERS - 1:
            base = lowered[: -len(ending)] + instead
            undoubled = (
                base[:-1] if len(base) > _LEAST_BASE_LETTERS and base[-1:] == base[-2:-1] and not instead else base
            )
            found.update(
                one for one in (base, undoubled) if one in known.senses or one in known.alike or one in known.verbs
            )
    if lowered.endswith("s") and not lowered.endswith("ss") and len(lowered) > _LEAST_BASE_LETTERS:
        found.add(lowered[:-1])
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a word can be compared by. ``kin``: base forms of synonyms and derivations; ``against``: of opposites, converses."""

    bases: frozenset[str]
    senses: frozenset[int]
    kin: frozenset[str]
    against: frozenset[str]
    classes: frozenset[str]
    parents: frozenset[int]


def meaning(word: str) -> Meaning:
    """All that the tables say of a word, in any form."""
    bases = base_forms(word)
    return _meaning(bases) if len(word) <= LONGEST_WORD else meaning_of_itself(*bases)


def meaning_of_itself(word: str) -> Meaning:
    """Of a number or an id, which is comparable with the same one only."""
    return Meaning(frozenset({word}), frozenset(), frozenset(), frozenset(), frozenset(), frozenset())


@lru_cache(maxsize=16_384)
def _meaning(bases: frozenset[str]) -> Meaning:
    known = lexicon()
    opposites = _all(known.opposites, bases) | _all(known.converses, bases)
    denied = {prefix + base for base in bases if len(base) > _LEAST_BASE_LETTERS for prefix in _DENYING}
    plain = {base.removeprefix(prefix) for base in bases for prefix in _DENYING if base.startswith(prefix)}
    against = (
        opposites
        | (denied & known.common)
        | {one for one in plain if len(one) > _LEAST_BASE_LETTERS and one in known.common}
    )
    return Meaning(
        bases,
        frozenset(sense for base in bases for sense in known.senses.get(base, ())),
        _all(known.alike, bases) | _all(known.derived, bases),
        frozenset(against),
        _all(known.classes, bases),
        frozenset(known.parents[base] for base in bases if base in known.parents and base not in _LIGHT),
    )


_DENYING: Final = ("un", "in", "im", "non", "dis", "ir")


def _all(table: dict[str, frozenset[str]], bases: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(table[base] for base in bases if base in table))


def same_word(first: str, second: str) -> bool:
    """Forms of one word: "refunds", "refunded"."""
    return not base_forms(first).isdisjoint(base_forms(second))


def same_meaning(first: str, second: str) -> bool:
    """Forms of one word, synonyms, or one derived from the other: "hurt" and "injured", "approve" and "approval"."""
    one, other = meaning(first), meaning(second)
    return not one.bases.isdisjoint(other.bases) or synonymous(one, other)


def synonymous(one: Meaning, other: Meaning) -> bool:
    """Whether two words share a sense or are of one family, and neither excludes the other."""
    if one.kin.isdisjoint(other.bases) and one.senses.isdisjoint(other.senses):
        return False
    return not _exclude(one, other) and one.against.isdisjoint(other.bases)


def opposite(first: str, second: str) -> bool:
    """Whether one denies the other, or says it with the arguments exchanged: "open" and "closed", "paid" and "unpaid"."""
    return not meaning(first).against.isdisjoint(meaning(second).bases)


def exclusive(first: str, second: str) -> bool:
    """Whether both are members of one class and cannot both be meant: two weekdays, two colours, two directions."""
    return _exclude(meaning(first), meaning(second))


def _exclude(one: Meaning, other: Meaning) -> bool:
    return (
        not one.classes.isdisjoint(other.classes)
        and one.bases.isdisjoint(other.bases)
        and one.kin.isdisjoint(other.bases)
    )


def siblings(first: str, second: str) -> bool:
    """Whether two nouns are kinds of the same thing and neither is the other: "trumpet" and "trombone"."""
    one, other = meaning(first), meaning(second)
    return not one.parents.isdisjoint(other.parents) and not same_meaning(first, second)


def converse(first: str, second: str) -> bool:
    """Whether one says the other with its arguments exchanged: "beat" and "lost"."""
    known = lexicon().converses
    return any(b in known.get(a, ()) for a, b in product(base_forms(first), base_forms(second)))


def may_be_verb(word: str) -> bool:
    """Whether some base form of ``word`` is a verb."""
    return bool(base_forms(word) & lexicon().verbs)


def is_verb_form(word: str) -> bool:
    """Whether ``word`` is a verb, or an inflected form of one; "founder" is neither."""
    lowered, known = word.lower(), lexicon()
    if lowered.endswith(("er", "or")) and base_forms(lowered) - {lowered}:
        return False
    if lowered in known.verbs or known.irregular.get(lowered, frozenset()) & known.verbs:
        return True
    return lowered.endswith(("s", "ed", "ing")) and bool(base_forms(lowered) & known.verbs)


def is_past_form(word: str) -> bool:
    """Whether ``word`` looks like a past tense or participle: "bought", "acquired"."""
    lowered = word.lower()
    return lowered.endswith("ed") or lowered in lexicon().irregular


def is_symmetric(word: str) -> bool:
    """Whether the order of a verb's arguments says nothing: "met", "merged"."""
    return bool(base_forms(word) & lexicon().symmetric)
