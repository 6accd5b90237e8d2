"""Late-interaction heads (ColBERT style): the projection of token vectors, the markers, the punctuation skip-list.

Two layouts are read. Stanford ColBERT: ``linear.weight`` in the checkpoint's own safetensors, settings in
``artifact.metadata``. Sentence-transformers and PyLate: modules ``1_Dense``, ``2_Dense`` named by ``modules.json``,
settings in ``config_sentence_transformers.json``. Query augmentation with mask tokens is not done: those tokens are no
part of the text, and by default other tokens do not attend to them, so leaving them out changes no other vector.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from models.tokenization import Tokenizer
from models.types import TextRole
from models.weights import ModelLoadError, read_json, weight_files

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "Identity": nn.Identity,
    "Tanh": nn.Tanh,
    "ReLU": nn.ReLU,
    "GELU": nn.GELU,
    "SiLU": nn.SiLU,
}


@dataclass(frozen=True)
class Markers:
    """Ids put before a text by role, and document tokens whose vectors are left out."""

    query: tuple[int, ...] = ()
    document: tuple[int, ...] = ()
    skipped: frozenset[int] = frozenset()

    def of(self, role: TextRole) -> tuple[int, ...]:
        """The marker ids of a role."""
        return self.query if role == "query" else self.document


@dataclass(frozen=True, eq=False)
class LateInteraction:
    """What a checkpoint adds to its encoder. Without a projection the encoder's own hidden states are the vectors."""

    projection: nn.Sequential | None = None
    markers: Markers = Markers()


def load_projection(folder: Path, dim: int) -> nn.Sequential | None:
    """The head that takes ``dim`` values a token, float32 in evaluation mode; None when the checkpoint has none."""
    dense_folders = _dense_folders(folder)
    layers: list[nn.Module] = []
    for dense_folder in dense_folders:
        layers += _dense_layers(dense_folder)
    if not dense_folders:
        layers = _linear_of_checkpoint(folder)
    if not layers:
        return None
    first = layers[0]
    if isinstance(first, nn.Linear) and first.in_features != dim:
        raise ModelLoadError(f"projection in {folder} takes {first.in_features} values, the encoder gives {dim}.")
    return nn.Sequential(*layers).eval().requires_grad_(False)


def load_markers(folder: Path, tokenizer: Tokenizer) -> Markers:
    """Markers and skip-list of a checkpoint; all empty for one that has none."""
    settings = read_json(folder, "config_sentence_transformers.json")
    artifact = read_json(folder, "artifact.metadata")
    if artifact:
        skip = string.punctuation if artifact.get("mask_punctuation", True) else ""
        return Markers(
            query=_marker_ids(folder, tokenizer, artifact.get("query_token_id", "[unused0]")),
            document=_marker_ids(folder, tokenizer, artifact.get("doc_token_id", "[unused1]")),
            skipped=_skipped_ids(tokenizer, list(skip)),
        )
    prompts = settings.get("prompts") or {}
    return Markers(
        query=_marker_ids(folder, tokenizer, settings.get("query_prefix") or prompts.get("query") or ""),
        document=_marker_ids(folder, tokenizer, settings.get("document_prefix") or prompts.get("document") or ""),
        skipped=_skipped_ids(tokenizer, settings.get("skiplist_words") or []),
    )


def _dense_folders(folder: Path) -> list[Path]:
    path = folder / "modules.json"
    if not path.is_file():
        return [folder / "1_Dense"] if (folder / "1_Dense").is_dir() else []
    modules = _json_list(path)
    return [folder / str(module["path"]) for module in modules if str(module.get("type", "")).endswith(".Dense")]


def _json_list(path: Path) -> list[dict[str, Any]]:
    import json

    try:
        modules = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelLoadError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelLoadError(f"{path} must hold a list of objects.")
    return modules


def _dense_layers(folder: Path) -> list[nn.Module]:
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ModelLoadError(f"projection folder {folder} has no model.safetensors; only safetensors are loaded.")
    config = read_json(folder, "config.json")
    if config.get("use_residual"):
        raise ModelLoadError(f"projection in {folder} has a residual connection, which is not supported.")
    activation = str(config.get("activation_function") or "Identity").rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        known = ", ".join(_ACTIVATIONS)
        raise ModelLoadError(f"activation {activation!r} in {folder} is unknown; known are {known}.")
    with safe_open(path, framework="pt") as file:
        bias = file.get_tensor("linear.bias") if "linear.bias" in file.keys() else None  # noqa: SIM118
        linear = _linear(file.get_tensor("linear.weight"), bias)
    return [linear] if activation == "Identity" else [linear, _ACTIVATIONS[activation]()]


def _linear_of_checkpoint(folder: Path) -> list[nn.Module]:
    for path in weight_files(folder):
        with safe_open(path, framework="pt") as file:
            if "linear.weight" in file.keys():  # noqa: SIM118
                bias = file.get_tensor("linear.bias") if "linear.bias" in file.keys() else None  # noqa: SIM118
                return [_linear(file.get_tensor("linear.weight"), bias)]
    return []


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    linear.weight.data = weight.float()
    if bias is not None:
        linear.bias.data = bias.float()
    return linear


def _marker_ids(folder: Path, tokenizer: Tokenizer, marker: str) -> tuple[int, ...]:
    """A marker is the name of one token (with or without outer spaces), or plain text such as ``query: ``."""
    if not marker.strip():
        return ()
    for name in (marker, marker.strip()):
        identifier = tokenizer.token_id(name)
        if identifier is not None:
            return (identifier,)
    if marker.strip().startswith("["):
        raise ModelLoadError(f"marker {marker!r} of the checkpoint in {folder} is not in its tokenizer's vocabulary.")
    return tuple(int(identifier) for identifier in tokenizer.encode(marker).ids)


def _skipped_ids(tokenizer: Tokenizer, words: list[str]) -> frozenset[int]:
    """Ids of skip-list words; a word of several tokens is not skipped, its pieces occur in other words."""
    encoded = [tokenizer.encode(word).ids for word in words]
    return frozenset(int(ids[0]) for ids in encoded if len(ids) == 1)
