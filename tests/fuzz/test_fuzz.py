"""Every parser and decoder on inputs made from its own fragments, the same at every run; ``make fuzz`` tries others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.budget import StepsExceededError, step_budget
from tests.fuzz.running import check, corpus, keep_input, read_input
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_gives_a_result_in_bounded_steps(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(target.inputs)
    def run(one: Any) -> None:
        check(target, one)

    run()


@pytest.mark.parametrize(("name", "path"), [pytest.param(*one, id=f"{one[0]}-{one[1].stem}") for one in corpus()])
def test_what_once_failed_does_so_no_more(name: str, path: Path) -> None:
    check(TARGETS[name], read_input(path))


def test_quadratic_work_is_past_its_budget() -> None:
    def quadratic() -> None:
        for _ in range(200):
            [len("") for _ in range(200)]

    with pytest.raises(StepsExceededError), step_budget(10_000):
        quadratic()


def test_an_input_is_kept_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.running.CORPUS", tmp_path)
    for given_input in ("a\ud800\n'\"\x00", b"\x00\xff", ("x", b"y", None), {"a": [1.5, None, True]}):
        assert read_input(keep_input("any", given_input)) == given_input
