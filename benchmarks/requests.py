"""Requests of a stated shape, made by arithmetic: every run sends the same texts, and no two requests share one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from serving.api.lane_types import LaneInput, UnitInput

_SUBJECTS = "The harbour authority,The regional museum,A research group,The water utility,The publishing house".split(
    ","
)
_VERBS = "approved,reported,reviewed,postponed,extended,financed,documented,replaced".split(",")
_OBJECTS = (
    "the restoration of the old lighthouse,its annual maintenance plan,a survey of coastal birds,the new ferry terminal,"
    "an exhibition on early printing,the northern pipeline,a programme for apprentices,the archive of ship logs"
).split(",")
_PLACES = "in Bremen,near the estuary,on the east bank,at the inner harbour,in the upper valley,along the coast".split(
    ","
)
_REASONS = (
    "because the previous contract had expired,after a public consultation,although two bids were still open,"
    "since the tides had damaged the lower wall,before the winter season began,while traffic was diverted"
).split(",")


def sentence(generator: random.Random) -> str:
    """One plausible sentence of about 25 word pieces."""
    amount = f"{generator.randint(2, 980):,} million euros"
    return (
        f"{generator.choice(_SUBJECTS)} {generator.choice(_VERBS)} {generator.choice(_OBJECTS)} "
        f"{generator.choice(_PLACES)} in {generator.randint(1950, 2025)} for {amount}, {generator.choice(_REASONS)}."
    )


def rag_request(
    seed: int, chunks: int = 8, sentences: int = 4, answer_sentences: int = 5, answer_seed: int | None = None
) -> dict[str, Any]:
    """A rag request: ``chunks`` support units of some 125 tokens, an answer of some 150; its last sentence is invented.

    ``answer_seed``: another answer on the context of ``seed``.
    """
    generator = random.Random(seed)
    units = [[sentence(generator) for _ in range(sentences)] for _ in range(chunks)]
    generator = generator if answer_seed is None else random.Random(answer_seed)
    answer = [generator.choice(unit) for unit in generator.sample(units, answer_sentences - 1)]
    answer.append(sentence(generator))
    return {
        "query_text": "What did the authorities decide, where, and at what price?",
        "support_units": [{"text": " ".join(unit), "source_id": f"doc-{i}"} for i, unit in enumerate(units)],
        "response_text": " ".join(answer),
    }


def code_request(seed: int, files: int = 4, methods: int = 10, calls: int = 8) -> dict[str, Any]:
    """A code request: ``files`` Python files of one class each, an answer that calls them; its last call is invented."""
    generator = random.Random(seed)
    names = [f"{generator.choice(_VERBS)}_{number}" for number in range(methods)]
    parts = []
    for index in range(files):
        lines = [f"# file: pkg/store_{seed}_{index}.py", f"class Store{index}:", '    """Keeps records."""']
        for name in names:
            lines.append(f"    def {name}(self, key: str, count: int = {generator.randint(1, 99)}) -> list[str]:")
            lines.append(f'        """{sentence(generator)}"""')
            lines.append("        return [key] * count")
        parts.append("\n".join(lines))
    used = [f"store.{generator.choice(names)}('k{number}', count={number})" for number in range(calls - 1)]
    body = "\n".join([f"from pkg.store_{seed}_0 import Store0", "store = Store0()", *used, "store.vanished('k')"])
    return {"response_text": f"```python\n{body}\n```", "raw_context": "\n\n".join(parts)}


def lane_input(request: Mapping[str, Any], request_id: str, deadline_s: float) -> LaneInput:
    """A rag request of :func:`rag_request` as the lane takes it, without the HTTP schema."""
    units = tuple(UnitInput(**unit) for unit in request["support_units"])
    given = {name: value for name, value in request.items() if name != "support_units"}
    return LaneInput(request_id, "benchmark", support_units=units, deadline_s=deadline_s, **given)
