"""The synchronous client is what is made of the asynchronous one, and nothing else."""

from __future__ import annotations

import pytest

from tests.groundlane.sync_client import _WORDS, PAIRS, ROOT, translated


@pytest.mark.parametrize(("source", "target"), PAIRS.items(), ids=PAIRS.values())
def test_the_files_are_in_step(source: str, target: str) -> None:
    path = ROOT / source
    made = translated(path.read_text(encoding="utf-8"), path.name)
    assert (ROOT / target).read_text(encoding="utf-8") == made, "run: python -m tests.groundlane.sync_client"


def test_every_change_of_words_is_needed() -> None:
    sources = "".join((ROOT / source).read_text(encoding="utf-8") for source in PAIRS)
    assert [old for old in _WORDS if old not in sources] == []


@pytest.mark.parametrize("target", PAIRS.values())
def test_nothing_asynchronous_is_left(target: str) -> None:
    text = (ROOT / target).read_text(encoding="utf-8")
    assert not any(word in text for word in ("await ", "async def", "async with", "async for", "asyncio", "Awaitable"))


def test_a_changed_method_changes_the_other() -> None:
    source = 'class AsyncThing:\n    async def go(self) -> None:\n        """Go."""\n        await self.aclose()\n'
    assert (
        translated(source, "x.py")
        == 'class Thing:\n    def go(self) -> None:\n        """Go."""\n        self.close()\n'
    )
