"""What a GPU machine without network lacks, in one folder: ``python -m benchmarks.gpu_kit pack --out gpu-kit --data FILE…``.

The encoder's embeddings in bfloat16 with its tokenizer, and prepared training data as xz; sizes
are printed, and the sum of tracked files, shared data and kit is held against what can be carried. ``unpack`` makes model
folders and plain JSON lines of it there; the layers under the embeddings are the shipped verifier's: the encoder's would not fit.
``adopt`` makes what training brought back a folder that loads here, on the bundled encoder.
"""

from __future__ import annotations

import argparse
import gzip
import json
import lzma
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.shipped import WEIGHTS_FILE, WEIGHTS_FOLDER
from models.specs import DEFAULT_ENCODER
from models.training.examples import file_sha256
from models.training.export import write_card
from models.weights import BUNDLED, BUNDLED_SOURCE, digest, locate, read_json, weight_files

CARRIED_BYTES = 64 * 1024 * 1024
"""What can be carried to the machine in all."""
PART_BYTES = 15 * 1024 * 1024
"""Of one file that comes back; 16 MiB are allowed."""
_EMBEDDINGS = "embeddings."
_ENCODER_PREFIX = "encoder."
_LOW, _HIGH, _SHAPES = "embeddings.low", "embeddings.high.xz", "embeddings.json"


def pack(out: Path, data: Sequence[Path]) -> None:
    """Write the kit anew."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "encoder").mkdir(parents=True)
    (out / "data").mkdir()
    folder = locate(DEFAULT_ENCODER, BUNDLED_SOURCE)
    (weights,) = weight_files(folder)
    tensors = load_file(weights)
    _write_embeddings(
        {k: v for k, v in tensors.items() if k.startswith(_EMBEDDINGS) and v.is_floating_point()}, out / "encoder"
    )
    shutil.copyfile(folder / "config.json", out / "encoder" / "config.json")
    (out / "encoder" / "tokenizer.json.xz").write_bytes(lzma.compress((folder / "tokenizer.json").read_bytes()))
    for path in data:
        with _opened(path) as source:
            (out / "data" / f"{_stem(path)}.jsonl.xz").write_bytes(lzma.compress(source.read()))


def _write_embeddings(tensors: Mapping[str, Tensor], out: Path) -> None:
    """All values end to end in bfloat16: low bytes, which are noise, as they are, high bytes (signs and exponents) as xz."""
    shapes = {name: list(value.shape) for name, value in sorted(tensors.items())}
    values = torch.cat([tensors[name].to(torch.bfloat16).flatten() for name in shapes])
    planes = values.view(torch.int16).numpy().view(np.uint8).reshape(-1, 2)
    (out / _LOW).write_bytes(planes[:, 0].tobytes())
    (out / _HIGH).write_bytes(lzma.compress(planes[:, 1].tobytes(), preset=1))
    (out / _SHAPES).write_text(json.dumps(shapes), encoding="utf-8")


def _read_embeddings(folder: Path) -> dict[str, Tensor]:
    low = np.frombuffer((folder / _LOW).read_bytes(), np.uint8)
    high = np.frombuffer(lzma.decompress((folder / _HIGH).read_bytes()), np.uint8)
    values = torch.from_numpy(np.stack([low, high], axis=1).reshape(-1).view(np.int16)).view(torch.bfloat16)
    shapes = json.loads((folder / _SHAPES).read_text(encoding="utf-8"))
    parts = torch.split(values, [int(np.prod(shape)) for shape in shapes.values()])
    return {name: part.view(shape).float() for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def unpack(kit: Path, out: Path) -> None:
    """``out/encoder`` and ``out/verifier``, model folders that load by themselves, and ``out/data`` with plain JSON lines."""
    encoder, verifier = out / "encoder", out / "verifier"
    encoder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kit / "encoder" / "config.json", encoder / "config.json")
    (encoder / "tokenizer.json").write_bytes(lzma.decompress((kit / "encoder" / "tokenizer.json.xz").read_bytes()))
    trained = load_file(WEIGHTS_FOLDER / WEIGHTS_FILE)
    layers = {
        name.removeprefix(_ENCODER_PREFIX): value.float()
        for name, value in trained.items()
        if name.startswith(_ENCODER_PREFIX) and "token_type_embeddings" not in name
    }
    save_file({**layers, **_read_embeddings(kit / "encoder")}, encoder / "model.safetensors", {"format": "pt"})
    verifier.mkdir(exist_ok=True)
    shutil.copyfile(WEIGHTS_FOLDER / WEIGHTS_FILE, verifier / WEIGHTS_FILE)
    card = read_json(WEIGHTS_FOLDER, "card.json")
    write_card(verifier, card | {"encoder_source": str(encoder.resolve()), "encoder_sha256": digest(encoder)})
    unpack_data(sorted((kit / "data").iterdir()), out / "data")


def unpack_data(files: Sequence[Path], out: Path) -> None:
    """Plain JSON lines of each file."""
    out.mkdir(parents=True, exist_ok=True)
    for path in files:
        with _opened(path) as source, (out / f"{_stem(path)}.jsonl").open("wb") as target:
            shutil.copyfileobj(source, target)


def split(path: Path, out: Path) -> None:
    """A file in parts small enough to come back, named in their order."""
    content = path.read_bytes()
    for number, begin in enumerate(range(0, len(content), PART_BYTES)):
        (out / f"{path.name}.{number:02d}").write_bytes(content[begin : begin + PART_BYTES])


def adopt(folder: Path, out: Path) -> None:
    """A verifier folder from the parts and the card that training brought back, on the bundled encoder."""
    out.mkdir(parents=True, exist_ok=True)
    parts = sorted(folder.glob(f"{WEIGHTS_FILE}.[0-9][0-9]"))
    (out / WEIGHTS_FILE).write_bytes(b"".join(part.read_bytes() for part in parts))
    card = read_json(folder, "card.json")
    found = file_sha256(out / WEIGHTS_FILE)
    if found != card.get("weights_sha256"):
        raise SystemExit(
            f"{len(parts)} parts in {folder} have SHA-256 {found}, the card says {card.get('weights_sha256')}"
        )
    bundled = {"encoder_source": BUNDLED_SOURCE, "encoder_sha256": BUNDLED[DEFAULT_ENCODER].sha256}
    write_card(out, card | bundled | {"embeddings_in_training": "bfloat16"})


def sizes(kit: Path, shared: Path | None) -> dict[str, int]:
    """Bytes of what is carried: tracked files, shared data, and the kit by part."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True, text=True).stdout
    found = {
        "tracked files": sum(Path(name).stat().st_size for name in listed.split("\0") if name and Path(name).is_file())
    }
    found["shared data"] = 0 if shared is None else _folder_bytes(shared)
    return found | {f"kit: {part.name}": _folder_bytes(part) for part in sorted(kit.iterdir())}


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _opened(path: Path) -> Any:
    openers: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
    return openers.get(path.suffix, open)(path, "rb")


def _stem(path: Path) -> str:
    """``pairs.jsonl.gz`` -> ``pairs``."""
    return path.name.partition(".")[0]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; exit status 1 when the whole is too large to be carried."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu_kit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write the kit and check the sum")
    packing.add_argument("--out", type=Path, default=Path("gpu-kit"))
    packing.add_argument(
        "--data", type=Path, nargs="*", default=[], help="prepared JSON lines: training and development"
    )
    packing.add_argument("--shared", type=Path, help="folder of data that is carried as well")
    unpacking = commands.add_parser("unpack", help="model folders and data from a kit")
    unpacking.add_argument("kit", type=Path)
    unpacking.add_argument("out", type=Path)
    adopting = commands.add_parser("adopt", help="a verifier folder from what came back")
    adopting.add_argument("folder", type=Path)
    adopting.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "unpack":
        unpack(options.kit, options.out)
    elif options.command == "adopt":
        adopt(options.folder, options.out)
    else:
        pack(options.out, options.data)
        return _print_sizes(sizes(options.out, options.shared))
    return 0


def _print_sizes(found: Mapping[str, int]) -> int:
    total = sum(found.values())
    for name, size in {**found, "all": total, "may be": CARRIED_BYTES}.items():
        print(f"{name:20}{size / 1e6:8.2f} MB")
    return int(total > CARRIED_BYTES)


if __name__ == "__main__":
    raise SystemExit(main())
