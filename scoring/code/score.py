"""Does the response call what does not exist? One monotone composite over the findings and the signals that apply.

P(phantom) = σ(bias + Σ_i weight_i (x_i - center_i)), weight_i ≥ 0, over the features that have a value and a fitted weight:

- ``flagged``: ln(1 + Σ severity) over phantoms and drift;
- ``suspicious``: ln(1 + Σ severity) over unverifiable names that no visible code and no library has;
- ``unverifiable_share``: unverifiable names over all names;
- ``literal_novelty``, ``misalignment`` (1 - reverse-context alignment), ``contradiction`` (verifier): as given by the caller.

A feature without a value or without a fitted weight takes no part and is named in ``left_out`` with the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from parsers.rules.findings import Finding, FindingStatus
from scoring.types import Span

__all__ = [
    "ChunkOwnership",
    "CodeArtifact",
    "CodeScore",
    "CodeVerdict",
    "FeatureWeight",
    "FileShare",
    "ast_features",
    "chunk_ownership",
    "file_attribution",
    "load_code_artifact",
    "score_code",
]

DEAD_WEIGHT, PRIMARY_OWNER, SYMBOLS_USED, TEXT_ONLY = "dead_weight", "primary_owner", "symbols_used", "text_only"
_PRIMARY_SHARE = 0.5
_TEXT_SHARE = 0.05


class CodeVerdict(StrEnum):
    """The lane's word on the whole response."""

    GROUNDED = "grounded"
    PHANTOM = "phantom"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class FeatureWeight:
    """Weight (never negative) and the value at which a feature says nothing."""

    weight: float
    center: float


@dataclass(frozen=True)
class CodeArtifact:
    """Fitted weights and thresholds with their provenance (``scoring/artifacts/code.json``)."""

    bias: float
    weights: Mapping[str, FeatureWeight]
    phantom_from: float
    grounded_to: float
    ambiguous: tuple[float, float]
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class CodeScore:
    """``probability`` is None without a name to judge; ``ambiguous``: a verifier could change the verdict."""

    probability: float | None
    verdict: CodeVerdict
    reasons: tuple[str, ...]
    features: Mapping[str, float]
    left_out: Mapping[str, str]
    ambiguous: bool


@dataclass(frozen=True)
class FileShare:
    """One context file's part: ``owner_share`` of the response's defined names are defined in it; all shares sum to 1 or 0."""

    path: str
    owner_share: float
    names: int
    reason_codes: tuple[str, ...]


@dataclass(frozen=True)
class ChunkOwnership:
    """Which files own the names in one piece of the response; empty when it uses none of them."""

    span: Span
    owners: tuple[tuple[str, float], ...]


@cache
def load_code_artifact() -> CodeArtifact:
    """The packaged weights. Raises ValueError when a weight is negative: the composite must be monotone."""
    return parse_code_artifact(json.loads((resources.files("scoring") / "artifacts" / "code.json").read_text("utf-8")))


def parse_code_artifact(record: Mapping[str, Any]) -> CodeArtifact:
    """Read the JSON form of an artefact."""
    weights = {
        name: FeatureWeight(float(item["weight"]), float(item["center"])) for name, item in record["weights"].items()
    }
    for name, item in weights.items():
        if item.weight < 0:
            raise ValueError(
                f"the weight of {name!r} is negative ({item.weight}): refit with python -m benchmarks.code --fit"
            )
    low, high = record["ambiguous"]
    return CodeArtifact(
        float(record["bias"]),
        weights,
        float(record["phantom_from"]),
        float(record["grounded_to"]),
        (float(low), float(high)),
        record["provenance"],
    )


_OPEN = frozenset({FindingStatus.UNVERIFIABLE, FindingStatus.UNDECLARED_IMPORT, FindingStatus.NOT_IMPORTED})
"""Of these nothing visible says whether they exist, or whether a fragment's file has them."""


def ast_features(findings: Sequence[Finding]) -> dict[str, float]:
    """The three features that come from the findings alone. Raises ValueError without findings."""
    if not findings:
        raise ValueError(
            "there are no findings to make features of: score_code returns cannot_tell for such a response"
        )
    flagged = sum(finding.severity for finding in findings if finding.flagged)
    open_names = [finding for finding in findings if finding.status in _OPEN and not finding.flagged]
    return {
        "flagged": math.log1p(flagged),
        "suspicious": math.log1p(sum(finding.severity for finding in open_names)),
        "unverifiable_share": len(open_names) / len(findings),
    }


def score_code(
    findings: Sequence[Finding],
    artifact: CodeArtifact,
    *,
    reverse_context: float | None = None,
    literal_novelty: float | None = None,
    contradiction: float | None = None,
) -> CodeScore:
    """Fuse the findings with the signals that apply; each signal in [0, 1], None when it does not apply."""
    signals = {
        "misalignment": None if reverse_context is None else 1.0 - _checked("reverse_context", reverse_context),
        "literal_novelty": None if literal_novelty is None else _checked("literal_novelty", literal_novelty),
        "contradiction": None if contradiction is None else _checked("contradiction", contradiction),
    }
    if not findings:
        reason = "no name in the response could be judged"
        return CodeScore(None, CodeVerdict.CANNOT_TELL, (reason,), {}, dict.fromkeys(signals, reason), False)
    features: dict[str, float] = ast_features(findings)
    left_out = {name: "not given" for name, value in signals.items() if value is None}
    features.update({name: value for name, value in signals.items() if value is not None})
    total = artifact.bias
    for name, value in features.items():
        weight = artifact.weights.get(name)
        if weight is None:
            left_out[name] = "no fitted weight"
        else:
            total += weight.weight * (value - weight.center)
    probability = _sigmoid(total)
    verdict, reasons = _verdict(probability, findings, artifact)
    low, high = artifact.ambiguous
    return CodeScore(probability, verdict, reasons, features, left_out, low <= probability <= high)


def _verdict(
    probability: float, findings: Sequence[Finding], artifact: CodeArtifact
) -> tuple[CodeVerdict, tuple[str, ...]]:
    flagged = [finding for finding in findings if finding.flagged]
    if probability >= artifact.phantom_from and flagged:
        return CodeVerdict.PHANTOM, tuple(
            f"{finding.status.value}:{finding.kind.value}:{finding.name}" for finding in flagged[:8]
        )
    known = sum(finding.status in {FindingStatus.DEFINED, FindingStatus.BUILTIN} for finding in findings)
    if probability <= artifact.grounded_to and known:
        return CodeVerdict.GROUNDED, (f"{known} of {len(findings)} names are known to exist",)
    return CodeVerdict.CANNOT_TELL, (f"{len(findings) - known} of {len(findings)} names could not be verified",)


def file_attribution(
    findings: Sequence[Finding], paths: Sequence[str], text_shares: Mapping[str, float] | None = None
) -> tuple[FileShare, ...]:
    """Share of each context file, largest first.

    ``text_shares`` (path → share of the response's content tokens that match the file best, in [0, 1]) keeps a file that the
    response only paraphrases from being called dead weight: that takes no defined name and less than 5% of the tokens.
    """
    counts = dict.fromkeys(paths, 0)
    for finding in findings:
        owner = _path_of(finding)
        if owner in counts and (finding.status not in _OPEN or finding.flagged):
            counts[owner] += 1
    total = sum(counts.values())
    shares = []
    for path, names in counts.items():
        share = names / total if total else 0.0
        text = (text_shares or {}).get(path, 0.0)
        codes = [SYMBOLS_USED] if names else [TEXT_ONLY] if text >= _TEXT_SHARE else [DEAD_WEIGHT]
        if share >= _PRIMARY_SHARE:
            codes.insert(0, PRIMARY_OWNER)
        shares.append(FileShare(path, share, names, tuple(codes)))
    return tuple(sorted(shares, key=lambda item: (-item.owner_share, item.path)))


def chunk_ownership(chunks: Sequence[Span], findings: Sequence[Finding]) -> tuple[ChunkOwnership, ...]:
    """For each piece of the response, the files that define the names in it, largest share first."""
    owned = []
    for start, end in chunks:
        counts: dict[str, int] = {}
        for finding in findings:
            path = _path_of(finding)
            if path and start <= finding.span[0] < end and not finding.flagged:
                counts[path] = counts.get(path, 0) + 1
        total = sum(counts.values())
        ranked = sorted(((path, count / total) for path, count in counts.items()), key=lambda item: (-item[1], item[0]))
        owned.append(ChunkOwnership((start, end), tuple(ranked)))
    return tuple(owned)


def _path_of(finding: Finding) -> str:
    return finding.defined_in.rpartition(":")[0] if finding.defined_in else ""


def _checked(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}")
    return value


def _sigmoid(value: float) -> float:
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    return math.exp(value) / (1.0 + math.exp(value))
