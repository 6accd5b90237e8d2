"""Bands refitted on an operator's own labels: answers with a label in, an artefact with curves of its own out.

Only the curves are refitted. The weights behind the score stay, and since they never saw these labels, every score counts as
that of a model that did not know the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from models.packed_text import DAMAGED, open_text
from scoring.band_curves import BandTargets
from scoring.band_fits import band_curves, fold_of, held_bands
from scoring.bands import OVERALL, UNSEEN, exact_interval
from serving.api.errors import ValidationFailedError
from serving.batch.offline import score_lines
from serving.config.artifacts import read_artifact
from serving.config.load import Config

MIN_LABELS: Final = 200
"""Below this no precision could be told from another: of 100 green answers with 92 right the interval is .85 to .96."""
MIN_OF_EACH: Final = 30
"""Grounded and hallucinated answers, each: fewer leave a fold of the five with a handful."""
MIN_SOURCES: Final = 20
"""Different contexts: answers to one context err alike, and all fall into one of five folds."""
_REFITTED: Final = "+bands-"
_RENAMED: Final[Mapping[str, str]] = {"context": "raw_context", "response": "response_text", "question": "query_text"}
"""Names that labelled sets use, as in RAGTruth's, for fields of a request."""
_ABOUT_THE_LABEL: Final = frozenset({"hallucinated", "stratum", "source_id", "spans", "task", "model", "split"})
"""Keys of a labelled line that are no field of a request."""


@dataclass(frozen=True)
class Label:
    """One labelled answer. ``request``: the JSON to score, None where the line brings its ``score``."""

    line: int
    hallucinated: bool
    source: str
    stratum: str | None
    score: float | None
    calibration: str | None
    request: bytes | None


@dataclass(frozen=True)
class Refitted:
    """The new artefact and what to say about it. ``unjudged``: answers without a score, such as a greeting."""

    name: str
    document: Mapping[str, Any]
    judged: int
    unjudged: int


def read_labels(path: Path) -> list[Label]:
    """The labels of a JSON-lines file, plain, gzip or xz; a fault names the line."""
    labels = []
    try:
        with open_text(path) as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    labels.append(_label(path, number, line))
    except (UnicodeDecodeError, *DAMAGED) as error:
        raise ValidationFailedError(f"{path}: cannot be read ({error})") from None
    return labels


def _label(path: Path, number: int, line: str) -> Label:
    place = f"{path.name}:{number}"
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ValidationFailedError(f"{place}: not JSON: {error}") from None
    if not isinstance(item, dict):
        raise ValidationFailedError(f"{place}: a line is one JSON object")
    if item.get("hallucinated") not in (True, False):
        raise ValidationFailedError(f"{place}: 'hallucinated' must be true or false: what a person found")
    stratum = item.get("stratum") or item.get("risk_band_stratum")
    if stratum is not None and (not isinstance(stratum, str) or len(stratum) > 64 or stratum in (OVERALL, UNSEEN)):
        raise ValidationFailedError(f"{place}: stratum must be a name of at most 64 characters, not overall or unseen")
    hallucinated = bool(item["hallucinated"])
    if "score" in item:
        return _scored(place, number, item, hallucinated, stratum)
    request = {_RENAMED.get(key, key): value for key, value in item.items() if key not in _ABOUT_THE_LABEL}
    body = orjson.dumps({key: value for key, value in request.items() if value not in (None, "")})
    return Label(number, hallucinated, _source(item, body), stratum, None, None, body)


def _scored(place: str, number: int, item: Mapping[str, Any], hallucinated: bool, stratum: str | None) -> Label:
    """An answer of the server that somebody labelled: its score and the calibration that made it."""
    score, versions = item["score"], item.get("versions")
    if score is not None and (not isinstance(score, int | float) or isinstance(score, bool) or not 0 <= score <= 1):
        raise ValidationFailedError(f"{place}: score must be a number from 0 to 1")
    calibration = versions.get("calibration") if isinstance(versions, dict) else None
    if not isinstance(calibration, str):
        raise ValidationFailedError(
            f"{place}: a line with a score needs versions.calibration, as the server's answer has it; scores of another "
            "calibration mean something else"
        )
    return Label(number, hallucinated, _source(item, b"%d" % number), stratum, score, calibration, None)


def _source(item: Mapping[str, Any], fallback: bytes) -> str:
    """What answers to one context share: their ``source_id``, else the context's hash."""
    if item.get("source_id") is not None:
        return str(item["source_id"])
    premises = item.get("raw_context") or item.get("context") or item.get("support_units") or item.get("chunk_ids")
    return hashlib.sha256(fallback if premises is None else orjson.dumps(premises)).hexdigest()


def scored_labels(labels: Sequence[Label], config: Config, version: str) -> Iterator[tuple[Label, float | None]]:
    """Every label with its score; texts are scored here, and all scores must come from the calibration ``version``."""
    answers: Iterator[str] = iter(())
    if any(label.request is not None for label in labels):
        answers = score_lines((label.request.decode() for label in labels if label.request is not None), config)
    for label in labels:
        score, calibration = label.score, label.calibration
        if label.request is not None:
            answer = orjson.loads(next(answers))
            if not answer.get("success"):
                raise ValidationFailedError(f"line {label.line}: {answer['message']}")
            score, calibration = answer.get("score"), answer["versions"]["calibration"]
        if _base(str(calibration)) != _base(version):
            raise ValidationFailedError(
                f"line {label.line}: scored by calibration {calibration}, not by {version}; score its text anew"
            )
        yield label, score


def artifact_to_refit(config: Config) -> tuple[str, dict[str, Any]]:
    """(name, document) of the artefact that the configured models score with."""
    verified = read_artifact("rag_verified", config.artifacts.directory)
    if config.verifier is not None and config.verifier.source == verified.get("verifier"):
        return "rag_verified", verified
    return "rag", read_artifact("rag", config.artifacts.directory)


def refit(labels: Sequence[Label], config: Config) -> Refitted:
    """The configured artefact with curves of these labels; raises ValidationFailedError where they are too few."""
    _check_enough(labels)
    name, document = artifact_to_refit(config)
    found = list(scored_labels(labels, config, document["version"]))
    judged = [(label, score) for label, score in found if score is not None]
    _check_enough([label for label, _ in judged])
    return Refitted(name, _with_curves(document, judged, config.bands.targets), len(judged), len(found) - len(judged))


def _with_curves(
    document: Mapping[str, Any], judged: Sequence[tuple[Label, float]], targets: BandTargets
) -> dict[str, Any]:
    strata = np.array([label.stratum or "" for label, _ in judged])
    curves = band_curves(
        np.array([score for _, score in judged]),
        np.array([label.hallucinated for label, _ in judged]),
        np.array([fold_of(label.source) for label, _ in judged]),
        {str(name): strata == name for name in sorted(set(strata.tolist()) - {""})},
    )
    digest = hashlib.sha256(
        repr([(label.source, label.stratum, label.hallucinated, score) for label, score in judged]).encode()
    ).hexdigest()
    kept = {key: value for key, value in document.items() if key not in {"bands", "curves", "held", "bands_from"}}
    return {
        **kept,
        "version": f"{_base(document['version'])}{_REFITTED}{digest[:8]}",
        "bands_from": {
            "command": "groundlane calibrate",
            "labels": len(judged),
            "hallucinated": sum(label.hallucinated for label, _ in judged),
            "sources": len({label.source for label, _ in judged}),
        },
        "held": held_bands(curves, targets),
        "curves": curves.to_json(),
    }


def _check_enough(labels: Iterable[Label]) -> None:
    """Refuse what could only make bands of noise; the message says how many are missing."""
    kept = list(labels)
    wrong = sum(label.hallucinated for label in kept)
    low, high = exact_interval(92, 100)
    for number, least, what in (
        (len(kept), MIN_LABELS, "answers that can be judged"),
        (wrong, MIN_OF_EACH, "hallucinated answers"),
        (len(kept) - wrong, MIN_OF_EACH, "grounded answers"),
        (len({label.source for label in kept}), MIN_SOURCES, "different contexts"),
    ):
        if number < least:
            raise ValidationFailedError(
                f"{number} {what} are too few: at least {least} are needed, "
                f"and even then 92 right of 100 say no more than {low:.2f} to {high:.2f}"
            )


def _base(version: str) -> str:
    """The version without the mark of a refit: both have the same weights, and so the same scores."""
    return version.split(_REFITTED)[0]
