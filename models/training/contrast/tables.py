"""The sentences and words of made passages, as data: ``tables/NAME.yaml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parent / "tables"


@cache
def table(name: str) -> Any:
    """What ``tables/NAME.yaml`` holds; the file's first lines say what that is."""
    return yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
