"""The sections of the configuration: names, types, defaults and limits, each described where it is declared.

Every section is frozen and refuses unknown keys. ``serving.config.load`` reads them from a file and the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from models.specs import SHIPPED_VERIFIER
from scoring.band_curves import BandTargets

DType = Literal["auto", "fp32", "bf16", "fp16"]
Device = Literal["auto", "cpu", "cuda"]
VerdictLabel = Literal["entail", "neutral", "contradict", "not_entail"]

MEBIBYTE = 1024 * 1024


def impossible(key: str, reason: str) -> NoReturn:
    """Refuse a combination of values; ``key`` is relative to the section that checks it."""
    raise PydanticCustomError("impossible", "{reason}", {"key": key, "reason": reason})


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


FilePath = Annotated[Path, AfterValidator(_absolute)]
"""A path of the configuration: ``~`` and relative paths are resolved once, where the configuration is read."""


class Section(BaseModel):
    """A frozen part of the configuration."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AutoscalingSettings(Section):
    """Bounds between which Ray Serve adds and removes replicas."""

    min: int = Field(default=1, ge=1, description="Fewest replicas.")
    max: int = Field(default=1, ge=1, description="Most replicas.")
    target_ongoing_requests: float = Field(
        default=8.0,
        gt=0,
        description="Requests in flight per replica that Ray Serve aims at when it adds or removes replicas.",
    )

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.min > self.max:
            impossible("min", f"min is {self.min} and max is {self.max}; set min <= max")
        return self


class ReplicaSettings(Section):
    """How many replicas of one deployment run, and what each may hold."""

    replicas: int | None = Field(
        default=None, ge=1, description="A fixed number of replicas; null: 1, or `autoscaling`."
    )
    autoscaling: AutoscalingSettings | None = Field(
        default=None, description="Bounds instead of a fixed number of replicas."
    )
    num_cpus: float = Field(default=0.1, ge=0, description="CPU cores that Ray reserves for one replica (bookkeeping).")
    max_ongoing_requests: int = Field(default=64, ge=1, description="Requests that one replica works on at a time.")
    max_queued_requests: int = Field(
        default=256, ge=1, description="Requests that may wait at each caller for a replica."
    )

    @model_validator(mode="after")
    def _check_replicas(self) -> Self:
        if self.replicas is not None and self.autoscaling is not None:
            impossible("replicas", "replicas and autoscaling exclude each other; set one of them to null")
        return self

    @property
    def max_replicas(self) -> int:
        """The most replicas that can run at a time."""
        return self.autoscaling.max if self.autoscaling else self.replicas or 1

    def deployment_options(self, num_gpus: float = 0.0) -> dict[str, Any]:
        """The arguments of Ray Serve's ``Deployment.options`` for this section."""
        options: dict[str, Any] = {
            "max_ongoing_requests": self.max_ongoing_requests,
            "max_queued_requests": self.max_queued_requests,
            "ray_actor_options": {"num_cpus": self.num_cpus, "num_gpus": num_gpus},
        }
        if self.autoscaling is None:
            options["num_replicas"] = self.max_replicas
        else:
            options["autoscaling_config"] = {
                "min_replicas": self.autoscaling.min,
                "max_replicas": self.autoscaling.max,
                "target_ongoing_requests": self.autoscaling.target_ongoing_requests,
            }
        return options


class GatewaySettings(ReplicaSettings):
    """Replicas of the HTTP ingress. Rate limits and permits are counted in each of them."""

    max_ongoing_requests: int = Field(
        default=2048,
        ge=1,
        description="Requests one gateway holds; above limits.permits and limits.receiving, which refuse first.",
    )
    max_queued_requests: int = Field(default=1024, ge=1, description="Requests that wait at the proxy for a gateway.")


class LaneSettings(ReplicaSettings):
    """Replicas of one lane."""


class RagLaneSettings(LaneSettings):
    """Where the RAG lane runs."""

    in_gateway: bool | None = Field(
        default=None,
        description="Run the lane inside the gateway replicas: one call and one process less. null: unless `replicas` or "
        "`autoscaling` give it replicas of its own.",
    )

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if self.in_gateway and self._has_own_replicas:
            impossible("in_gateway", "in_gateway is true but the lane has replicas of its own; set one of them to null")
        return self

    @property
    def _has_own_replicas(self) -> bool:
        return self.replicas is not None or self.autoscaling is not None

    @property
    def runs_in_gateway(self) -> bool:
        """Whether the gateways run the lane themselves."""
        return not self._has_own_replicas if self.in_gateway is None else self.in_gateway


class CodeLaneSettings(LaneSettings):
    """Replicas of the code lane."""

    use_encoder: bool = Field(
        default=True,
        description="Align the response with the context too; false: names alone are judged, faster, and fields that "
        "rest on the alignment (units' usage, claims, coverage) are left out.",
    )
    encoder_requests: int = Field(
        default=1,
        ge=1,
        description="Requests of one code replica that are with the encoder at a time; more wait in the lane, so that a "
        "flood of code leaves the encoder to the RAG lane.",
    )


class ModelSettings(ReplicaSettings):
    """What an encoder and a verifier have in common."""

    dtype: DType = Field(
        default="auto", description="Precision; auto: bf16 where the hardware is fast at it, else fp32."
    )
    device: Device = Field(default="auto", description="auto: a GPU if the replica has one, else the CPU.")
    threads: int | None = Field(
        default=None, ge=1, description="Torch threads of a CPU replica; null: from the cores it has."
    )
    token_budget: int = Field(default=4096, ge=16, description="Padded tokens in one forward pass.")
    num_gpus: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of a GPU for one replica; null: an equal share of the GPUs there are, or none.",
    )
    num_cpus: float = Field(default=0.5, ge=0, description="CPU cores that Ray reserves for one replica (bookkeeping).")

    @model_validator(mode="after")
    def _check_device(self) -> Self:
        if self.device == "cpu" and self.num_gpus:
            impossible("num_gpus", f"num_gpus is {self.num_gpus} but device is cpu; set num_gpus: 0 or device: cuda")
        if self.device == "cuda" and self.num_gpus == 0:
            impossible("num_gpus", "device is cuda but num_gpus is 0; give the replica a share such as 0.5")
        return self


class EncoderSettings(ModelSettings):
    """One encoder, chosen by a request's ``model``."""

    name: str = Field(default="minilm", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="The name that requests use.")
    source: str = Field(
        default="all-MiniLM-L6-v2", min_length=1, description="A bundled model, a local folder, or a hub id."
    )
    max_window_tokens: int = Field(
        default=512, ge=16, description="Longest window; longer texts are encoded in windows."
    )
    cache_bytes: int = Field(
        default=256 * MEBIBYTE, ge=0, description="Unit vectors that one replica keeps, by content hash; 0: none."
    )
    host_cache_bytes: int = Field(
        default=1024 * MEBIBYTE,
        ge=0,
        description="Unit vectors of a GPU replica that are kept in the host's memory once `cache_bytes` are full.",
    )

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        if self.token_budget < self.max_window_tokens:
            impossible(
                "token_budget",
                f"token_budget is {self.token_budget}, less than one window of {self.max_window_tokens} tokens; "
                "raise token_budget or lower max_window_tokens",
            )
        return self


class VerifierSettings(ModelSettings):
    """The model that judges (premise, claim) pairs."""

    source: str = Field(
        default=SHIPPED_VERIFIER, min_length=1, description="A bundled model, a local folder, or a hub id."
    )
    label_map: Mapping[str, VerdictLabel] = Field(
        default_factory=dict,
        description="The model's label names to ours: entail, neutral, contradict, or not_entail where a 2-class or "
        "token-level model knows no more; empty: the names the model carries.",
    )
    temperature: float = Field(default=1.0, gt=0, le=100, description="Divides the logits (calibration).")
    max_pair_tokens: int = Field(
        default=512, ge=16, description="Longest (premise, claim) pair; longer premises are split."
    )
    cache_bytes: int = Field(
        default=64 * MEBIBYTE,
        ge=0,
        description="Verdicts that one replica keeps, by hash of premise and claim; 0: none.",
    )

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if self.token_budget < self.max_pair_tokens:
            impossible(
                "token_budget",
                f"token_budget is {self.token_budget}, less than one pair of {self.max_pair_tokens} tokens; "
                "raise token_budget or lower max_pair_tokens",
            )
        return self


class LanesSettings(Section):
    """The lanes: CPU replicas that do everything but run a model."""

    rag: RagLaneSettings = Field(default=RagLaneSettings(), description="POST /api/v1/trace/rag.")
    code: CodeLaneSettings = Field(default=CodeLaneSettings(), description="POST /api/v1/trace/code.")
    rollup: LaneSettings = Field(default=LaneSettings(), description="POST /api/v1/trace/rollup.")


class ServerSettings(Section):
    """Where the server listens and how it stops."""

    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on; beyond loopback needs keys."
    )
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    allowed_hosts: tuple[str, ...] = Field(
        default=(),
        description="Names with a dot that calls without a key may use as Host; addresses and localhost always may.",
    )
    ha_proxy: bool = Field(
        default=False,
        description="HAProxy before the gateways instead of Ray Serve's Python proxy; for a server that starts its own Ray.",
    )
    one_loop: bool = Field(
        default=False,
        description="Run a replica's code in the event loop that receives its calls, not in a thread of its own; for a "
        "server that starts its own Ray.",
    )
    grpc: bool = Field(
        default=False,
        description="Calls between replicas over gRPC, not as Ray tasks; for a server that starts its own Ray.",
    )
    drain_s: float = Field(
        default=35.0, ge=0, description="Seconds that requests in flight may take to finish at a stop."
    )
    gateway: GatewaySettings = Field(default=GatewaySettings(), description="The HTTP ingress.")


class PermitSettings(Section):
    """Requests of one kind that a gateway admits at a time, working and waiting together; more answer 503."""

    rag: int = Field(default=64, ge=1, description="Requests of the RAG lane.")
    code: int = Field(default=64, ge=1, description="Requests of the code lane.")
    rollup: int = Field(default=32, ge=1, description="Requests of the rollup lane.")
    store: int = Field(default=64, ge=1, description="Requests on sessions, chunks and jobs.")
    watch: int = Field(default=64, ge=1, description="Streams of a job's progress; they hold no other permit.")
    stream: int = Field(default=64, ge=1, description="Answers that are judged while they are written.")
    traces: int = Field(default=32, ge=1, description="Requests that bring calls of your applications (OTLP, JSON).")
    pages: int = Field(default=64, ge=1, description="Requests for the pages at /review.")


class LimitSettings(Section):
    """What one request, one key and one gateway may ask for. Nothing past a limit is cut: it is refused whole."""

    context_characters: int = Field(default=400_000, ge=1, description="Characters of context in one request.")
    units: int = Field(default=512, ge=1, description="Support units in one request.")
    response_characters: int = Field(default=64_000, ge=1, description="Characters of `response_text`.")
    query_characters: int = Field(default=16_000, ge=1, description="Characters of `query_text`.")
    verification_samples: int = Field(default=16, ge=1, description="Alternate answers in one request.")
    worker_characters: int = Field(
        default=100_000,
        ge=20_000,
        description="Requests of the rag lane whose response and context have this many characters or more are read in a process "
        "of its own, which is killed at the request's deadline.",
    )
    text_workers: int = Field(
        default=1,
        ge=0,
        description="Such processes a lane replica may have, and one more for jobs; they start when first needed. 0: threads "
        "read long texts too, and no deadline stops them.",
    )
    body_bytes: int = Field(default=16 * MEBIBYTE, ge=1024, description="Bytes of one request's body.")
    in_flight_bytes: int = Field(
        default=256 * MEBIBYTE,
        ge=1024,
        description="Bytes of all bodies that one gateway holds at a time; more answer 503.",
    )
    body_deadline_s: float = Field(default=120.0, gt=0, description="Seconds a body may take to come; then 408.")
    body_bytes_per_s: int = Field(
        default=16_384, ge=1, description="Least rate of a body on average, after its first five seconds; then 408."
    )
    receiving: int = Field(
        default=256, ge=1, description="Requests whose body is on its way at a time; they hold no permit."
    )
    tenant_share: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="Share of the permits, of in_flight_bytes and of receiving that one tenant may hold where the keys are of "
        "more than one.",
    )
    deadline_s: float = Field(default=30.0, gt=0, description="Seconds one request may take; then it answers 504.")
    stream_idle_s: float = Field(
        default=30.0, gt=0, description="Seconds that the sender of a streamed answer may be silent; then it is a 504."
    )
    stream_s: float = Field(
        default=600.0, gt=0, le=3_500, description="Seconds that a streamed answer may take in all; then it is a 504."
    )
    requests_per_minute: int = Field(default=600, ge=1, description="Rate of one key that has no rate of its own.")
    burst: int = Field(default=60, ge=1, description="Requests that a rested key may send at once.")
    permits: PermitSettings = Field(default=PermitSettings(), description="Requests admitted at a time.")

    @model_validator(mode="after")
    def _check_bytes(self) -> Self:
        if self.body_bytes < self.context_characters + self.response_characters:
            impossible(
                "body_bytes",
                f"a body of {self.body_bytes} bytes cannot hold context_characters + response_characters "
                f"({self.context_characters + self.response_characters}); raise body_bytes or lower those",
            )
        if self.in_flight_bytes < self.body_bytes:
            impossible(
                "in_flight_bytes",
                f"in_flight_bytes is {self.in_flight_bytes}, less than one body of {self.body_bytes} bytes; raise it",
            )
        return self


class PriceSettings(Section):
    """What `X-Cost-Usd` answers, by the profile that a request was scored with."""

    standard_usd: float = Field(default=0.0, ge=0, description="USD for a request scored with profile standard.")
    quality_usd: float = Field(default=0.0, ge=0, description="USD for a request scored with profile quality.")


class AuthSettings(Section):
    """Who may call."""

    keys_file: FilePath | None = Field(
        default=None, description="File of hashed keys; null: `keys.json` in `data_dir`."
    )
    required: bool | None = Field(
        default=None,
        description="Refuse calls without a key; null: as soon as the keys file holds a key, revoked or not.",
    )


class StoreSettings(Section):
    """Where sessions, chunks and jobs live."""

    url: str | None = Field(
        default=None, description="SQLAlchemy URL (sqlite or postgresql); null: SQLite `groundlane.db` in `data_dir`."
    )
    hot_context_tokens: int = Field(
        default=2_000, ge=64, le=16_000, description="Token budget of a session's hot context, if a call names none."
    )
    session_retention: str = Field(
        default="30d",
        pattern=r"^(close|keep|[1-9][0-9]{0,2}[mhd])$",
        description="How long a session that names no retention is kept after its last use: `12h`, `close`, `keep`.",
    )
    job_retention: str = Field(
        default="7d",
        pattern=r"^[1-9][0-9]{0,2}[mhd]$",
        description="How long the results of a job are kept after its end: `90m`, `12h`, `7d`.",
    )

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        if self.url is not None and not self.url.startswith(("sqlite", "postgresql")):
            impossible("url", "the store is sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")
        return self


class ObservabilitySettings(Section):
    """What the operator sees. Nothing is sent anywhere: there is no telemetry."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged; one record per request is info."
    )
    metrics: bool = Field(default=True, description="Serve Prometheus metrics at /metrics.")


class BandSettings(Section):
    """The precision that bands must hold; the cuts come from the curves of the calibration when the server starts."""

    green_precision: float = Field(
        default=0.92, ge=0.5, lt=1.0, description="Share of green answers that must be grounded, on held-out answers."
    )
    red_precision: float = Field(
        default=0.85, ge=0.5, lt=1.0, description="Share of red answers that must be hallucinated, on held-out answers."
    )

    @property
    def targets(self) -> BandTargets:
        """As the lanes take them."""
        return BandTargets(self.green_precision, self.red_precision)


class ArtifactSettings(Section):
    """Fitted weights and thresholds."""

    directory: FilePath | None = Field(
        default=None,
        description="Folder of JSON artefacts that take the place of the packaged ones with the same name.",
    )

    @model_validator(mode="after")
    def _check_directory(self) -> Self:
        if self.directory is not None and not self.directory.is_dir():
            impossible("directory", f"{self.directory} is no folder; create it or set it to null")
        return self
