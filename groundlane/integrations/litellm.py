"""A guardrail for the LiteLLM proxy, after the call and while it streams, and a logging callback.

    # beside config.yaml, groundlane_guardrail.py:  from groundlane.integrations.litellm import GroundlaneGuardrail
    guardrails:
      - guardrail_name: grounded
        litellm_params: {guardrail: groundlane_guardrail.GroundlaneGuardrail, mode: post_call, default_on: true}

Evidence is ``metadata.groundlane_context`` of the request (a text or a list of texts), else its messages of role ``tool``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from litellm.exceptions import GuardrailRaisedException
from litellm.integrations.custom_guardrail import CustomGuardrail
from litellm.integrations.custom_logger import CustomLogger

from groundlane.asynchronous import AsyncGroundlane
from groundlane.errors import GroundlaneError
from groundlane.integrations.langchain import text_of_content
from groundlane.integrations.policy import Policy, claim_fault, units_of
from groundlane.results import Score
from groundlane.sync import Groundlane

CONTEXT_KEY = "groundlane_context"
_LOGGER = logging.getLogger("groundlane.litellm")


def request_fields(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Question and premises of a request, as the client takes them; None for one without evidence."""
    messages: Sequence[Mapping[str, Any]] = data.get("messages") or ()
    given = _given_context(data)
    tools = [text_of_content(message.get("content") or "") for message in messages if message.get("role") == "tool"]
    units = units_of(given or tools)
    if not units:
        return None
    asked = [text_of_content(message.get("content") or "") for message in messages if message.get("role") == "user"]
    question = {"query_text": asked[-1]} if asked and asked[-1].strip() else {}
    return {"support_units": units, **question}


def _given_context(data: Mapping[str, Any]) -> list[str]:
    """In the proxy's own requests and in what a logging callback gets, metadata stands in different places."""
    places = (data.get("metadata"), data.get("litellm_metadata"), (data.get("litellm_params") or {}).get("metadata"))
    for place in places:
        given = (place or {}).get(CONTEXT_KEY)
        if given:
            return [given] if isinstance(given, str) else [str(text) for text in given]
    return []


class GroundlaneGuardrail(CustomGuardrail):
    """Refuses an answer with a 400 that names its faults; a streamed one ends before its first contradicted claim.

    A request without evidence passes. A server that cannot be reached raises its GroundlaneError.
    """

    def __init__(self, client: AsyncGroundlane | None = None, policy: Policy | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._client = client or AsyncGroundlane()
        self._policy = policy or Policy()

    async def async_post_call_success_hook(self, data: dict[str, Any], user_api_key_dict: Any, response: Any) -> Any:
        """The whole answer is there."""
        fields = request_fields(data)
        for choice in getattr(response, "choices", None) or ():
            text = text_of_content(getattr(choice.message, "content", None) or "")
            if fields is not None and text.strip():
                faults = self._policy.faults(await self._client.rag(response_text=text, **fields))
                if faults:
                    raise self._refusal("; ".join(faults))
        return response

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """The answer is being written: chunks go out when their claims have been judged."""
        fields = request_fields(request_data)
        if fields is None:
            async for chunk in response:
                yield chunk
            return
        async with self._client.rag_stream(**fields) as stream:
            async for chunk in stream.watch(response, stop_at=self._policy.verdicts, hold=True):
                yield chunk
            if stream.stopped_by is not None:
                raise self._refusal(claim_fault(stream.stopped_by))

    def _refusal(self, message: str) -> GuardrailRaisedException:
        return GuardrailRaisedException(self.guardrail_name or "groundlane", message, blocked_content=True)


class GroundlaneLogger(CustomLogger):
    """Scores every answer that LiteLLM logs, for ``litellm.callbacks``; ``on_score`` gets the score and LiteLLM's arguments.

    Nothing is refused: a failed call to the server is logged, the answer goes out as it is.
    """

    def __init__(self, on_score: Callable[[Score, Mapping[str, Any]], None], client: Groundlane | None = None) -> None:
        super().__init__()
        self._client = client or Groundlane()
        self._on_score = on_score

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """A call has succeeded."""
        fields = request_fields(kwargs)
        choices = getattr(response_obj, "choices", None) or ()
        text = text_of_content(getattr(choices[0].message, "content", None) or "") if choices else ""
        if fields is None or not text.strip():
            return
        try:
            score = await asyncio.to_thread(partial(self._client.rag, response_text=text, **fields))
        except GroundlaneError as error:
            _LOGGER.warning("not scored: %s", error)
            return
        self._on_score(score, kwargs)
