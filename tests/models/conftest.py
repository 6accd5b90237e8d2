"""Tiny random checkpoints of three architectures, saved the way real ones are and loaded through the real loaders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from models.encoder import TransformerEncoder
from models.registry import EncoderSpec, load_encoder

CORPUS = [
    "The bridge was opened in 1932 and carries eight lanes of traffic across the water.",
    "Revenue rose by 4.2 % to 118 million euros; the number of employees fell to 640 people.",
    "Der Vertrag endet am 31. März 2024 und verlängert sich nicht von selbst. query: passage:",
]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"]
MAX_POSITIONS = 40
SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": MAX_POSITIONS,
    "pad_token_id": 0,
}


def tiny_tokenizer(kind: str) -> Tokenizer:
    """``wordpiece`` as BERT's, ``bytes`` as ModernBERT's, ``unigram`` as DeBERTa's; truncates and pads on purpose."""
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=300, special_tokens=SPECIALS, show_progress=False)
    elif kind == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=400, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=200, special_tokens=SPECIALS, unk_token="[UNK]", show_progress=False
        )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    return tokenizer


def tiny_model(architecture: str, head: str, labels: list[str], vocabulary: int) -> Any:
    """A random transformers model with weights large enough that inputs make a difference."""
    import transformers

    names = {"bert": "Bert", "modernbert": "ModernBert", "deberta": "DebertaV2"}
    suffix = {"encoder": "Model", "sequence": "ForSequenceClassification", "token": "ForTokenClassification"}[head]
    extra: dict[str, dict[str, Any]] = {
        "bert": {"type_vocab_size": 2},
        "modernbert": {
            "local_attention": 16,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
        "deberta": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "type_vocab_size": 0},
    }
    config = getattr(transformers, f"{names[architecture]}Config")(
        vocab_size=vocabulary,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
        **SIZES,
        **extra[architecture],
    )
    torch.manual_seed(7)
    model = getattr(transformers, f"{names[architecture]}{suffix}")(config)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4 if "classifier" not in name else 2.0)
    return model


TOKENIZERS = {"bert": "wordpiece", "modernbert": "bytes", "deberta": "unigram"}


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``make_checkpoint(architecture, head="encoder", labels=())`` -> a new folder."""

    def make(architecture: str, head: str = "encoder", labels: tuple[str, ...] = ("a", "b")) -> Path:
        folder = tmp_path_factory.mktemp(f"{architecture}-{head}")
        tokenizer = tiny_tokenizer(TOKENIZERS[architecture])
        tokenizer.save(str(folder / "tokenizer.json"))
        tiny_model(architecture, head, list(labels), tokenizer.get_vocab_size()).save_pretrained(folder)
        return folder

    return make


def _add_stanford_head(folder: Path) -> None:
    weights = {f"bert.{name}": value for name, value in load_file(folder / "model.safetensors").items()}
    weights["linear.weight"] = torch.randn(8, 16, generator=torch.Generator().manual_seed(1))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    artifact = {"query_token_id": "[unused0]", "doc_token_id": "[unused1]", "mask_punctuation": True}
    (folder / "artifact.metadata").write_text(json.dumps(artifact))


def _add_pylate_head(folder: Path) -> None:
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Dense").mkdir()
    dense = {"in_features": 16, "out_features": 8, "activation_function": "torch.nn.modules.linear.Identity"}
    (folder / "1_Dense" / "config.json").write_text(json.dumps(dense))
    weight = torch.randn(8, 16, generator=torch.Generator().manual_seed(2))
    save_file({"linear.weight": weight}, folder / "1_Dense" / "model.safetensors")
    settings = {"query_prefix": "[unused0] ", "document_prefix": "[unused1] ", "skiplist_words": [",", "."]}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))


ADD_HEAD: dict[str, Callable[[Path], None]] = {"stanford": _add_stanford_head, "pylate": _add_pylate_head}


@pytest.fixture(scope="session")
def encoder_folders(make_checkpoint: Callable[..., Path]) -> dict[str, Path]:
    """One plain folder per architecture, and BERT with each layout of a late-interaction head."""
    folders = {architecture: make_checkpoint(architecture) for architecture in TOKENIZERS}
    for layout, add_head in ADD_HEAD.items():
        folders[layout] = make_checkpoint("bert")
        add_head(folders[layout])
    return folders


@pytest.fixture(scope="session")
def encoders(encoder_folders: dict[str, Path]) -> dict[str, TransformerEncoder]:
    """Every folder's encoder in float32."""
    return {name: load_encoder(tiny_spec(folder, name)) for name, folder in encoder_folders.items()}


def tiny_spec(folder: Path, name: str = "tiny", **changes: Any) -> EncoderSpec:
    """A float32 CPU spec of a folder."""
    return EncoderSpec(**{"name": name, "source": str(folder), "dtype": "float32", "device": "cpu"} | changes)


@pytest.fixture(scope="session")
def spec_of() -> Callable[..., EncoderSpec]:
    """:func:`tiny_spec`; test files cannot import this module."""
    return tiny_spec


@pytest.fixture(scope="session")
def bundled() -> TransformerEncoder:
    """The real all-MiniLM-L6-v2 in float32."""
    return load_encoder(EncoderSpec(dtype="float32", device="cpu"))
