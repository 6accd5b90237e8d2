"""What a run asked and was answered, as calls that are kept and read like an application's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from serving.evals.runs import Unit, UnitResult
from serving.store.eval_records import RunRow
from serving.traces.span import RUN_PROJECT

KeepCalls = Callable[[str, Sequence[Mapping[str, Any]]], Awaitable[None]]
"""``keep(tenant, calls)``: calls as ``POST /traces`` takes them, durable on return; the same ones again change nothing."""
_NAME_CHARACTERS: Final = 256


def call_of(run: RunRow, unit: Unit, result: UnitResult, now_ms: int) -> dict[str, Any]:
    """The call of one case: a conversation of its own, with the run's tags.

    Its ids follow from run, case and repeat, so that a resumed run keeps none twice; a call that failed and the one that
    answered later are two calls of one turn.
    """
    plan, answer, target = run.plan, result.answer, run.plan["target"]
    name = f"{run.run_id}/{unit.case.task_id}/{unit.repeat}"
    call: dict[str, Any] = {
        "conversation_id": name[:_NAME_CHARACTERS],
        "trace_id": name,
        "span_id": name if answer.error is None else f"{name}/failed",
        "project": RUN_PROJECT,
        "kind": "llm",
        "name": f"case {unit.case.task_id}"[:_NAME_CHARACTERS],
        "surface": f"groundlane.run.{target['kind']}",
        "model": target.get("model") or target["kind"],
        "tags": plan["tags"],
        "experiment_name": plan.get("experiment_name"),
        "config_hash": run.config_hash,
        "request_id": name[:_NAME_CHARACTERS],
        "ended_at": now_ms,
        "latency_ms": answer.latency_ms,
        "input_messages": [dict(message) for message in unit.case.input_messages],
        "answer": answer.text or None,
        "error": answer.error,
        "documents": [{"id": one.document_id, "content": one.content} for one in answer.retrieved],
        "tokens": {"input": answer.input_tokens, "output": answer.output_tokens},
        "charge_usd": None if result.reused else answer.cost_usd,
        "run_id": run.run_id,
        "task_id": unit.case.task_id,
        "passed": result.passed,
        "grades": [grade.view() for grade in result.grades],
        "tool_calls": [dict(one) for one in answer.tool_calls],
        "answer_was_kept_before": result.reused or None,
    }
    return {name: value for name, value in call.items() if value not in (None, [])}
