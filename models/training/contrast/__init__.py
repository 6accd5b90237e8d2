"""Made passages with claims that differ in what the passage says and not in their words."""

from models.training.contrast.items import Contrast, unmarked
from models.training.contrast.passages import KINDS, passage_rows

__all__ = ["KINDS", "Contrast", "passage_rows", "unmarked"]
