"""Write contrast rows: ``python -m models.training.contrast.make --passages 15000 --edits FILE --out FILE``.

Prepared rows as :mod:`models.training.examples` reads them. Made passages give ``contrast_KIND``, edits of real sentences give
``edited`` and ``restated``. The same arguments give the same rows.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.training.contrast.edits import altered, restate, turned_round
from models.training.contrast.passages import KINDS, passage_rows, short_rows
from models.training.examples import read_lines
from models.training.negatives import Material

# The end of a sentence before a capital letter: "… in 1932. The mill …".
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"])|\n+")
_SENTENCE_CHARACTERS = (40, 240)
_MIN_PREMISE_CHARACTERS = 60
_DONORS = 400


def sentences(text: str) -> list[str]:
    """Whole sentences of a useful length, for claims and fillers."""
    low, high = _SENTENCE_CHARACTERS
    return [s for s in _SENTENCE_END.split(text) if low <= len(s) <= high and s[0].isupper() and s.endswith(".")]


def read_texts(path: Path) -> Iterator[tuple[str, str | None]]:
    """(passage, a claim it supports or None) of each row of a file of pairs or of prepared rows."""
    for row in read_lines(path):
        claim = row.get("claim") or row.get("hypothesis")
        supported = row["label"] == "entailment" and not row.get("unsupported")
        if len(row["premise"]) >= _MIN_PREMISE_CHARACTERS:
            yield row["premise"], claim if supported else None


def edited_rows(texts: Sequence[tuple[str, str | None]], count: int, seed: int) -> Iterator[dict[str, Any]]:
    """For ``count`` passages one supported claim restated and one altered; claims are given ones or sentences of the passage."""
    draw = random.Random(seed)  # noqa: S311 - made data, no secret
    donors = [s for premise, _ in draw.sample(texts, min(_DONORS, len(texts))) for s in sentences(premise)]
    made = 0
    for premise, given in draw.sample(texts, len(texts)):
        if made >= count:
            return
        own = sentences(premise)
        claim = given if given is not None and (not own or draw.random() < 0.6) else (draw.choice(own) if own else None)
        if claim is None:
            continue
        negative = altered(Material(premise, claim, draw.sample(donors, min(8, len(donors)))), draw)
        if negative is None:
            continue
        made += 1
        group = f"edited:{seed}:{made}"
        true, wrong, spans = claim, negative.claim, negative.spans
        turned = turned_round(Material(premise, claim, ()), negative) if draw.random() < 0.5 else None
        if turned is not None:
            premise, spans = turned
            true, wrong = negative.claim, claim
        yield _row("restated", group, premise, restate(true, (), draw)[0], "entailment", ())
        if draw.random() < 0.7:
            wrong, spans = restate(wrong, spans, draw)
        yield _row(f"edited_{negative.kind}", group, premise, wrong, negative.label, spans)


def _row(
    src: str, group: str, premise: str, claim: str, label: str, spans: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    return {
        "src": src,
        "group": group,
        "premise": premise,
        "claim": claim,
        "label": label,
        "unsupported": [list(span) for span in spans],
        "group_label": None,
        "pair": group,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m models.training.contrast.make", description=__doc__)
    parser.add_argument("--short", type=int, default=0, help="how many passages of one contrast alone, for each kind")
    parser.add_argument("--passages", type=int, default=0, help="how many made passages")
    parser.add_argument(
        "--edits", type=Path, action="append", default=[], help="a file of pairs or prepared rows to edit; repeat"
    )
    parser.add_argument("--edits-each", type=int, default=5000, help="at most this many edited claims of a file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    texts = {path: list(read_texts(path)) for path in options.edits}
    draw = random.Random(options.seed)  # noqa: S311 - made data, no secret
    premises = [premise for rows in texts.values() for premise, _ in draw.sample(rows, min(2000, len(rows)))]
    fillers = [s for premise in premises for s in sentences(premise)]
    with gzip.open(options.out, "wt", encoding="utf-8", compresslevel=4) as file:
        for kind, make in KINDS.items():
            for number in range(options.short):
                for row in short_rows(f"{options.seed}:{kind}:{number}", kind, make):
                    file.write(json.dumps(row | {"src": f"short_{kind}"}, ensure_ascii=False) + "\n")
        for number in range(options.passages):
            for row in passage_rows(f"{options.seed}:{number}", KINDS, fillers):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        for path, rows in texts.items():
            for row in edited_rows(rows, options.edits_each, options.seed):
                file.write(json.dumps({**row, "from": path.name.split(".")[0]}, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
