"""What is read off a context: the same facts the second time, each tenant its own, bounded."""

from __future__ import annotations

import pytest

from serving.lanes import context_splits
from serving.lanes.context_facts import ContextReader
from serving.lanes.context_splits import ContextSplits

TEXTS = ("The bridge cost 12 million euros.", "It opened in 1932.")


def test_the_second_request_gets_the_facts_of_the_first() -> None:
    reader = ContextReader()
    first = reader.read("t", TEXTS, TEXTS, None)
    assert reader.read("t", TEXTS, TEXTS, None) is first
    assert first.words.stems


@pytest.mark.parametrize(
    ("tenant", "texts"),
    [
        pytest.param("other", TEXTS, id="another-tenant"),
        pytest.param("t", (TEXTS[0] + TEXTS[1],), id="other-borders"),
    ],
)
def test_nothing_is_shared_beyond_tenant_and_text(tenant: str, texts: tuple[str, ...]) -> None:
    reader = ContextReader()
    assert reader.read("t", TEXTS, TEXTS, None) is not reader.read(tenant, texts, texts, None)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context_splits, "_CACHED_CHARACTERS", 50)
    reader, splits = ContextReader(kept_characters=50), ContextSplits()
    first, split = reader.read("t", TEXTS, (), None), splits.split("t", "# file: a.py\nx = 1\n")[0]
    assert splits.split("t", "# file: a.py\nx = 1\n")[0] is split
    for turn in range(3):
        reader.read("t", (f"turn {turn} " * 10,), (), None)
        splits.split("t", f"# file: b{turn}.py\n" + "y = 2\n" * 10)
    assert reader.read("t", TEXTS, (), None) is not first
    assert splits.split("t", "# file: a.py\nx = 1\n")[0] is not split
