"""From forms with slots to pairs of a supported and an unsupported claim of one passage."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml


def held_out_pairs(fills: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Each pair of each form in ``forms.yaml`` with ``fills`` draws of names and numbers.

    A pair: ``kind``, ``form``, ``question`` (or None), ``premise``, ``true``, ``false``.
    """
    forms, values = (_table(name) for name in ("forms", "values"))
    for kind, members in forms.items():
        for number, form in enumerate(members):
            for fill in range(fills):
                slots = _slots(values, random.Random(f"{seed}:{kind}:{number}:{fill}"))
                question = form.get("question")
                for true, false in form["pairs"]:
                    yield {
                        "kind": kind,
                        "form": f"{kind}:{number}",
                        "question": question.format(**slots) if question else None,
                        "premise": form["text"].format(**slots),
                        "true": true.format(**slots),
                        "false": false.format(**slots),
                    }


def _slots(values: Mapping[str, Sequence[Any]], draw: random.Random) -> dict[str, str]:
    return {
        f"{letter}{i + 1}": str(value)
        for letter, known in values.items()
        for i, value in enumerate(draw.sample(known, 4))
    }


def _table(name: str) -> Any:
    return yaml.safe_load((Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8"))
