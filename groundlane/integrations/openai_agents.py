"""An output guardrail for the OpenAI Agents SDK: the agent's final answer is checked against what its tools returned.

evidence = ToolEvidence()
agent = Agent(name="support", tools=[search], output_guardrails=[grounded_output(Groundlane(), evidence.texts)])
result = await Runner.run(agent, question, hooks=evidence)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from agents import Agent, GuardrailFunctionOutput, OutputGuardrail, RunContextWrapper, RunHooks, Tool

from groundlane.integrations.policy import NO_EVIDENCE, Policy, summary, units_of, unscored
from groundlane.sync import Groundlane

Evidence = Callable[[RunContextWrapper[Any]], Sequence[str]]


class ToolEvidence(RunHooks[Any]):
    """Keeps what tools returned in one run; give it to ``Runner.run`` as ``hooks``. A new run needs a new one."""

    def __init__(self) -> None:
        self._found: list[str] = []

    async def on_tool_end(self, context: Any, agent: Agent[Any], tool: Tool, result: Any) -> None:
        """A tool returned."""
        self._found.append(str(result))

    def texts(self, _: RunContextWrapper[Any]) -> Sequence[str]:
        """What tools returned so far."""
        return tuple(self._found)


def grounded_output(
    client: Groundlane,
    evidence: Evidence,
    *,
    question: Callable[[RunContextWrapper[Any]], str | None] | None = None,
    policy: Policy | None = None,
    name: str = "groundlane",
) -> OutputGuardrail[Any]:
    """Trips when the policy refuses the answer; its ``output_info`` has the score either way.

    ``evidence``: the texts that the answer may rest on, from the run's context; without any the answer is not scored and
    passes. The client is called on a thread, so that runs in several event loops may share it. A server that cannot be
    reached raises its GroundlaneError, which ends the run.
    """
    rule = policy or Policy()

    async def check(context: RunContextWrapper[Any], agent: Agent[Any], output: Any) -> GuardrailFunctionOutput:
        units = units_of(evidence(context))
        if not units or not str(output).strip():
            return GuardrailFunctionOutput(output_info=unscored(NO_EVIDENCE), tripwire_triggered=False)
        asked = question(context) if question else None
        extra: dict[str, Any] = {"query_text": asked} if asked else {}
        ask = partial(client.rag, response_text=str(output), support_units=units, **extra)
        score = await asyncio.to_thread(ask)
        faults = rule.faults(score)
        return GuardrailFunctionOutput(output_info=summary(score, faults), tripwire_triggered=bool(faults))

    return OutputGuardrail(guardrail_function=check, name=name)
