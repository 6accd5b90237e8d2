"""Text files that may be packed: plain, gzip or xz, told by the end of the name."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

OPENERS: Final[Mapping[str, Callable[..., Any]]] = {".gz": gzip.open, ".xz": lzma.open}
"""By suffix, as in "ragtruth.jsonl.xz"; any other name is plain text."""

DAMAGED: Final = (EOFError, gzip.BadGzipFile, lzma.LZMAError)
"""What reading raises when a packed file is cut short or not what its name says."""


def open_text(path: Path) -> IO[str]:
    """The file opened to read UTF-8 text."""
    opened: IO[str] = OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8")
    return opened
