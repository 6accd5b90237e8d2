"""From a local folder to a torch module: transformers' architectures, safetensors weights, nothing left random."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from models.types import ModelInfo
from models.weights import ModelLoadError, read_json, require_files

Head = Literal["encoder", "sequence", "token"]


class ModelOutputError(ArithmeticError):
    """A forward pass gave NaN or infinity; nothing was scored with it."""


_AUTO_CLASSES = {
    "encoder": "AutoModel",
    "sequence": "AutoModelForSequenceClassification",
    "token": "AutoModelForTokenClassification",
}
_UNUSED_BY_ENCODERS = ("pooler.",)
_POSITIONS_AFTER_PADDING = frozenset({"roberta", "xlm-roberta", "camembert", "mpnet", "xlm-roberta-xl", "longformer"})
_DEFAULT_MAX_TOKENS = 512


def load_module(folder: Path, head: Head) -> nn.Module:
    """The float32 module in evaluation mode, on the CPU.

    Raises :class:`ModelLoadError` when a file is missing, the architecture is not one of transformers, or the
    checkpoint lacks weights of the asked head (transformers would fill them with random numbers).
    """
    require_files(folder)
    import transformers

    auto_class = getattr(transformers, _AUTO_CLASSES[head])
    try:
        with _quiet_transformers():
            model, report = auto_class.from_pretrained(
                str(folder),
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
    except (ValueError, OSError, KeyError, RuntimeError, AttributeError) as error:
        raise ModelLoadError(f"model folder {folder} cannot be loaded as {head} model: {error}") from error
    missing = sorted(key for key in report["missing_keys"] if head != "encoder" or not _is_unused(key))
    if missing:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
        raise ModelLoadError(f"weights in {folder} lack {shown}; this checkpoint is not a trained {head} model.")
    module: nn.Module = model
    cast_parameters(module, torch.float32)
    return module.eval().requires_grad_(False)


def cast_parameters(module: nn.Module, dtype: torch.dtype) -> None:
    """Cast the parameters in place and leave the buffers: rotary frequencies must stay float32."""
    for parameter in module.parameters():
        parameter.data = parameter.data.to(dtype)


def max_positions(module: nn.Module) -> int:
    """Tokens, special ones included, that one forward pass can hold."""
    config = model_config(module)
    positions = getattr(config, "max_position_embeddings", None)
    if not isinstance(positions, int) or positions < 1:
        return _DEFAULT_MAX_TOKENS
    if config.model_type in _POSITIONS_AFTER_PADDING:
        positions -= (config.pad_token_id or 0) + 1
    return positions


def check_finite(values: torch.Tensor, info: ModelInfo) -> None:
    """:class:`ModelOutputError` for NaN or infinity, which float16 gives where a model's values outgrow it."""
    if not bool(torch.isfinite(values).all()):
        raise ModelOutputError(
            f"model {info.name!r} gave NaN or infinity in {info.dtype}; load it with dtype bfloat16 or float32."
        )


def model_config(module: nn.Module) -> Any:
    """The transformers configuration of a module (torch types every attribute as tensor or module)."""
    return module.config


def check_vocabulary(folder: Path, module: nn.Module, tokenizer_size: int) -> None:
    """:class:`ModelLoadError` when the tokenizer can yield an id that the model has no embedding for."""
    model: Any = module
    embeddings = model.get_input_embeddings()
    rows = int(embeddings.weight.shape[0])
    if tokenizer_size > rows:
        raise ModelLoadError(
            f"model folder {folder}: the tokenizer has {tokenizer_size} ids, the model {rows} embeddings; "
            "tokenizer.json belongs to another model."
        )


def model_head(folder: Path) -> Head | None:
    """Which classification head the checkpoint's configuration names; None for a plain encoder."""
    architectures = " ".join(read_json(folder, "config.json").get("architectures") or ())
    if "ForSequenceClassification" in architectures:
        return "sequence"
    if "ForTokenClassification" in architectures:
        return "token"
    return None


def takes_token_types(module: nn.Module) -> bool:
    """Whether type ids of a pair make a difference to the model (BERT: yes; RoBERTa, ModernBERT: no)."""
    return int(getattr(model_config(module), "type_vocab_size", 0) or 0) > 1


def _is_unused(key: str) -> bool:
    return any(part in key for part in _UNUSED_BY_ENCODERS)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """No progress bars, no load report on standard error: what the report warns of is an error above."""
    from transformers.utils import logging as transformers_logging

    logger = logging.getLogger("transformers")
    level = logger.level
    had_progress: Any = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
        if had_progress:
            transformers_logging.enable_progress_bar()
