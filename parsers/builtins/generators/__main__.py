"""Write one data file per language.

``python -m parsers.builtins.generators python TYPESHED/stdlib --source "mypy 2.4.1" --licence Apache-2.0``
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parsers.builtins.generators import go, python, rust, typescript

Modules = dict[str, dict[str, Any]]


def _typescript(folders: Sequence[Path]) -> Modules:
    reader = typescript.Reader()
    reader.modules = typescript.read_library(folders[0])
    for folder in folders[1:]:
        typescript.read_package(folder, reader)
    types = reader.modules[""]["t"]  # decoded one by one: the document object model is large
    reader.modules[""]["t"] = {name: ["j", _compact(entry)] for name, entry in types.items()}
    return reader.modules


_READERS: dict[str, Callable[[Sequence[Path]], Modules]] = {
    "python": lambda folders: python.read_typeshed(folders[0]),
    "typescript": _typescript,
    "go": lambda folders: go.read_standard_library(folders[0]),
    "rust": lambda folders: rust.read_documentation(folders[0]),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the folders of one language and write its file beside the loader."""
    parser = argparse.ArgumentParser(prog="python -m parsers.builtins.generators", description=__doc__)
    parser.add_argument("language", choices=sorted(_READERS))
    parser.add_argument(
        "folders", nargs="+", type=Path, help="typeshed/stdlib, TypeScript lib and @types/node, GOROOT/src, or html/std"
    )
    parser.add_argument("--source", required=True, help="package and version that the folders come from")
    parser.add_argument("--licence", required=True, help="SPDX expression of that source")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1])
    options = parser.parse_args(arguments)
    modules = _READERS[options.language](options.folders)
    record = {
        "provenance": {
            "language": options.language,
            "source": options.source,
            "licence": options.licence,
            "generator": f"python -m parsers.builtins.generators {options.language}",
            "modules": len(modules),
        },
        "modules": {name: _compact(module) for name, module in sorted(modules.items())},
    }
    path = options.out / f"{options.language}.json.gz"
    path.write_bytes(gzip.compress(_compact(record).encode(), 9, mtime=0))
    print(f"{path}: {len(modules)} modules, {path.stat().st_size} bytes")


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    main()
