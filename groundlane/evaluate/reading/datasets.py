"""Parquet, and the folders in which Hugging Face datasets lie: saved ones (Arrow) and clones from a hub (Parquet, text).

Neither ``datasets`` nor a network is needed: pyarrow reads what the files hold.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from groundlane.cli.common import EXIT_USAGE, CommandError

MISSING: Final = "{path}: reading it needs pyarrow. Install it: pip install 'groundlane[evaluate]'"
_BATCH_ROWS: Final = 64
_TEXT: Final = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_PACKED: Final = (".gz", ".xz")
_SHARD: Final = re.compile(r"^(.*?)[-_.]?(?:\d{4,5}(?:-of-\d{5})?(?:-[0-9a-f]+)?)?$")
"""The name of a shard without its number: ``train-00000-of-00002-9f1c`` is ``train``, ``0000`` is nothing."""
_ABOUT: Final = frozenset({"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json", "config.json"})

Rows = Iterator[tuple[str, dict[str, Any] | str]]
TextReader = Callable[[Path], Rows]


def read_parquet(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row from 1, values) of a Parquet file. Raises CommandError without pyarrow, or for another file."""
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise CommandError(MISSING.format(path=path)) from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in batch.to_pylist():
                    number += 1
                    yield number, values
    except (OSError, ValueError) as error:  # pyarrow's ArrowInvalid is a ValueError
        raise CommandError(f"{path}: no readable Parquet file ({error})") from None


def _read_arrow(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The same of a shard of ``save_to_disk``, an Arrow stream."""
    try:
        import pyarrow as arrow
        import pyarrow.ipc as ipc
    except ImportError:
        raise CommandError(MISSING.format(path=path)) from None
    number = 0
    try:
        with arrow.memory_map(str(path)) as memory, ipc.open_stream(memory) as stream:
            for batch in stream:
                for start in range(0, batch.num_rows, _BATCH_ROWS):
                    for values in batch.slice(start, _BATCH_ROWS).to_pylist():
                        number += 1
                        yield number, values
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: no readable Arrow file ({error})") from None


def read_dataset(folder: Path, split: str | None, read_text: TextReader) -> Rows:
    """(place, values or problem) of a dataset's rows: those of ``split``, or of the only one there is.

    Raises CommandError where there are several splits and none is named, or nothing that can be read.
    """
    splits = _saved_splits(folder) or _cloned_splits(folder)
    if not splits:
        raise CommandError(
            f"{folder}: no dataset: neither what save_to_disk writes (state.json) nor Parquet, JSON lines or CSV",
            EXIT_USAGE,
        )
    chosen = _chosen(splits, split, folder)
    for path in splits[chosen]:
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".arrow":
            yield from ((f"{name} row {number}", values) for number, values in _read_arrow(path))
        elif path.suffix == ".parquet":
            yield from ((f"{name} row {number}", values) for number, values in read_parquet(path))
        else:
            yield from ((f"{name} {place}", values) for place, values in read_text(path))


def _chosen(splits: dict[str, list[Path]], split: str | None, folder: Path) -> str:
    names = ", ".join(sorted(name or "(unnamed)" for name in splits))
    if split is None:
        if len(splits) > 1:
            raise CommandError(f"{folder}: it has the splits {names}; choose one with --split", EXIT_USAGE)
        return next(iter(splits))
    matches = [name for name in splits if name == split] or [
        name for name in splits if name.rpartition("/")[2] == split
    ]
    if len(matches) != 1:
        raise CommandError(
            f"{folder}: --split {split!r} is {'one of several' if matches else 'none'} of {names}", EXIT_USAGE
        )
    return matches[0]


def _saved_splits(folder: Path) -> dict[str, list[Path]]:
    """What ``Dataset.save_to_disk`` and ``DatasetDict.save_to_disk`` write; empty for another folder."""
    if (folder / "state.json").is_file():
        return {"": _saved_shards(folder)}
    listed = folder / "dataset_dict.json"
    if not listed.is_file():
        return {}
    names = _json_of(listed).get("splits") or []
    return {str(name): _saved_shards(folder / str(name)) for name in names}


def _saved_shards(folder: Path) -> list[Path]:
    """The shards in the order that ``state.json`` gives, without leftovers of another saving."""
    files = _json_of(folder / "state.json").get("_data_files") or []
    shards = [folder / str(each["filename"]) for each in files]
    if missing := [shard for shard in shards if not shard.is_file()]:
        raise CommandError(f"{missing[0]}: the dataset names this file, and it is missing")
    return shards


def _json_of(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from None
    if not isinstance(document, dict):
        raise CommandError(f"{path}: not what save_to_disk writes")
    return document


def _cloned_splits(folder: Path) -> dict[str, list[Path]]:
    """Files of a clone by split: ``data/train-00000-of-00002.parquet`` and ``default/train/0000.parquet`` are ``train``."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in relative.parts) or path.name in _ABOUT:
            continue
        stem = path.with_suffix("") if path.suffix in _PACKED else path
        if path.suffix == ".parquet" or stem.suffix in _TEXT:
            found[_split_of(relative.parent, stem.stem)].append(path)
    return dict(found)


def _split_of(folder: Path, stem: str) -> str:
    match = _SHARD.match(stem)
    own = match.group(1) if match else stem
    parts = [part for part in folder.parts if part not in ("data", "default")]
    return "/".join([*parts, *([own] if own else [])])
