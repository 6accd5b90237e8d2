"""The whole report: the rate first, then where it comes from, then examples that one can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any, Final

from groundlane.evaluate.html.answers import example
from groundlane.evaluate.html.plots import histogram, interval_plot
from groundlane.evaluate.rows import BadRow
from groundlane.evaluate.summary import GROUNDED, HALLUCINATED, RULES, UNDECIDED, UNKNOWN, Agreement, Group, Summary
from groundlane.evaluate.wording import agreement_lines, percent

_MOST_IN_PLOT: Final = 30
_MOST_BAD: Final = 100


def render_report(about: Mapping[str, Any], summary: Summary) -> str:
    """One HTML document. ``about``: where the rows come from and what scored them."""
    sheet = files("groundlane.evaluate.html").joinpath("report.css").read_text(encoding="utf-8")
    name = escape(str(about["input"]))
    parts = [*_head(about, summary), *_by_group(summary), *_labels(summary), *_examples(summary), *_bad(summary)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Groundlane: {name}</title><style>{sheet}</style></head><body><main>{''.join(parts)}"
        f"{_made_by(about, summary)}</main></body></html>\n"
    )


def _head(about: Mapping[str, Any], summary: Summary) -> Iterator[str]:
    counts, overall = summary.overall.counts, summary.overall.rate
    yield f'<h1>How often answers say what their context does not</h1><p class="meta">{escape(str(about["input"]))}</p>'
    if overall is None:
        yield '<p class="rate">No answer could be judged</p>'
    else:
        yield (
            f'<p class="rate">{overall.value:.1%} hallucinated</p>'
            f'<p class="note">95% interval {overall.low:.1%} to {overall.high:.1%}, {overall.n} judged answers to '
            f"{overall.contexts} different contexts. "
            f"An answer counts as hallucinated when {escape(RULES[summary.rule].says)}.</p>"
        )
        yield interval_plot("Hallucination rate with its 95% interval", [("all judged answers", overall)])
    yield _counts_table(summary, counts)
    yield _unknown(summary)
    if summary.scores:
        yield '<h2>Scores</h2><p class="note">The probability that an answer is grounded, and how many answers have it.</p>'
        yield histogram("Number of answers by score, from 0 to 1", summary.scores)


def _counts_table(summary: Summary, counts: Mapping[str, int]) -> str:
    total = sum(counts.values()) or 1
    meaning = {
        HALLUCINATED: "counts in the rate",
        UNDECIDED: "the evidence does not decide; counts as judged, not as hallucinated",
        GROUNDED: "counts in the rate",
        UNKNOWN: "could not be judged; in no rate",
    }
    rows = "".join(
        f'<tr><th scope="row">{verdict}</th><td class="number">{counts[verdict]}</td>'
        f'<td class="number">{counts[verdict] / total:.1%}</td><td>{meaning[verdict]}</td></tr>'
        for verdict in (HALLUCINATED, UNDECIDED, GROUNDED, UNKNOWN)
    )
    at_most = ""
    if counts[UNDECIDED] and summary.at_most is not None:
        at_most = (
            f'<p class="note">If every undecided answer were hallucinated, the rate would be {summary.at_most:.1%}.</p>'
        )
    return (
        '<div class="scroll" role="region" aria-label="answers by verdict" tabindex="0"><table>'
        '<caption>Answers by verdict</caption><thead><tr><th scope="col">verdict</th>'
        '<th scope="col" class="number">answers</th><th scope="col" class="number">share of all</th>'
        f'<th scope="col">meaning</th></tr></thead><tbody>{rows}</tbody></table></div>{at_most}'
    )


def _unknown(summary: Summary) -> str:
    if not summary.unknown_reasons:
        return ""
    rows = "".join(f"<li>{count}: {escape(reason)}</li>" for reason, count in summary.unknown_reasons.items())
    return f'<h2>Unknown</h2><p class="note">Why answers could not be judged.</p><ul class="plain">{rows}</ul>'


def _by_group(summary: Summary) -> Iterator[str]:
    for column, groups in summary.by.items():
        yield f"<h2>By {escape(column)}</h2>"
        shown = groups[:_MOST_IN_PLOT]
        yield interval_plot(
            f"Hallucination rate by {column}, with 95% intervals", [(group.name, group.rate) for group in shown]
        )
        if len(groups) > len(shown):
            yield f'<p class="note">The plot has the {len(shown)} highest of {len(groups)}; the table has all.</p>'
        yield _group_table(column, groups)


def _group_table(column: str, groups: Sequence[Group]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(group.name)}</th><td>{percent(group.rate)}</td>'
        + "".join(
            f'<td class="number">{group.counts[verdict]}</td>'
            for verdict in (HALLUCINATED, UNDECIDED, GROUNDED, UNKNOWN)
        )
        + f'<td class="number">{"" if group.mean_score is None else f"{group.mean_score:.2f}"}</td></tr>'
        for group in groups
    )
    heads = "".join(
        f'<th scope="col" class="number">{name}</th>'
        for name in (HALLUCINATED, UNDECIDED, GROUNDED, UNKNOWN, "mean score")
    )
    return (
        f'<div class="scroll" role="region" aria-label="rates by {escape(column, quote=True)}" tabindex="0"><table>'
        "<caption>Groups that overlap in their intervals may not differ.</caption><thead><tr>"
        f'<th scope="col">{escape(column)}</th><th scope="col">hallucination rate</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _labels(summary: Summary) -> Iterator[str]:
    agreement = summary.agreement
    if agreement is None:
        return
    yield "<h2>Against human labels</h2>"
    yield interval_plot("Agreement with human labels, with 95% intervals", _shares(agreement))
    yield '<ul class="plain">' + "".join(f"<li>{escape(line)}</li>" for line in agreement_lines(agreement)) + "</ul>"
    yield (
        '<p class="note">Precision: of the answers called hallucinated, those where people agree. Recall: of the answers that '
        "people found hallucinated, those that were called so. AUROC: the chance that a hallucinated answer scores below a "
        "grounded one; 0.5 is chance.</p>"
    )


def _shares(agreement: Agreement) -> list[tuple[str, Any]]:
    return [
        ("precision", agreement.precision),
        ("recall", agreement.recall),
        ("false alarms", agreement.false_alarms),
        ("AUROC of the score", agreement.auroc),
        ("AUROC of word overlap", agreement.auroc_of_word_overlap),
    ]


def _examples(summary: Summary) -> Iterator[str]:
    if not summary.worst:
        return
    yield (
        '<h2>Worst examples</h2><p class="note">Hallucinated answers, lowest score first, then undecided ones. '
        '<mark class="supported">supported</mark> · <mark class="contradicted">contradicted</mark> (double line) · '
        '<mark class="unsupported">unsupported</mark> (broken line). In the sources: what supported claims cite, and what says '
        "otherwise.</p>"
    )
    yield from (example(judged, number) for number, judged in enumerate(summary.worst, 1))


def _bad(summary: Summary) -> Iterator[str]:
    for title, rows in (
        ("Rows that could not be read", summary.bad),
        ("Rows that could not be scored", summary.failed),
    ):
        if rows:
            yield f"<h2>{title}</h2>{_places(rows)}"


def _places(rows: Sequence[BadRow]) -> str:
    listed = "".join(f"<li>{escape(row.place)}: {escape(row.problem)}</li>" for row in rows[:_MOST_BAD])
    more = f'<p class="note">{len(rows) - _MOST_BAD} more are in report.json.</p>' if len(rows) > _MOST_BAD else ""
    return f'<ul class="plain">{listed}</ul>{more}'


def _made_by(about: Mapping[str, Any], summary: Summary) -> str:
    columns = ", ".join(
        f"{role} from {each['name']!r}{' (guessed)' if each['guessed'] else ''}"
        for role, each in about["columns"].items()
    )
    sample = "" if about["sample_seed"] is None else f" drawn with seed {about['sample_seed']}"
    versions = "; ".join(", ".join(f"{kind} {name[:40]}" for kind, name in each.items()) for each in summary.versions)
    lines = [
        f"Groundlane {about['groundlane']}, scored by {about['scorer']['scorer']}.",
        f"{about['scored']} of {about['rows']} rows{sample}. Columns: {columns}.",
        f"Versions: {versions or 'none'}.",
        "Intervals are at 95% and know which answers share a context.",
    ]
    warning = (
        "<p>Rows were scored by different versions; their numbers may not go together.</p>"
        if len(summary.versions) > 1
        else ""
    )
    return f"<h2>How it was made</h2>{warning}" + "".join(f'<p class="meta">{escape(line)}</p>' for line in lines)
