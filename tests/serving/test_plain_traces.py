"""Calls as plain JSON: LiteLLM's bodies and their conversations; a file of calls imported by the command."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner

from serving.auth.keys import ANONYMOUS_TENANT
from serving.cli.main import app
from serving.config.load import load_config
from serving.store.store import Store
from serving.traces.plain import read_plain
from serving.traces.reading import TraceReader

UUID = "65aa2088-e2fd-4595-b1d7-a5fa8956ad5f"


def _litellm(call_id, trace_id, **metadata):
    return {
        "id": call_id,
        "trace_id": trace_id,
        "call_type": "acompletion",
        "startTime": 1_796_069_032.9,
        "endTime": 1_796_069_033.4,
        "messages": [{"role": "user", "content": "Hi"}],
        "response": {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]},
        "metadata": metadata,
    }


@pytest.mark.parametrize(
    ("trace_ids", "metadata", "conversation", "turns"),
    [
        pytest.param(("support-7", "support-7"), {}, "support-7", 2, id="a_session_is_a_conversation_of_turns"),
        pytest.param((UUID, UUID), {}, None, 1, id="retries_of_one_request_are_one_turn"),
        pytest.param((UUID.replace("-", ""), UUID), {}, None, 1, id="the_same_id_without_dashes"),
        pytest.param((UUID, UUID), {"session_id": "s"}, "s", 1, id="named_in_the_metadata"),
        pytest.param(("chatcmpl-0", "chatcmpl-1"), {}, None, 2, id="its_own_id_names_nothing"),
        pytest.param((None, None), {}, None, 2, id="without_a_trace"),
    ],
)
def test_what_litellm_calls_a_trace(trace_ids, metadata, conversation, turns):
    bodies = [_litellm(f"chatcmpl-{at}", trace, **metadata) for at, trace in enumerate(trace_ids)]
    found = read_plain(bodies, 1_796_069_034_000_000)
    assert {span.conversation_id for span in found} == {conversation}
    assert len({span.trace_id for span in found}) == turns
    assert len({span.span_id for span in found}) == 2


def test_a_file_of_calls_is_imported_once(tmp_path):
    calls = [
        {"trace_id": "t1", "span_id": "a", "conversation_id": "chat", "question": "When?", "answer": "In 1932."},
        {"conversation_id": "chat", "trace_id": "t2", "spans": [{"span_id": "b", "question": "And?", "answer": "No."}]},
        _litellm("chatcmpl-1", "session-9"),
    ]
    file, data = tmp_path / "calls.jsonl", tmp_path / "data"
    file.write_text("\n\n".join(json.dumps(call) for call in calls), encoding="utf-8")
    command = ["traces", "import", str(file), "--set", f"data_dir={data}", "--json"]
    for wanted in ({"accepted": 3, "duplicates": 0}, {"accepted": 0, "duplicates": 3}):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout) == wanted
    store = Store.open(load_config(None, {"data_dir": str(data)}, environment={}).store_url)
    try:
        listed = asyncio.run(TraceReader(store).conversation(ANONYMOUS_TENANT, "chat"))
    finally:
        store.close()
    assert [turn["answer"] for turn in listed["timeline"]] == ["In 1932.", "No."]


def test_a_line_that_is_no_call_is_named(tmp_path):
    file = tmp_path / "calls.jsonl"
    file.write_text('{"question": "ok"}\n[1]\n', encoding="utf-8")
    done = CliRunner().invoke(app, ["traces", "import", str(file), "--set", f"data_dir={tmp_path / 'data'}"])
    assert done.exit_code == 1
    assert "a call is an object" in " ".join((done.output + done.stderr).split())
