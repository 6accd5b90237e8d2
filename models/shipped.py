"""Load the verifier that ships with the package: weights beside this file, embeddings from the bundled encoder."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from models import agreement
from models.batching import DEFAULT_TOKEN_BUDGET
from models.checkpoint import load_module
from models.device import choose_device, choose_dtype, choose_threads, dtype_name, prepare_cpu
from models.tokenization import Tokenizer
from models.trained_verifier import Calibration, TrainedVerifier
from models.types import ModelInfo
from models.verifier_input import continuing_pieces
from models.verifier_network import VerifierNetwork, is_trained, widen_types
from models.weights import BUNDLED_SOURCE, ModelLoadError, check_digest, locate, read_json

WEIGHTS_FOLDER = Path(__file__).parent / "weights_verifier"
WEIGHTS_FILE = "weights.safetensors"


def load_shipped_verifier(
    folder: Path = WEIGHTS_FOLDER,
    *,
    dtype: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
) -> TrainedVerifier:
    """Load, check and place the verifier in ``folder``; no network.

    Raises :class:`ModelLoadError` when card or weights are missing, when a digest is not the card's, or when the tensors are
    not those of the network. On a CPU this sets torch's thread count for the whole process.
    """
    card = read_json(folder, "card.json")
    if not card:
        raise ModelLoadError(f"verifier folder {folder} has no card.json: reinstall the package or train the verifier.")
    revision = _checked_weights(folder, card)
    encoder_folder = _checked_encoder(folder, card)
    tokenizer = Tokenizer.from_folder(encoder_folder)
    continuing = continuing_pieces(encoder_folder, tokenizer.vocabulary_size)
    calibration = Calibration.from_card(card.get("calibration", {}), folder)
    place = choose_device(device)
    if place.type == "cpu":
        prepare_cpu(choose_threads(threads))

    @functools.cache
    def build(precision: torch.dtype) -> TrainedVerifier:
        network = load_network(encoder_folder, folder).to(place, precision)
        info = ModelInfo(str(card["name"]), revision, dtype_name(precision), str(place))
        return TrainedVerifier(network, tokenizer, continuing, info, calibration, token_budget)

    return build(choose_dtype(dtype, place, agreement.verifier_agrees(revision, build)))


def _checked_weights(folder: Path, card: dict[str, Any]) -> str:
    path = folder / WEIGHTS_FILE
    if not path.is_file():
        raise ModelLoadError(f"verifier folder {folder} has no {WEIGHTS_FILE}: reinstall the package.")
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != card.get("weights_sha256"):
        raise ModelLoadError(
            f"{path} has SHA-256 {actual}, its card says {card.get('weights_sha256')}; it was changed or damaged: "
            "reinstall the package."
        )
    return actual


def _checked_encoder(folder: Path, card: dict[str, Any]) -> Path:
    """The folder of the encoder that the weights were trained from."""
    name, source = str(card["encoder"]), str(card.get("encoder_source", BUNDLED_SOURCE))
    encoder_folder = locate(name, source)
    actual = check_digest(name, source, encoder_folder)
    if actual != card["encoder_sha256"]:
        raise ModelLoadError(
            f"the verifier in {folder} was trained from an encoder {name!r} with SHA-256 {card['encoder_sha256']}, "
            f"the one in {encoder_folder} has {actual}; install the matching one or train the verifier again."
        )
    return encoder_folder


def load_network(encoder_folder: Path, folder: Path = WEIGHTS_FOLDER) -> VerifierNetwork:
    """The network in float32 on the CPU, in evaluation mode; digests are the caller's to check."""
    encoder: Any = load_module(encoder_folder, "encoder")
    widen_types(encoder)
    network = VerifierNetwork(encoder, int(encoder.config.hidden_size))
    wanted = {name for name in network.state_dict() if is_trained(name)}
    try:
        tensors = load_file(folder / WEIGHTS_FILE)
        if set(tensors) != wanted:
            raise ModelLoadError(f"{folder / WEIGHTS_FILE} is not of this network: {sorted(wanted ^ set(tensors))[:5]}")
        network.load_state_dict({name: value.float() for name, value in tensors.items()}, strict=False)
    except (SafetensorError, RuntimeError) as error:
        raise ModelLoadError(f"{folder / WEIGHTS_FILE} cannot be loaded: {error}") from error
    return network.eval().requires_grad_(False)
