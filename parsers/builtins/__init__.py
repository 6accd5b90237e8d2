"""Symbols of each language and its standard library: generated data, read lazily, one module at a time.

The data files are made by ``python -m parsers.builtins.generators``; ``Builtins.provenance`` names their source.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Builtins", "load_builtins"]

_FILES = {
    "python": "python",
    "javascript": "typescript",
    "typescript": "typescript",
    "tsx": "typescript",
    "go": "go",
    "rust": "rust",
}


class Builtins:
    """The modules of one standard library. ``module("")`` or ``module("builtins")`` hold the global names."""

    def __init__(self, path: Path) -> None:
        record = json.loads(gzip.decompress(path.read_bytes()))
        self.provenance: dict[str, Any] = record["provenance"]
        self._modules: dict[str, str] = record["modules"]
        self._decoded: dict[str, dict[str, Any]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._modules

    def names(self) -> tuple[str, ...]:
        """Every module's name, sorted."""
        return tuple(self._modules)

    def raw(self) -> tuple[str, ...]:
        """The undecoded text of every module."""
        return tuple(self._modules.values())

    def module(self, name: str) -> dict[str, Any] | None:
        """One module as written by the generator of its language, or None when the library has no such module."""
        known = self._decoded.get(name)
        if known is None and name in self._modules:
            known = self._decoded[name] = json.loads(self._modules[name])
        return known


@cache
def load_builtins(language: str) -> Builtins | None:
    """The data of a language by its canonical name; None for a language without data."""
    stem = _FILES.get(language)
    if stem is None:
        return None
    return _load_file(stem)


@cache
def _load_file(stem: str) -> Builtins:
    return Builtins(Path(__file__).parent / f"{stem}.json.gz")
