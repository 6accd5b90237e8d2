"""Figures in words, the same in the terminal and in the report."""

from __future__ import annotations

from collections.abc import Iterator

from groundlane.evaluate.statistics import Interval
from groundlane.evaluate.summary import GROUNDED, HALLUCINATED, UNDECIDED, UNKNOWN, Agreement, Group, Summary


def percent(interval: Interval | None) -> str:
    """``12.5% (95%: 6.1–23.7%)``."""
    if interval is None:
        return "none judged"
    return f"{interval.value:.1%} (95%: {interval.low * 100:.1f}–{interval.high:.1%})"


def rate_lines(summary: Summary) -> Iterator[str]:
    """The rate, what is undecided and what is unknown."""
    counts, overall = summary.overall.counts, summary.overall.rate
    if overall is None:
        yield "hallucination rate: no answer could be judged"
    else:
        few = "" if overall.contexts == overall.n else f", {overall.contexts} different contexts"
        yield f"hallucination rate: {percent(overall)} of {overall.n} judged answers{few}"
        yield f"  {counts[HALLUCINATED]} hallucinated, {counts[UNDECIDED]} undecided, {counts[GROUNDED]} grounded"
        if counts[UNDECIDED] and summary.at_most is not None:
            yield f"  if every undecided answer were hallucinated: {summary.at_most:.1%}"
    if counts[UNKNOWN]:
        yield f"unknown, in no rate: {counts[UNKNOWN]} answers ({summary.unknown_share:.1%})"
        for reason, count in summary.unknown_reasons.items():
            yield f"  {count}: {reason}"
    if summary.bad or summary.failed:
        yield f"bad rows: {len(summary.bad)} could not be read, {len(summary.failed)} not scored"
        for row in [*summary.bad, *summary.failed][:5]:
            yield f"  {row.place}: {row.problem}"
    if len(summary.versions) > 1:
        yield "warning: rows were scored by different versions; their numbers may not go together (--fresh scores anew)"


def group_line(group: Group, width: int) -> str:
    """A group in one line."""
    judged = sum(group.counts.values()) - group.counts[UNKNOWN]
    unknown = f", {group.counts[UNKNOWN]} unknown" if group.counts[UNKNOWN] else ""
    return f"{group.name:{width}}  {percent(group.rate)} of {judged}{unknown}"


def agreement_lines(agreement: Agreement) -> Iterator[str]:
    """The rule against people, each figure beside what costs nothing."""
    people = agreement.hallucinated_by_people
    left_out = f"; {agreement.left_out} labelled answers are unknown and left out" if agreement.left_out else ""
    yield f"people found {percent(people)} of {agreement.n} hallucinated{left_out}"
    yield f"precision {percent(agreement.precision)}; calling every answer hallucinated: {people.value:.1%}"
    yield f"recall {percent(agreement.recall)}, false alarms {percent(agreement.false_alarms)} of grounded answers"
    if agreement.auroc is not None and agreement.auroc_of_word_overlap is not None:
        yield (
            f"AUROC of the score {in_order(agreement.auroc)}; "
            f"of the share of words that the context lacks: {in_order(agreement.auroc_of_word_overlap)}"
        )


def in_order(interval: Interval) -> str:
    """``0.81 (95%: 0.76–0.85)``."""
    return f"{interval.value:.2f} (95%: {interval.low:.2f}–{interval.high:.2f})"
