"""The configuration: one frozen object, read once from a file, the environment and the command line.

Order, later wins: defaults, the profile, the file, ``GROUNDLANE__SECTION__KEY`` in the environment, overrides.
The file is either the configuration itself or a Ray Serve config file with the configuration as ``args``.
"""

from __future__ import annotations

import ipaddress
import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, ValidationError, model_validator

from serving.api.config_errors import ConfigError, explain
from serving.auth.keys import KeyFile
from serving.config.audit import AuditSettings
from serving.config.evals import EvalSettings
from serving.config.settings import (
    ArtifactSettings,
    AuthSettings,
    BandSettings,
    EncoderSettings,
    FilePath,
    LanesSettings,
    LimitSettings,
    ModelSettings,
    ObservabilitySettings,
    PriceSettings,
    Section,
    ServerSettings,
    StoreSettings,
    VerifierSettings,
    impossible,
)
from serving.config.sources import (
    PROFILES,
    as_nested,
    environment_values,
    merge,
    profile_values,
    read_document,
    unwrap_serve_document,
)
from serving.config.traces import TraceSettings

__all__ = ["PROFILES", "Config", "ConfigError", "is_loopback", "load_config", "parse_config", "read_config"]


class Config(Section):
    """Everything the server can be told. Frozen and picklable; replicas receive it whole."""

    profile: str | None = Field(default=None, description=f"Values to start from: {', '.join(PROFILES)}.")
    data_dir: FilePath = Field(
        default=Path("~/.local/share/groundlane"),
        validate_default=True,
        description="Folder of what the server keeps: keys and the SQLite store.",
    )
    server: ServerSettings = Field(default=ServerSettings(), description="Where the server listens and how it stops.")
    encoders: tuple[EncoderSettings, ...] = Field(
        default=(EncoderSettings(),), description="Encoders that a request may choose from."
    )
    default_encoder: str | None = Field(
        default=None, description="The encoder of requests that name none; null: the first of `encoders`."
    )
    verifier: VerifierSettings | None = Field(
        default=VerifierSettings(),
        description="The model that judges claims, the bundled one by default; null: none, and the NLI signal does not apply.",
    )
    lanes: LanesSettings = Field(default=LanesSettings(), description="Replicas of the lanes.")
    limits: LimitSettings = Field(
        default=LimitSettings(), description="What a request, a key and a gateway may ask for."
    )
    prices: PriceSettings = Field(default=PriceSettings(), description="Metered cost of a request.")
    auth: AuthSettings = Field(default=AuthSettings(), description="Who may call.")
    store: StoreSettings = Field(default=StoreSettings(), description="Where sessions, chunks and jobs live.")
    traces: TraceSettings = Field(
        default=TraceSettings(), description="Conversations of your applications: kept, scored by themselves, reviewed."
    )
    evals: EvalSettings = Field(default=EvalSettings(), description="Evaluation runs: egress, keys, confirmation.")
    audit: AuditSettings = Field(
        default=AuditSettings(),
        description="The log of the server's own decisions, review texts, a candidate beside it.",
    )
    observability: ObservabilitySettings = Field(default=ObservabilitySettings(), description="Logs and metrics.")
    bands: BandSettings = Field(default=BandSettings(), description="How precise green and red must be.")
    artifacts: ArtifactSettings = Field(default=ArtifactSettings(), description="Fitted weights and thresholds.")

    @model_validator(mode="after")
    def _check_encoders(self) -> Self:
        names = [encoder.name for encoder in self.encoders]
        if not names:
            impossible("encoders", "no encoder is configured; name at least one")
        for index, name in enumerate(names):
            if name in names[:index]:
                impossible(f"encoders.{index}.name", f"two encoders are called {name!r}; give each its own name")
        if self.default_encoder is not None and self.default_encoder not in names:
            impossible("default_encoder", f"{self.default_encoder!r} is not among the encoders {names}")
        return self

    @model_validator(mode="after")
    def _check_capacity(self) -> Self:
        permits = self.limits.permits
        admitted = sum(permits.model_dump().values()) + self.limits.receiving
        if self.server.gateway.max_ongoing_requests <= admitted:
            impossible(
                "server.gateway.max_ongoing_requests",
                f"a gateway holds {self.server.gateway.max_ongoing_requests} requests but limits.permits and limits.receiving "
                f"admit {admitted}; raise it above them, so that a full queue answers 503 and /healthz still answers",
            )
        if self.server.drain_s < self.limits.deadline_s:
            impossible(
                "server.drain_s",
                f"drain_s is {self.server.drain_s:g} and limits.deadline_s is {self.limits.deadline_s:g}; a stop would "
                "cut off requests in flight, set drain_s >= deadline_s",
            )
        return self

    @property
    def default_encoder_name(self) -> str:
        """The encoder of requests that name none."""
        return self.default_encoder or self.encoders[0].name

    @property
    def keys_path(self) -> Path:
        """The file of hashed API keys; it need not exist."""
        return self.auth.keys_file or self.data_dir / "keys.json"

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store. May hold a password: never log it."""
        return self.store.url or f"sqlite:///{self.data_dir / 'groundlane.db'}"

    def encoder(self, name: str | None = None) -> EncoderSettings:
        """The encoder called ``name``, or the default one. Raises KeyError for a name that is not configured."""
        wanted = name or self.default_encoder_name
        for encoder in self.encoders:
            if encoder.name == wanted:
                return encoder
        raise KeyError(wanted)

    def gpu_share(self, model: ModelSettings, cluster_gpus: int) -> float:
        """GPU share of one replica of ``model``: as configured, else so that all replicas fit on ``cluster_gpus``.

        Raises ConfigError if the model must run on a GPU and the cluster has none left.
        """
        if model.num_gpus is not None or model.device == "cpu":
            return model.num_gpus or 0.0
        models: list[ModelSettings] = [*self.encoders, *([self.verifier] if self.verifier else [])]
        claimed = sum(each.max_replicas * each.num_gpus for each in models if each.num_gpus)
        sharing = sum(each.max_replicas for each in models if each.num_gpus is None and each.device != "cpu")
        free = cluster_gpus - claimed
        share = math.floor(100 * min(1.0, free) / math.ceil(sharing / max(1, math.floor(free)))) / 100
        if share > 0:
            return share
        if model.device == "cuda":
            raise ConfigError("device", f"device is cuda but no share of {cluster_gpus} GPUs is left; use device: auto")
        return 0.0

    def to_dict(self, *, redacted: bool = False) -> dict[str, Any]:
        """The effective values as JSON types; :func:`parse_config` reads them back. ``redacted`` hides passwords."""
        values: dict[str, Any] = self.model_dump(mode="json")
        if redacted and self.store.url:
            values["store"]["url"] = _without_password(self.store.url)
        return values

    def describe(self) -> list[tuple[str, str]]:
        """(dotted key, effective value as JSON) of every setting, passwords hidden."""
        return [(key, json.dumps(value)) for key, value in _flatten(self.to_dict(redacted=True))]


def load_config(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read the configuration of ``groundlane serve``.

    ``overrides``: dotted keys (``server.port``) or nested sections. ``environment``: ``os.environ`` by default.
    Raises ConfigError with the dotted key, the reason and the nearest known key; nothing starts on a doubtful value.
    """
    config = read_config(path, overrides, profile=profile, environment=environment)
    check_exposure(config)
    return config


def read_config(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    profile: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """As :func:`load_config`, for commands that do not listen: whether an address may be used is not asked."""
    document = read_document(path) if path is not None else {}
    extra = as_nested(overrides or {})
    if profile is not None:
        extra["profile"] = profile
    return parse_config(unwrap_serve_document(document), extra, environment=environment)


def parse_config(
    values: Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """The configuration from plain values, such as the ``args`` that Ray Serve gives an application builder.

    Unlike :func:`load_config` it looks at no file but a profile's. Raises ConfigError.
    """
    variables = environment_values(os.environ if environment is None else environment)
    chosen = merge(merge(values, variables.values), overrides or {})
    base = merge({"encoders": [{}]}, profile_values(chosen.get("profile")))
    merged = merge(base, chosen)
    try:
        return Config.model_validate(merged)
    except ValidationError as error:
        raise explain(error, Config, variables.names) from None


def check_exposure(config: Config) -> None:
    """Refuse to listen beyond loopback unless every call needs a key. Raises ConfigError with the remedy."""
    if is_loopback(config.server.host) or config.auth.required:
        return
    if config.auth.required is None and KeyFile(config.keys_path).has_keys():
        return
    raise ConfigError(
        "server.host",
        f"{config.server.host} is reachable from other machines, and calls need no key",
        f"Create one with 'groundlane keys create --tenant NAME' (keys file: {config.keys_path}), set "
        "auth.required: true, or listen on 127.0.0.1.",
    )


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an address that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    query = re.sub(r"(?i)((?:^|&)[^=&]*(?:passw|secret|token)[^=&]*=)[^&]*", r"\1***", parts.query)
    netloc = parts.netloc if parts.password is None else parts.netloc.replace(f":{parts.password}@", ":***@")
    hidden = urlunsplit(parts._replace(netloc=netloc, query=query))
    return hidden if (netloc, query) != (parts.netloc, parts.query) else url


def _flatten(value: Any, prefix: str = "") -> list[tuple[str, Any]]:
    children: list[tuple[str, Any]] = []
    if isinstance(value, dict) and value:
        children = [(str(key), child) for key, child in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        children = [(str(index), child) for index, child in enumerate(value)]
    if not children:
        return [(prefix, value)]
    return [pair for key, child in children for pair in _flatten(child, f"{prefix}.{key}" if prefix else key)]
