"""The hashes of what a configuration decides with: settings, artefacts, weights.

A setting that moves no score (ports, replicas, threads, cache sizes, folders) is not in the hash, so that a restart on another
machine is no change.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, Final

from models.specs import SHIPPED_VERIFIER
from models.weights import BUNDLED, ModelLoadError, digest
from serving.api.audit_facts import Provenance
from serving.config.artifacts import artifact_sha256
from serving.config.load import Config, ConfigError, parse_config
from serving.config.settings import EncoderSettings, VerifierSettings

ARTIFACTS: Final = ("rag", "rag_verified", "code", "null_bank", "runtime_head")
_ENCODER: Final = ("name", "dtype", "max_window_tokens")
_VERIFIER: Final = ("dtype", "label_map", "temperature", "max_pair_tokens")
_CARD: Final = "card.json"


def provenance_of(config: Config) -> Provenance:
    """The provenance of a configuration. Weights of a hub id are not fetched for it: their hash is None until they are loaded."""
    encoders = {one.name: weights_sha256(one.source) for one in config.encoders}
    verifier = None if config.verifier is None else weights_sha256(config.verifier.source)
    return Provenance(
        config_sha256=config_sha256(config),
        config_source=config_source(config),
        encoders=encoders,
        verifier=verifier,
        code=artifact_sha256("code", config.artifacts.directory),
    )


def config_sha256(config: Config) -> str:
    """SHA-256 of the canonical JSON of the settings and artefacts that bear on a score."""
    values = _scoring_values(config) | {
        "artifacts": {name: artifact_sha256(name, config.artifacts.directory) for name in ARTIFACTS}
    }
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def config_source(config: Config) -> str:
    """``defaults`` where what bears on scores is as shipped, ``profile`` where it is as its profile says, else ``custom``."""
    mine = config_sha256(config)
    for name, values in (("defaults", {}), ("profile", {"profile": config.profile} if config.profile else {})):
        try:
            if config_sha256(parse_config(values, environment={})) == mine:
                return name
        except ConfigError:
            continue
    return "custom"


@functools.cache
def weights_sha256(source: str) -> str | None:
    """The digest of a bundled model, the shipped verifier or a local folder; None for anything else."""
    if source in BUNDLED:
        return BUNDLED[source].sha256
    if source == SHIPPED_VERIFIER:
        import models

        card = Path(models.__file__).parent / "weights_verifier" / _CARD
        found: str | None = (
            json.loads(card.read_text(encoding="utf-8")).get("weights_sha256") if card.is_file() else None
        )
        return found
    folder = Path(source).expanduser()
    try:
        return digest(folder) if folder.is_dir() else None
    except (ModelLoadError, OSError):
        return None  # loading it says what is wrong


def _scoring_values(config: Config) -> dict[str, Any]:
    return {
        "encoders": [_model_values(one, _ENCODER) for one in config.encoders],
        "default_encoder": config.default_encoder_name,
        "verifier": None if config.verifier is None else _model_values(config.verifier, _VERIFIER),
        "bands": config.bands.model_dump(mode="json"),
        "code": {"use_encoder": config.lanes.code.use_encoder},
        "units": config.limits.units,
    }


def _model_values(settings: EncoderSettings | VerifierSettings, names: tuple[str, ...]) -> dict[str, Any]:
    """The named settings, and the weights: by their digest, else by the name of their source."""
    values = settings.model_dump(mode="json", include=set(names))
    return values | {"weights": weights_sha256(settings.source) or settings.source}
