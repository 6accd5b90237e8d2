"""Integrations whose frameworks cannot share an environment with the server: run by ``test_apart.py`` in one of their own.

    python tests/live/apart.py URL ENVIRONMENT

``frameworks`` needs openai-agents, litellm and ragas beside httpx and websockets, ``guardrails`` needs guardrails-ai, which asks
for another openai than openai-agents does. Language models are played; the server is real. Prints a line for each check and ends
with 1 at the first that fails.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from groundlane import AsyncGroundlane, Groundlane, Score

CONTEXT = "The Lindau Bridge opened on 4 May 1932. It is 1,149 metres long and carries eight lanes of road traffic."
GOOD = "The Lindau Bridge opened on 4 May 1932."
WRONG = "The Lindau Bridge opened on 4 May 1932. It is 1,490 metres long. It carries eight lanes of road traffic."
QUESTION = "When did the bridge open?"


async def run_agent(url: str, answer: str, calls_tool: bool = True) -> Any:
    """One run of a real agent whose model is played: a call of its tool, then the answer."""
    from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage, function_tool
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    from groundlane.integrations.openai_agents import ToolEvidence, grounded_output

    call = ResponseFunctionToolCall(name="look_up", arguments='{"what": "x"}', call_id="1", type="function_call")
    text = ResponseOutputText(text=answer, type="output_text", annotations=[])
    said = ResponseOutputMessage(id="m", content=[text], role="assistant", status="completed", type="message")
    steps: list[Any] = [[call], [said]] if calls_tool else [[said]]

    class Played(Model):
        async def get_response(self, *_: Any, **__: Any) -> ModelResponse:
            return ModelResponse(output=steps.pop(0), usage=Usage(), response_id=None)

        def stream_response(self, *_: Any, **__: Any) -> Any:
            raise NotImplementedError

    @function_tool
    def look_up(what: str) -> str:
        """What is known."""
        return CONTEXT

    evidence = ToolEvidence()
    with Groundlane(base_url=url) as client:
        guardrail = grounded_output(client, evidence.texts, question=lambda _: QUESTION)
        agent = Agent(name="bridges", model=Played(), tools=[look_up], output_guardrails=[guardrail])
        return await Runner.run(agent, QUESTION, hooks=evidence, run_config=RunConfig(tracing_disabled=True))


async def check_agents(url: str) -> None:
    """A grounded answer passes, a contradicted one trips, one without evidence is not scored."""
    from agents import OutputGuardrailTripwireTriggered

    (good,) = (await run_agent(url, GOOD)).output_guardrail_results
    assert good.output.output_info["band"] == "green", good
    try:
        await run_agent(url, WRONG)
    except OutputGuardrailTripwireTriggered as tripped:
        faults = tripped.guardrail_result.output.output_info["faults"]
        assert any("1,490" in fault for fault in faults), faults
    else:
        raise AssertionError("the contradicted answer passed")
    (bare,) = (await run_agent(url, WRONG, calls_tool=False)).output_guardrail_results
    assert bare.output.output_info["scored"] is False, bare


def request(**fields: Any) -> dict[str, Any]:
    """A request as the proxy hands it to its hooks."""
    return {"model": "gpt-4o", "messages": [{"role": "user", "content": QUESTION}], **fields}


async def check_litellm_guardrail(url: str) -> None:
    """Answers of ``litellm.acompletion``, whole and streamed, through the hooks that the proxy calls."""
    import litellm

    from groundlane.integrations.litellm import CONTEXT_KEY, GroundlaneGuardrail

    async with AsyncGroundlane(base_url=url) as client:
        guardrail = GroundlaneGuardrail(client, guardrail_name="grounded", event_hook="post_call", default_on=True)
        data = request(metadata={CONTEXT_KEY: CONTEXT})
        good = await litellm.acompletion(**request(), mock_response=GOOD)
        wrong = await litellm.acompletion(**request(), mock_response=WRONG)
        assert await guardrail.async_post_call_success_hook(data, None, good) is good
        assert await guardrail.async_post_call_success_hook(request(), None, wrong) is wrong  # nothing to check against
        tools = request()
        tools["messages"] = [*tools["messages"], {"role": "tool", "tool_call_id": "1", "content": CONTEXT}]
        for evidence in (data, tools):
            status, message = await refused(guardrail.async_post_call_success_hook(evidence, None, wrong))
            assert status == 400, status
            assert "1,490" in message, message
        assert await streamed(guardrail, data, GOOD) == (GOOD, "")
        seen, refusal = await streamed(guardrail, data, WRONG)
        assert "1,490" not in seen, seen
        assert "1,490" in refusal, refusal


async def refused(answer: Awaitable[Any]) -> tuple[int, str]:
    """Status and message of the guardrail's refusal."""
    from litellm.exceptions import GuardrailRaisedException

    try:
        await answer
    except GuardrailRaisedException as refusal:
        return refusal.status_code, refusal.message
    raise AssertionError("the contradicted answer passed")


async def streamed(guardrail: Any, data: dict[str, Any], answer: str) -> tuple[str, str]:
    """What a reader of the stream sees, and the refusal that ends it."""
    import litellm
    from litellm.exceptions import GuardrailRaisedException

    chunks = await litellm.acompletion(**request(), mock_response=answer, stream=True)
    passed: AsyncIterator[Any] = guardrail.async_post_call_streaming_iterator_hook(None, chunks, data)
    seen = ""
    try:
        async for chunk in passed:
            seen += chunk.choices[0].delta.content or ""
    except GuardrailRaisedException as refused:
        return seen, refused.message
    return seen, ""


async def check_litellm_logger(url: str) -> None:
    """The callback, as LiteLLM itself calls it after a completion."""
    import litellm

    from groundlane.integrations.litellm import CONTEXT_KEY, GroundlaneLogger

    found: list[Score] = []
    litellm.callbacks = [GroundlaneLogger(lambda score, _: found.append(score), Groundlane(base_url=url))]
    await litellm.acompletion(**request(), mock_response=WRONG, metadata={CONTEXT_KEY: [CONTEXT]})
    for _ in range(200):
        if found:
            break
        await asyncio.sleep(0.1)
    assert [score.band for score in found] == ["red"], found


async def check_ragas(url: str) -> None:
    """The metric: the share of supported claims, and None with a reason where there is nothing to judge."""
    from groundlane.integrations.ragas import GroundlaneFaithfulness

    with Groundlane(base_url=url) as client:
        metric = GroundlaneFaithfulness(client)
        rows = [
            {"user_input": QUESTION, "response": GOOD, "retrieved_contexts": [CONTEXT]},
            {"user_input": QUESTION, "response": WRONG, "retrieved_contexts": [CONTEXT]},
            {"user_input": QUESTION, "response": GOOD, "retrieved_contexts": []},
        ]
        good, wrong, bare = await metric.abatch_score(rows)
    assert good.value == 1.0, good
    assert wrong.value is not None, wrong
    assert abs(wrong.value - 2 / 3) < 1e-9, wrong
    assert "1,490" in (wrong.reason or ""), wrong
    assert bare.value is None, bare


async def check_guardrails(url: str) -> None:
    """The validator in real guards, on a thread: where a loop runs, Guardrails would call it another way, with a warning."""
    await asyncio.to_thread(guarded, url)


def guarded(url: str) -> None:
    """Passes, refuses with the characters, leaves out what is wrong."""
    from guardrails import Guard
    from guardrails.errors import ValidationError

    from groundlane.integrations.guardrails import GroundedAnswer

    evidence: dict[str, Any] = {"context": [CONTEXT], "question": QUESTION}
    with Groundlane(base_url=url) as client:
        strict = Guard().use(GroundedAnswer(client, on_fail="exception"))
        assert strict.validate(GOOD, metadata=evidence).validation_passed
        assert strict.validate(WRONG, metadata={}).validation_passed  # nothing to check against
        refusal = ""
        try:
            strict.validate(WRONG, metadata={"context": CONTEXT})
        except ValidationError as refused_answer:
            refusal = str(refused_answer)
        assert "1,490" in refusal, refusal
        noted = Guard().use(GroundedAnswer(client, on_fail="noop"))
        found = noted.validate(WRONG, metadata=evidence)
        assert found.validation_passed is False, found
        (span,) = found.validation_summaries[0].error_spans or ()
        assert WRONG[span.start : span.end] == "It is 1,490 metres long.", span
        mended = Guard().use(GroundedAnswer(client, on_fail="fix")).validate(WRONG, metadata=evidence)
        assert mended.validated_output == f"{GOOD} It carries eight lanes of road traffic.", mended
        asked = strict(**request(), mock_response=GOOD, metadata=evidence)  # the guard calls LiteLLM itself
        assert asked.validation_passed, asked


CHECKS = {
    "frameworks": (check_agents, check_litellm_guardrail, check_litellm_logger, check_ragas),
    "guardrails": (check_guardrails,),
}


def main() -> None:
    """Run every check of an environment against the server at the given address."""
    for check in CHECKS[sys.argv[2]]:
        asyncio.run(check(sys.argv[1]))
        print("passed", check.__name__, flush=True)


if __name__ == "__main__":
    main()
