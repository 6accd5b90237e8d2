"""The code lane in process: names resolved against the files it was given, prose beside code, state over turns."""

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
import pytest

from parsers.blocks.block import CodeBlock, Segment
from parsers.blocks.context_files import ContextFile
from parsers.rules.phantoms import UNJUDGED, FindingStatus, resolve
from serving.api.errors import ContextUnknownError, ValidationFailedError
from serving.api.lane_types import LaneInput, UnitInput
from serving.config.load import load_config
from serving.lanes.code import CodeLane
from serving.lanes.code_analysis import CodeAnalyser
from serving.lanes.factory import code_lane, local_rag_lane

CART = '''# file: shop/cart.py
class Cart:
    """A basket."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.items: list[tuple[str, int]] = []

    def add_item(self, name: str, quantity: int = 1) -> None:
        self.items.append((name, quantity))

    def total(self) -> int:
        return sum(count for _, count in self.items)

# file: shop/unrelated.py
def weather_report(city: str) -> str:
    return f"Rain in {city}"
'''
CLEAN = "```python\nfrom shop.cart import Cart\n\ncart = Cart('ann')\ncart.add_item('tea', quantity=2)\nprint(cart.total())\n```"
PHANTOM = CLEAN.replace("add_item", "add_product")


@pytest.fixture(scope="module")
def lane() -> Iterator[CodeLane]:
    config = load_config(environment={})
    rag = local_rag_lane(config)
    built = code_lane(config, rag)
    yield built
    built.close()
    rag.close()


def request(response: str, **fields: Any) -> LaneInput:
    return LaneInput(**({"request_id": "r", "tenant": "t", "response_text": response, "raw_context": CART} | fields))


async def scored(lane: CodeLane, asked: LaneInput) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads((await lane.score(asked)).body)
    return document


def flagged(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [symbol for symbol in answer["code_lane"]["symbols"] if symbol["status"] in {"phantom", "drift"}]


async def test_clean_code_is_grounded(lane: CodeLane) -> None:
    answer = await scored(lane, request(CLEAN))
    assert flagged(answer) == []
    assert answer["code_lane"]["verdict"] == "grounded"
    assert (answer["band"], answer["scoring_mode"]) == ("green", "code")
    owners = {file["path"]: file for file in answer["file_attribution"]["files"]}
    assert owners["shop/cart.py"]["owner_share"] == pytest.approx(1.0)
    assert "shop/unrelated.py" in answer["file_attribution"]["dead_files"]


async def test_a_phantom_method_has_line_reason_span_and_suggestion(lane: CodeLane) -> None:
    answer = await scored(lane, request(PHANTOM))
    (symbol,) = flagged(answer)
    assert (symbol["name"], symbol["kind"], symbol["line"]) == ("add_product", "method", 5)
    assert PHANTOM[symbol["char_start"] : symbol["char_end"]] == "add_product"
    assert symbol["suggestion"] == "add_item"
    assert symbol["defined_in"].startswith("shop/cart.py:")
    assert answer["code_lane"]["verdict"] == "phantom"
    assert answer["band"] == "red"
    marks = [span for span in answer["heatmap"]["spans"] if span["state"] == "phantom"]
    assert [PHANTOM[span["start"] : span["end"]] for span in marks] == ["add_product"]
    assert "".join(PHANTOM[span["start"] : span["end"]] for span in answer["heatmap"]["spans"]) == PHANTOM


@pytest.mark.parametrize(
    ("response", "name"),
    [
        pytest.param(CLEAN.replace("quantity=2", "amount=2"), "amount", id="keyword"),
        pytest.param(CLEAN.replace("import Cart", "import Basket").replace("Cart(", "Basket("), "Basket", id="import"),
        pytest.param(CLEAN.replace("cart.total()", "cart.ownr"), "ownr", id="attribute"),
        pytest.param("```python\nimport json\njson.lods('{}')\n```", "lods", id="standard-library"),
    ],
)
async def test_kinds_of_phantoms(lane: CodeLane, response: str, name: str) -> None:
    assert name in {symbol["name"] for symbol in flagged(await scored(lane, request(response)))}


async def test_a_diff_points_at_the_characters_as_sent(lane: CodeLane) -> None:
    text = (
        "Change it so:\n\n```diff\n--- a/app.py\n+++ b/app.py\n@@ -1,3 +1,4 @@\n from shop.cart import Cart\n"
        " cart = Cart('ann')\n+cart.add_product('tea')\n print(cart.total())\n```\n"
    )
    (symbol,) = flagged(await scored(lane, request(text)))
    assert text[symbol["char_start"] : symbol["char_end"]] == symbol["name"] == "add_product"


async def test_units_whose_source_is_a_path_are_files(lane: CodeLane) -> None:
    units = (UnitInput("class Cart:\n    def add_item(self, name): ...\n", "shop/cart.py"),)
    text = "```python\nfrom shop.cart import Cart\nCart().add_product('tea')\n```"
    answer = await scored(lane, request(text, raw_context=None, support_units=units))
    assert [symbol["name"] for symbol in flagged(answer)] == ["add_product"]


async def test_prose_is_judged_beside_the_code(lane: CodeLane) -> None:
    answer = await scored(lane, request(f"The cart has an owner.\n\n{CLEAN}\n\nIt works."))
    assert [claim["text"] for claim in answer["claims"]] == ["The cart has an owner.", "It works."]


async def test_no_code_and_no_names_is_not_a_verdict(lane: CodeLane) -> None:
    answer = await scored(lane, request("The cart has an owner and a list of items."))
    assert answer["code_lane"]["verdict"] == "cannot_tell"
    assert "phantom_probability" not in answer["code_lane"]
    assert answer["code_lane"]["symbols"] == []


async def test_chunk_ownership_on_request(lane: CodeLane) -> None:
    assert "chunk_ownership" not in await scored(lane, request(CLEAN))
    owned = (await scored(lane, request(CLEAN, emit_chunk_ownership=True)))["chunk_ownership"]
    assert owned[0]["owners"][0]["path"] == "shop/cart.py"


async def test_state_is_carried_over_turns_and_stays_small(lane: CodeLane) -> None:
    state: dict[str, Any] | None = None
    for turn, text in enumerate([CLEAN, PHANTOM, PHANTOM, PHANTOM, CLEAN], 1):
        answer = await scored(lane, request(text, session_state=state))
        state = json.loads(json.dumps(answer["next_session_state"]))
        assert answer["session_signals"]["total_turns"] == turn
    assert len(json.dumps(state)) < 2048
    assert answer["session_signals"]["phantom_rate"] > 0
    assert answer["session_signals"]["red_streak"] == 0
    again = await scored(lane, request(CLEAN, session_state=state))
    assert (
        again["next_session_state"] == (await scored(lane, request(CLEAN, session_state=state)))["next_session_state"]
    )


async def test_a_hostile_state_is_refused_and_an_unknown_version_starts_afresh(lane: CodeLane) -> None:
    state = (await scored(lane, request(CLEAN)))["next_session_state"]
    with pytest.raises(ValidationFailedError, match="session_state"):
        await lane.score(
            request(CLEAN, session_state={key: "x" * 10_000 for key in state} | {"version": state["version"]})
        )
    answer = await scored(lane, request(CLEAN, session_state=state | {"version": 999}))
    assert answer["session_signals"]["total_turns"] == 1
    assert any("version" in warning for warning in answer["warnings"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("```python\n" + "(" * 10_000 + "\n```", id="brackets"),
        pytest.param("```python\nx = '" + "a" * 20_000 + "'\n```", id="one-line"),
        pytest.param("```python\ndef f(:\n  class\n\x00\n```", id="broken"),
        pytest.param("```rust\nfn \u202emain() { \U0001f600 }\n```", id="unicode"),
    ],
)
async def test_hostile_code_is_a_result(lane: CodeLane, text: str) -> None:
    answer = await scored(lane, request(text))
    assert answer["band"] in {"green", "amber", "red", "unknown"}
    assert isinstance(answer["code_lane"]["parse"]["blocks"], list)


async def test_contexts_are_cached_by_tenant(lane: CodeLane) -> None:
    first, second = await scored(lane, request(CLEAN, tenant="a")), await scored(lane, request(CLEAN, tenant="b"))
    assert first["score"] == second["score"]
    assert {key[0] for key in lane.cached_contexts} >= {"a", "b"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 200_000, id="200000-brackets"),
        pytest.param("x = [" + "1, " * 600_000 + "]", id="a-long-line"),
        pytest.param("\x00\ud800" * 50_000, id="no-text"),
    ],
)
def test_reading_hostile_code_ends_with_a_typed_result(text: str) -> None:
    files = (ContextFile("a.py", text, 0, "python"),)
    block = CodeBlock("python", None, text, (Segment(0, 0, len(text)),), "bare")
    analysis = CodeAnalyser().analyse("t", text, (block,), files)
    assert analysis.files == 1
    assert len(analysis.blocks) == 1


def test_a_context_cut_by_time_is_read_again() -> None:
    """Its index is not kept: the next request on the same context may have the time."""
    files = (ContextFile("a.py", "def known(): ...\n" * 400, 0, "python"),)
    text = "from a import known\nknown()\n"
    block = CodeBlock("python", None, text, (Segment(0, 0, len(text)),), "bare")
    step_s = [1.0]
    now_s = [0.0]

    def clock() -> float:
        now_s[0] += step_s[0]
        return now_s[0]

    analyser = CodeAnalyser(clock)
    cut = analyser.analyse("t", text, (block,), files)
    assert any("took more than" in warning for warning in cut.warnings)
    assert analyser.cached == ()
    step_s[0] = 0.0
    whole = analyser.analyse("t", text, (block,), files)
    assert not whole.warnings
    assert len(analyser.cached) == 1
    step_s[0] = 1.0
    kept = analyser.analyse("t", text, (block,), files)
    assert next(found.status for found in kept.findings if found.name == "known") is FindingStatus.DEFINED


def test_a_context_of_many_files_is_cut_by_time_of_all() -> None:
    ticks = iter(range(1_000_000))
    analyser = CodeAnalyser(lambda: next(ticks) * 0.1)
    files = tuple(ContextFile(f"a{number}.py", "x = 1\n", 0, "python") for number in range(60))
    analysis = analyser.analyse("t", "", (), files)
    assert "context is not wholly indexed: reading it took more than 5 s" in analysis.warnings
    assert analyser.cached == ()


def test_names_that_no_time_was_left_for_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.lanes.code_analysis.resolve", partial(resolve, limit_s=-1.0))
    text = "import json\njson.loads('1')\n"
    block = CodeBlock("python", None, text, (Segment(0, 0, len(text)),), "bare")
    analysis = CodeAnalyser().analyse("t", text, (block,), ())
    assert {found.reason for found in analysis.findings} == {UNJUDGED}
    assert any(
        f"{len(analysis.findings)} of {len(analysis.findings)} names" in warning for warning in analysis.warnings
    )


async def test_without_the_encoder_names_alone_are_judged(lane: CodeLane) -> None:
    config = load_config(None, {"lanes.code.use_encoder": False}, environment={})
    alone = code_lane(config, lane.rag)
    with_encoder, without = await scored(lane, request(PHANTOM)), await scored(alone, request(PHANTOM))
    assert without["code_lane"]["symbols"] == with_encoder["code_lane"]["symbols"]
    assert (without["band"], without["code_lane"]["verdict"]) == ("red", "phantom")
    assert not {"claims", "support_units", "context_usage_ratio", "unsupported_spans"} & without.keys()
    assert without["heatmap"]["spans"]
    prose = await scored(alone, request("Nothing but prose."))
    assert (prose["band"], prose.get("score")) == ("unknown", None)
    alone.close()


async def test_a_request_for_names_only_runs_no_model(lane: CodeLane, monkeypatch: pytest.MonkeyPatch) -> None:
    full = await scored(lane, request(PHANTOM))

    async def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the encoder's lane was asked")

    monkeypatch.setattr(lane.rag, "gather", fail)
    names = await scored(lane, request(PHANTOM, names_only=True))
    assert names["code_lane"]["symbols"] == full["code_lane"]["symbols"]
    assert (names["band"], names["code_lane"]["verdict"]) == ("red", "phantom")
    assert not {"claims", "support_units", "context_usage_ratio", "unsupported_spans"} & names.keys()


async def test_one_slow_parse_does_not_stall_other_requests(lane: CodeLane) -> None:
    alone = code_lane(load_config(None, {"lanes.code.use_encoder": False}, environment={}), lane.rag)
    await scored(alone, request(CLEAN))
    slow = asyncio.create_task(alone.score(request("```rust\n" + "(" * 200_000 + "\n```", request_id="slow")))
    waits_s = []
    while not slow.done():
        started_s = time.perf_counter()
        assert (await scored(alone, request(CLEAN)))["code_lane"]["verdict"] == "grounded"
        waits_s.append(time.perf_counter() - started_s)
        await asyncio.sleep(0.01)
    assert json.loads((await slow).body)["code_lane"]["verdict"] == "cannot_tell"
    alone.close()
    assert len(waits_s) > 3
    assert sorted(waits_s)[len(waits_s) // 2] < 0.5


async def test_a_context_may_be_sent_by_its_reference(lane: CodeLane) -> None:
    first = await scored(lane, request(PHANTOM))
    assert first["context_ref"] == hashlib.sha256(CART.encode()).hexdigest()
    again = await scored(lane, request(PHANTOM, raw_context=None, context_ref=first["context_ref"]))
    timed = {"latency_ms"}
    assert {key: again[key] for key in again.keys() - timed} == {key: first[key] for key in first.keys() - timed}
    assert again["code_lane"]["symbols"]


@pytest.mark.parametrize(("tenant", "known"), [("other", True), ("t", False)], ids=["of-another-tenant", "never-sent"])
async def test_an_unknown_reference_is_refused(lane: CodeLane, tenant: str, known: bool) -> None:
    first = await scored(lane, request(PHANTOM, tenant="t"))
    reference = first["context_ref"] if known else "0" * 64
    with pytest.raises(ContextUnknownError, match="names no context") as caught:
        await scored(lane, request(PHANTOM, tenant=tenant, raw_context=None, context_ref=reference))
    assert (caught.value.status, caught.value.code) == (404, "context_unknown")
    assert "raw_context again" in caught.value.hint
