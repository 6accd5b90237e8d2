"""What the answers add up to: rates by group, agreement with people, the worst examples. Unknown is never a side of a rate."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from groundlane.evaluate.rows import NO_CONTEXT, BadRow, Row
from groundlane.evaluate.statistics import Interval, auroc, rate

HALLUCINATED: Final = "hallucinated"
GROUNDED: Final = "grounded"
UNDECIDED: Final = "undecided"
UNKNOWN: Final = "unknown"
VERDICTS: Final = (HALLUCINATED, UNDECIDED, GROUNDED, UNKNOWN)

_BY_BAND: Final = {"red": HALLUCINATED, "amber": UNDECIDED, "green": GROUNDED}


@dataclass(frozen=True)
class Rule:
    """When an answer counts as hallucinated; ``says`` in words."""

    says: str
    verdict: Callable[[Mapping[str, Any]], str]


def _has_claim(answer: Mapping[str, Any], verdicts: tuple[str, ...]) -> bool:
    return any(claim["verdict"] in verdicts for claim in answer.get("claims") or ())


RULES: Final[Mapping[str, Rule]] = {
    "red": Rule(
        "its band is red; amber is undecided, green is grounded",
        lambda answer: _BY_BAND[answer["band"]],
    ),
    "red-or-amber": Rule(
        "its band is red or amber: all that is not certainly grounded",
        lambda answer: GROUNDED if answer["band"] == "green" else HALLUCINATED,
    ),
    "contradicted": Rule(
        "its context contradicts one of its claims",
        lambda answer: HALLUCINATED if _has_claim(answer, ("contradicted",)) else GROUNDED,
    ),
    "unsupported": Rule(
        "one of its claims is contradicted or not supported",
        lambda answer: HALLUCINATED if _has_claim(answer, ("contradicted", "unsupported")) else GROUNDED,
    ),
}


@dataclass(frozen=True)
class Judged:
    """A row and what came of it. ``answer``: the server's JSON, None where there was nothing to ask it."""

    row: Row
    verdict: str
    reason: str
    answer: Mapping[str, Any] | None

    @property
    def score(self) -> float | None:
        """The probability that the answer is grounded; None where the server could not say."""
        return None if self.answer is None else self.answer.get("score")


@dataclass(frozen=True)
class Group:
    """Answers together: how many of each verdict, and the share of hallucinated ones among those that were judged."""

    name: str
    counts: Mapping[str, int]
    rate: Interval | None
    mean_score: float | None


@dataclass(frozen=True)
class Agreement:
    """The rule against human labels, beside what costs nothing. ``left_out``: labelled answers that are unknown."""

    n: int
    left_out: int
    hallucinated_by_people: Interval
    precision: Interval | None
    recall: Interval | None
    false_alarms: Interval | None
    auroc: Interval | None
    auroc_of_word_overlap: Interval | None


@dataclass(frozen=True)
class Summary:
    """All of it. ``bad``: rows that could not be read; ``failed``: rows that could not be scored."""

    rule: str
    overall: Group
    by: Mapping[str, tuple[Group, ...]]
    unknown_reasons: Mapping[str, int]
    agreement: Agreement | None
    worst: tuple[Judged, ...]
    bad: tuple[BadRow, ...]
    failed: tuple[BadRow, ...]
    versions: tuple[Mapping[str, str], ...]
    scores: tuple[float, ...]

    @property
    def unknown_share(self) -> float:
        """The share of unknown answers among all that could be read and scored."""
        total = sum(self.overall.counts.values())
        return self.overall.counts[UNKNOWN] / total if total else 0.0

    @property
    def at_most(self) -> float | None:
        """The rate if every undecided answer were hallucinated."""
        counts = self.overall.counts
        judged = sum(counts.values()) - counts[UNKNOWN]
        return (counts[HALLUCINATED] + counts[UNDECIDED]) / judged if judged else None

    def to_json(self) -> dict[str, Any]:
        """Everything but the answers themselves."""
        return {
            "rule": {"name": self.rule, "hallucinated_when": RULES[self.rule].says},
            "overall": _group_json(self.overall),
            "at_most_with_undecided": self.at_most,
            "unknown": {"share": self.unknown_share, "reasons": dict(self.unknown_reasons)},
            "by": {column: [_group_json(group) for group in groups] for column, groups in self.by.items()},
            "labels": None if self.agreement is None else asdict(self.agreement),
            "worst": [_worst_json(judged) for judged in self.worst],
            "bad_rows": [asdict(row) for row in self.bad],
            "failed_rows": [asdict(row) for row in self.failed],
            "versions": [dict(each) for each in self.versions],
        }


def summarize(
    rows: Sequence[Row], bad: Sequence[BadRow], outcomes: Mapping[str, Mapping[str, Any]], rule: str, worst: int
) -> Summary:
    """Judge and count. ``outcomes``: of every row's key, ``{"answer": …}`` or ``{"error": …}``."""
    failed = [BadRow(row.place, outcomes[row.key]["error"]) for row in rows if _error(row, outcomes)]
    judged = [_judged(row, outcomes, rule) for row in rows if not _error(row, outcomes)]
    columns = list(rows[0].groups) if rows else []
    reasons = Counter(each.reason for each in judged if each.verdict == UNKNOWN)
    return Summary(
        rule=rule,
        overall=_group("all", judged),
        by={column: _groups(judged, column) for column in columns},
        unknown_reasons=dict(reasons.most_common()),
        agreement=_agreement(judged),
        worst=_worst(judged, worst),
        bad=tuple(bad),
        failed=tuple(failed),
        versions=_versions(judged),
        scores=tuple(each.score for each in judged if each.score is not None),
    )


def _error(row: Row, outcomes: Mapping[str, Mapping[str, Any]]) -> bool:
    return row.request is not None and "error" in outcomes[row.key]


def _judged(row: Row, outcomes: Mapping[str, Mapping[str, Any]], rule: str) -> Judged:
    if row.request is None:
        return Judged(row, UNKNOWN, NO_CONTEXT, None)
    answer = outcomes[row.key]["answer"]
    reason = answer.get("reason") or ""
    if answer.get("score") is None or answer["band"] not in _BY_BAND:
        return Judged(row, UNKNOWN, reason or "the server could not say", answer)
    return Judged(row, RULES[rule].verdict(answer), reason, answer)


def _group(name: str, judged: Sequence[Judged]) -> Group:
    found = Counter(each.verdict for each in judged)
    decided = [each for each in judged if each.verdict != UNKNOWN]
    scores = [each.score for each in decided if each.score is not None]
    return Group(
        name,
        {verdict: found[verdict] for verdict in VERDICTS},
        rate([each.verdict == HALLUCINATED for each in decided], [each.row.context_key for each in decided]),
        sum(scores) / len(scores) if scores else None,
    )


def _groups(judged: Iterable[Judged], column: str) -> tuple[Group, ...]:
    members: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        members[each.row.groups[column]].append(each)
    groups = [_group(name, those) for name, those in members.items()]
    return tuple(sorted(groups, key=lambda group: (-(group.rate.value if group.rate else -1.0), group.name)))


def _agreement(judged: Sequence[Judged]) -> Agreement | None:
    labelled = [each for each in judged if each.row.label is not None]
    known = [each for each in labelled if each.verdict != UNKNOWN and each.score is not None]
    truth = [each.row.label is True for each in known]
    contexts = [each.row.context_key for each in known]
    people = rate(truth, contexts)
    if people is None:
        return None
    said = [each.verdict == HALLUCINATED for each in known]

    def share(hits: Sequence[bool], among: Sequence[bool]) -> Interval | None:
        places = [place for place, counts in enumerate(among) if counts]
        return rate([hits[place] for place in places], [contexts[place] for place in places])

    return Agreement(
        n=len(known),
        left_out=len(labelled) - len(known),
        hallucinated_by_people=people,
        precision=share(truth, said),
        recall=share(said, truth),
        false_alarms=share(said, [not each for each in truth]),
        auroc=auroc([1.0 - (each.score or 0.0) for each in known], truth, contexts),
        auroc_of_word_overlap=auroc([_words_not_in_context(each.row) for each in known], truth, contexts),
    )


def _words_not_in_context(row: Row) -> float:
    """The share of the answer's words that its context does not have: what a checker must beat."""
    request = row.request or {}
    texts = [request.get("raw_context") or "", *(unit["text"] for unit in request.get("support_units") or ())]
    known = set(re.findall(r"\w+", " ".join(texts).lower()))
    words = re.findall(r"\w+", row.answer.lower())
    return sum(word not in known for word in words) / len(words) if words else 0.0


def _worst(judged: Iterable[Judged], many: int) -> tuple[Judged, ...]:
    """The hallucinated, lowest score first, then the undecided; the same row twice is shown once."""
    shown = {HALLUCINATED: 0, UNDECIDED: 1}
    found = {each.row.key: each for each in judged if each.verdict in shown}
    ordered = sorted(found.values(), key=lambda each: (shown[each.verdict], each.score or 0.0, each.row.place))
    return tuple(ordered[:many])


def _versions(judged: Iterable[Judged]) -> tuple[Mapping[str, str], ...]:
    """The versions of models and configuration that scored: more than one set is worth a warning.

    The calibration is left out: it differs by answer, with and without claims to verify.
    """
    kinds = ("encoder", "verifier_sha256", "config_sha256")
    found = {
        tuple((kind, str(versions[kind])) for kind in kinds if kind in versions)
        for each in judged
        if each.answer and (versions := each.answer.get("versions"))
    }
    return tuple(dict(each) for each in sorted(found))


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "counts": dict(group.counts),
        "hallucination_rate": None if group.rate is None else asdict(group.rate),
        "mean_score": group.mean_score,
    }


def _worst_json(judged: Judged) -> dict[str, Any]:
    return {"row": judged.row.place, "verdict": judged.verdict, "score": judged.score, "reason": judged.reason}
