"""``groundlane audit``: read the log of the server's decisions. Needs no server and no network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from serving.cli.common import EXIT_CONFIG, EXIT_FAILURE, JsonOption, Printer, reported

audit_app = typer.Typer(help="Read the log of the server's own decisions.", no_args_is_help=True)

Places = Annotated[list[str], typer.Argument(help="Folders, files or patterns of logs.")]
Window = Annotated[
    float | None, typer.Option("--window-minutes", min=0.0, help="Only this long before the newest line.")
]
MaxFiles = Annotated[int, typer.Option(min=1, help="Refuse to read more files than this.")]
Near = Annotated[float, typer.Option(min=0.0, max=1.0, help="A score this near to a cut is near it.")]
Slow = Annotated[float, typer.Option("--slow-ms", min=0.0, help="A request that took as long is slow.")]
LabelsFile = Annotated[Path | None, typer.Option(help="Human labels, JSON lines: request and label, up or down.")]
Texts = Annotated[list[str] | None, typer.Option("--review-texts", help="Folders of review texts.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write here, 0600; stdout without it.")]


@audit_app.command()
def summary(
    places: Places,
    window_minutes: Window = None,
    near: Near = 0.05,
    max_files: MaxFiles = 1_000,
    markdown: Annotated[Path | None, typer.Option(help="Write a report for people here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Bands, reasons, latencies, versions and trend; with a candidate in the shadow, how it would have decided."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.audit.summaries import summarise, summary_markdown

        found = summarise(read_files(printer, places, max_files), window_minutes, near)
        text = summary_markdown(found)
        if markdown is not None:
            write_private(markdown, text.encode())
        printer.result(found, text.rstrip())


@audit_app.command()
def candidates(
    places: Places,
    window_minutes: Window = None,
    near: Near = 0.05,
    slow_ms: Slow = 2_000.0,
    labels: LabelsFile = None,
    review_texts: Texts = None,
    examples: Annotated[int, typer.Option(min=1, max=100, help="Examples of a cluster.")] = 3,
    max_files: MaxFiles = 1_000,
    as_json: JsonOption = False,
) -> None:
    """What to look at, in clusters: errors, labels against bands, a verifier that was away, near a cut, amber, slow."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.audit.summaries import candidates_markdown

        found = _candidates(printer, places, window_minutes, near, slow_ms, labels, review_texts, examples, max_files)
        printer.result(found, candidates_markdown(found).rstrip())


@audit_app.command()
def packet(
    places: Places,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the packet goes, 0600.")],
    window_minutes: Window = None,
    near: Near = 0.05,
    slow_ms: Slow = 2_000.0,
    labels: LabelsFile = None,
    review_texts: Texts = None,
    include_text: Annotated[bool, typer.Option("--include-text", help="Put the review texts into the packet.")] = False,
    examples: Annotated[int, typer.Option(min=1, max=100, help="Examples of a cluster.")] = 3,
    max_files: MaxFiles = 1_000,
    as_json: JsonOption = False,
) -> None:
    """What an outside reviewer gets: clusters and examples by their metadata, and how to answer."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.audit.packets import make_packet

        if include_text and not review_texts:
            raise printer.fail(EXIT_CONFIG, "--include-text needs --review-texts, the folder that holds them")
        found = _candidates(printer, places, window_minutes, near, slow_ms, labels, review_texts, examples, max_files)
        made = make_packet(found, _text_files(printer, review_texts, max_files) if include_text else ())
        write_private(output, orjson.dumps(made, option=orjson.OPT_INDENT_2) + b"\n")
        printer.result(
            {"output": str(output), "packet_sha256": made["packet_sha256"], "candidates": len(made["candidates"])},
            f"{len(made['candidates'])} candidates in {len(made['clusters'])} clusters: {output}",
        )


@audit_app.command()
def summarize(
    packet_file: Annotated[Path, typer.Argument(metavar="PACKET", help="The packet that was reviewed.")],
    review: Annotated[Path, typer.Argument(help="What came back, JSON.")],
    as_json: JsonOption = False,
) -> None:
    """Check a review against its packet, and count its verdicts by cluster. It labels nothing."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.audit.packets import read_packet, read_review, review_markdown, review_summary

        checked = refused(printer, lambda: read_packet(packet_file))
        verdicts = refused(printer, lambda: read_review(review, checked))
        found = review_summary(checked, verdicts)
        printer.result(found, review_markdown(found).rstrip())


@audit_app.command(name="import")
def import_review(
    packet_file: Annotated[Path, typer.Argument(metavar="PACKET", help="The packet that was reviewed.")],
    review: Annotated[Path, typer.Argument(help="What came back, JSON.")],
    review_texts: Annotated[list[str], typer.Option("--review-texts", help="Folders of review texts.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the DRAFT cases go, as JSON lines.")],
    max_files: MaxFiles = 1_000,
    as_json: JsonOption = False,
) -> None:
    """DRAFT cases of the decisions that the review disagrees with, from their texts, which are redacted again."""
    printer = Printer(as_json)
    with reported(printer):
        from serving.audit.packets import draft_cases, read_packet, read_review
        from serving.evals.imports import export_cases

        checked = refused(printer, lambda: read_packet(packet_file))
        verdicts = refused(printer, lambda: read_review(review, checked))
        texts = _text_files(printer, review_texts, max_files)
        cases, skipped = refused(printer, lambda: draft_cases(checked, verdicts, texts))
        write_private(output, export_cases(cases))
        for reason in skipped:
            printer.note(f"left out: {reason}")
        printer.result(
            {"cases": len(cases), "left_out": list(skipped), "output": str(output)},
            f"{len(cases)} DRAFT cases in {output}; give each an expectation before it is curated",
        )
        if not cases:
            raise typer.Exit(EXIT_FAILURE)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o600)
    path.chmod(0o600)
    path.write_bytes(content)


def _candidates(
    printer: Printer,
    places: list[str],
    window_minutes: float | None,
    near: float,
    slow_ms: float,
    labels: Path | None,
    review_texts: list[str] | None,
    examples: int,
    max_files: int,
) -> dict[str, Any]:
    from scoring.audit.clusters import Thresholds
    from serving.audit.summaries import find_candidates, read_labels

    return find_candidates(
        read_files(printer, places, max_files),
        window_minutes,
        Thresholds(near, slow_ms),
        refused(printer, lambda: read_labels(labels)),
        examples,
        _text_files(printer, review_texts, max_files),
    )


def read_files(printer: Printer, places: list[str], max_files: int) -> Any:
    """The files of the places; what is refused ends the command."""
    from serving.audit.reading import find_files

    return refused(printer, lambda: find_files(places, max_files))


def _text_files(printer: Printer, folders: list[str] | None, max_files: int) -> Any:
    return read_files(printer, folders, max_files) if folders else ()


def refused(printer: Printer, read: Any) -> Any:
    """What ``read`` gives; what it refuses ends the command with exit code 3."""
    from serving.api.errors import ApiError

    try:
        return read()
    except ApiError as error:
        raise printer.fail(EXIT_CONFIG, error.message) from None
