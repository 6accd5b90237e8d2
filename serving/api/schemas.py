"""The request bodies of the lanes, as the HTTP contract states them. Pydantic stays at this edge."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, get_args

import orjson
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    model_validator,
)

from serving.api.errors import ValidationFailedError
from serving.api.lane_types import ChunkInput, LaneInput, UnitInput

SESSION_ID_PATTERN = r"^[A-Za-z0-9_.:-]{1,128}$"
REQUEST_ID_PATTERN = r"^[\x21-\x7e]{1,128}$"
_LANE_FIELDS = {
    "code": (
        "response_language_hint",
        "emit_chunk_ownership",
        "session_state",
        "libraries",
        "context_ref",
        "names_only",
    )
}

LanguageHint = Literal[
    "python", "py", "typescript", "ts", "tsx", "javascript", "js", "jsx", "go", "golang", "rust", "rs"
]
FeatureMap = dict[Annotated[str, Field(max_length=128)], Annotated[float, Field(allow_inf_nan=False)]]

ReturnJob = Field(
    False,
    validation_alias=AliasChoices("return_job", "async"),
    description="Answer 202 and a job; the public client spells it 'async'.",
)


_LONGEST_NAME = 64
"""No field has a longer name: what is longer is not compared with the known ones."""


class Profile(StrEnum):
    """How much work a score may cost."""

    STANDARD = "standard"
    QUALITY = "quality"


def _portable(document: dict[str, Any]) -> dict[str, Any]:
    """Refuse what could not be echoed as it came: JSON knows no NaN, and our writer no integer past 64 bits."""
    try:
        json.dumps(document, allow_nan=False)
        orjson.dumps(document)
    except (TypeError, ValueError):
        raise ValueError("holds a number that cannot be echoed: not finite, or an integer past 64 bits") from None
    return document


PortableJson = Annotated[dict[str, Any], AfterValidator(_portable)]


class Strict(BaseModel):
    """Base of every request body: unknown fields are refused, and so is a value of another JSON type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SupportUnitBody(Strict):
    """A structured premise; its provenance is echoed on the unit in the answer."""

    text: str = Field(min_length=1, description="What the response may rest on.")
    source_id: str | None = Field(None, max_length=1024, description="Stable name of the source, such as a path.")
    speaker: str | None = Field(None, max_length=1024)
    timestamp: str | None = Field(None, max_length=128)
    metadata: PortableJson | None = None


class LaneRequest(Strict):
    """The fields that the rag and the code lane share."""

    response_text: str = Field(min_length=1, description="The text to score.")
    query_text: str | None = Field(None, description="The user's question; turns on query-conditioned diagnostics.")
    raw_context: str | None = Field(None, description="Context, segmented into support units by the server.")
    chunk_ids: Annotated[list[Annotated[str, Field(max_length=256)] | int], Field(fail_fast=True)] | None = Field(
        None, description="Ids of chunks stored before; their vectors are reused."
    )
    support_units: Annotated[list[SupportUnitBody], Field(fail_fast=True)] | None = Field(
        None, description="Structured premises."
    )
    primary_metric: Literal["reverse_context", "triangular"] = "reverse_context"
    evidence_limit: int = Field(8, ge=1, le=128)
    coverage_threshold: float = Field(0.5, ge=0.0, le=1.0, allow_inf_nan=False)
    segmentation_mode: Literal["sentence", "sentence_packed", "paragraph"] = "sentence_packed"
    raw_context_chunk_tokens: int = Field(256, ge=16, le=8192)
    response_chunk_tokens: int = Field(256, ge=16, le=8192)
    attribution_mode: Literal["closed_book", "open_domain"] = "closed_book"
    include_triangular_diagnostics: bool = True
    heatmap_format: Literal["none", "data", "html"] = "data"
    verification_samples: Annotated[list[str], Field(fail_fast=True)] | None = Field(
        None, description="Alternate answers to the same question, for semantic entropy."
    )
    content_type: Literal["application/json", "text/csv", "text/markdown", "text/html", "text/plain"] | None = None
    risk_band_stratum: str | None = Field(None, max_length=64, description="Name of a calibrated failure mode.")
    risk_band_policy: Literal["balanced", "strict"] = Field(
        "balanced",
        description="How precise green and red must be: as the server is configured, or with half as many wrong among them.",
    )
    runtime_head_features: FeatureMap | None = Field(None, max_length=256)
    trajectory_features: FeatureMap | None = Field(None, max_length=256)
    profile: Profile = Profile.STANDARD
    model: str | None = Field(None, max_length=256, description="Another configured encoder.")
    session_id: str | None = Field(None, pattern=SESSION_ID_PATTERN)
    request_id: str | None = Field(None, pattern=REQUEST_ID_PATTERN)
    verbose: bool = False
    return_job: bool = ReturnJob

    @property
    def refers_to_context(self) -> bool:
        """Whether the premises are a context that was sent before."""
        return False

    @model_validator(mode="after")
    def _consistent(self) -> LaneRequest:
        if not self.response_text.strip():
            raise ValueError("response_text is blank; send the text to score")
        if not (self.raw_context or self.chunk_ids or self.support_units or self.refers_to_context):
            raise ValueError("no premises: send raw_context, chunk_ids or support_units")
        if self.support_units and (self.raw_context or self.chunk_ids):
            raise ValueError("support_units excludes raw_context and chunk_ids; send one or the other")
        if (
            self.raw_context is not None
            and not self.chunk_ids
            and not self.support_units
            and not self.raw_context.strip()
        ):
            raise ValueError("raw_context is blank; send the retrieved text")
        for index, unit in enumerate(self.support_units or ()):
            if not unit.text.strip():
                raise ValueError(f"support_units[{index}].text is blank; leave the unit out")
        if self.primary_metric == "triangular" and not (self.query_text and self.query_text.strip()):
            raise ValueError("primary_metric 'triangular' needs query_text")
        return self

    def lane_input(
        self,
        request_id: str,
        tenant: str,
        deadline_s: float,
        chunks: tuple[ChunkInput, ...] = (),
        background: bool = False,
    ) -> LaneInput:
        """The plain value that travels to the lane; ``chunks``: what ``chunk_ids`` name; ``background``: others go first."""
        shared = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in {"chunk_ids", "support_units", "verification_samples", "request_id", "profile", "return_job"}
        }
        return LaneInput(
            **shared,
            request_id=request_id,
            tenant=tenant,
            deadline_s=deadline_s,
            background=background,
            profile=self.profile.value,
            chunks=chunks,
            chunk_ids=tuple(str(chunk_id) for chunk_id in self.chunk_ids or ()),
            support_units=tuple(UnitInput(**unit.model_dump()) for unit in self.support_units or ()),
            verification_samples=tuple(self.verification_samples or ()),
        )


class RagRequest(LaneRequest):
    """Body of ``POST /trace/rag``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "response_text": "Paris is the capital of France. It has 3.1 million inhabitants.",
                    "raw_context": "France's capital city is Paris. The city proper has 2.1 million inhabitants.",
                    "query_text": "What is the capital of France?",
                }
            ]
        }
    )


class CodeRequest(LaneRequest):
    """Body of ``POST /trace/code``."""

    response_language_hint: LanguageHint | None = None
    emit_chunk_ownership: bool = False
    session_state: dict[str, Any] | None = Field(None, description="The previous turn's next_session_state, verbatim.")
    names_only: bool = Field(
        False, description="Resolve names and no more: no model runs, and fields that rest on alignment are left out."
    )
    libraries: (
        dict[Annotated[str, Field(min_length=1, max_length=214)], Annotated[str, Field(min_length=1, max_length=64)]]
        | None
    ) = Field(
        None,
        max_length=2_000,
        description="Versions of installed packages by name, such as a lock file's. Of a package that is indexed but not in "
        "this version nothing is judged; of packages that are not named the newest indexed version is used.",
    )

    context_ref: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="In place of raw_context: the context_ref of an earlier answer, the SHA-256 of that raw_context. 404 "
        "`context_unknown` when it is no longer kept: send raw_context again.",
    )

    @property
    def refers_to_context(self) -> bool:
        """Whether the premises are a context that was sent before."""
        return self.context_ref is not None

    @model_validator(mode="after")
    def _one_context(self) -> CodeRequest:
        if self.context_ref is not None and (self.raw_context or self.support_units):
            raise ValueError("context_ref excludes raw_context and support_units; send one or the other")
        return self

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "response_text": "```python\nfrom shop import Cart\n\nCart().add_product('tea')\n```",
                    "raw_context": "# file: shop.py\nclass Cart:\n    def add_item(self, name: str) -> None: ...\n",
                    "response_language_hint": "python",
                }
            ]
        }
    )


class RollupRequest(Strict):
    """Body of ``POST /trace/rollup``."""

    turns: Annotated[list[dict[str, Any]], Field(fail_fast=True)] = Field(min_length=1, max_length=10_000)
    session_id: str | None = Field(None, pattern=SESSION_ID_PATTERN)
    heatmap_format: Literal["none", "data", "html"] = "data"
    request_id: str | None = Field(None, pattern=REQUEST_ID_PATTERN)
    return_job: bool = ReturnJob

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "turns": [
                        {"score": 0.91, "band": "green", "primary_metric": "reverse_context"},
                        {"scores": {"reverse_context": 0.42}, "risk_band": "red", "recommendation": "re_anchor"},
                    ]
                }
            ]
        }
    )


Body = TypeVar("Body", bound=Strict)


def parse_body(schema: type[Body], body: bytes) -> Body:
    """Validate a JSON body; every fault is a 400 that names the field, and for an unknown one the nearest known."""
    try:
        return schema.model_validate_json(body)
    except ValidationError as error:
        raise ValidationFailedError(describe_validation(schema, error)) from None


def describe_validation(schema: type[BaseModel], error: ValidationError) -> str:
    """The first faults of a body in one line, without echoing its texts."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    parts = [_describe_fault(schema, fault) for fault in faults[:3]]
    if len(faults) > 3:
        parts.append(f"and {len(faults) - 3} more")
    return "; ".join(parts)


def _describe_fault(schema: type[BaseModel], fault: Any) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
    if fault["type"] != "extra_forbidden":
        message = fault["msg"].removeprefix("Value error, ")
        return f"{path}: {message}" if path else message
    name = str(fault["loc"][-1])
    of_lane = issubclass(schema, (LaneRequest, RollupRequest)) and len(fault["loc"]) == 1
    if of_lane and name == "scoring_mode":
        return "scoring_mode: the lane is fixed by the URL; leave the field out"
    for lane, fields in _LANE_FIELDS.items():
        if of_lane and name in fields:
            return f"{name}: belongs to the {lane} lane; send it to /api/v1/trace/{lane}"
    if len(name) > _LONGEST_NAME:
        return f"{path[:128]}: unknown field"
    known = {field for model in _models_at(schema, fault["loc"][:-1]) for field in model.model_fields}
    nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
    return f"{path[:128]}: unknown field; did you mean {nearest[0]!r}?" if nearest else f"{path[:128]}: unknown field"


def _models_at(schema: type[BaseModel], path: Sequence[str | int]) -> list[type[BaseModel]]:
    """The models that may stand at a place of a body; lists add no name of their own, and no step here."""
    models = list(_models_of(schema))
    for name in (part for part in path if isinstance(part, str)):
        fields = [model.model_fields[name] for model in models if name in model.model_fields]
        models = [inner for field in fields for inner in _models_of(field.annotation)]
    return models


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names: itself, in a union, in a list, as the root of another."""
    if isinstance(annotation, type) and issubclass(annotation, RootModel):
        yield from _models_of(annotation.model_fields["root"].annotation)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _models_of(part)
