"""From a spec and a checked folder to a model on its device in its precision."""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from models import agreement
from models.batching import BatchLimits
from models.checkpoint import check_vocabulary, load_module, model_config, model_head
from models.device import choose_device, choose_dtype, choose_threads, dtype_name, prepare_cpu
from models.encoder import TransformerEncoder
from models.labels import map_labels
from models.projection import LateInteraction, load_markers, load_projection
from models.specs import EncoderSpec, VerifierSpec
from models.tokenization import Tokenizer
from models.types import ModelInfo
from models.verifier import SequenceVerifier, TokenVerifier
from models.weights import ModelLoadError

Module = TypeVar("Module", bound=nn.Module)


def assemble_encoder(spec: EncoderSpec, folder: Path, revision: str) -> TransformerEncoder:
    """The encoder in ``folder`` as ``spec`` asks for it."""
    device = _place(spec)
    tokenizer = Tokenizer.from_folder(folder)
    model = load_module(folder, "encoder")
    check_vocabulary(folder, model, tokenizer.vocabulary_size)
    head = None if spec.projection == "none" else load_projection(folder, model_config(model).hidden_size)
    if spec.projection == "required" and head is None:
        raise ModelLoadError(f"model folder {folder} has no projection (linear.weight, 1_Dense) and one is required.")
    markers = load_markers(folder, tokenizer)

    @functools.cache
    def build(dtype: torch.dtype) -> TransformerEncoder:
        return TransformerEncoder(
            _placed(model, device, dtype),
            tokenizer,
            ModelInfo(spec.name, revision, dtype_name(dtype), str(device)),
            late_interaction=LateInteraction(None if head is None else _placed(head, device, dtype), markers),
            limits=BatchLimits(spec.token_budget, spec.window_tokens),
        )

    return build(choose_dtype(spec.dtype, device, agreement.encoder_agrees(revision, build)))


def assemble_verifier(spec: VerifierSpec, folder: Path, revision: str) -> SequenceVerifier | TokenVerifier:
    """The verifier in ``folder`` as ``spec`` asks for it."""
    device = _place(spec)
    tokenizer = Tokenizer.from_folder(folder)
    head = model_head(folder)
    if head is None:
        raise ModelLoadError(
            f"model folder {folder} is no verifier: 'architectures' in config.json names neither a "
            "...ForSequenceClassification nor a ...ForTokenClassification."
        )
    model = load_module(folder, head)
    check_vocabulary(folder, model, tokenizer.vocabulary_size)
    classes = map_labels(model_config(model).id2label, spec.label_map)
    kind = SequenceVerifier if head == "sequence" else TokenVerifier

    @functools.cache
    def build(dtype: torch.dtype) -> SequenceVerifier | TokenVerifier:
        return kind(
            _placed(model, device, dtype),
            tokenizer,
            ModelInfo(spec.name, revision, dtype_name(dtype), str(device)),
            classes,
            temperature=spec.temperature,
            limits=BatchLimits(spec.token_budget, spec.window_tokens),
        )

    return build(choose_dtype(spec.dtype, device, agreement.verifier_agrees(revision, build)))


def _place(spec: EncoderSpec | VerifierSpec) -> torch.device:
    device = choose_device(spec.device)
    if device.type == "cpu":
        prepare_cpu(choose_threads(spec.threads))
    return device


def _placed(module: Module, device: torch.device, dtype: torch.dtype) -> Module:
    """The module on its device in its precision; a copy unless it is so already."""
    parameter = next(module.parameters())
    if parameter.dtype == dtype and parameter.device == device:
        return module
    # Parameters go in as already copied, so that deepcopy casts instead of copying first; buffers keep their precision.
    cast: dict[int, nn.Parameter] = {
        id(parameter): nn.Parameter(parameter.to(device, dtype), requires_grad=False)
        for parameter in module.parameters()
    }
    return copy.deepcopy(module, cast).to(device)
