"""LiteLLM's generic callback, unchanged, against a server's traces: run by ``test_apart.py`` in an environment that has LiteLLM.

    python tests/live/litellm_traces.py URL

The model is LiteLLM's own mock. Prints the calls that the server keeps of the conversation, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
import litellm
from litellm.integrations.generic_api.generic_api_callback import GenericAPILogger

CONVERSATION = "litellm-1"


async def complete(url: str) -> None:
    """Two turns of one conversation and one that fails, then all that waits is sent."""
    logger = GenericAPILogger(endpoint=f"{url}/api/v1/traces", headers={"x-from": "litellm"})
    litellm.callbacks = [logger]
    for number in range(2):
        await litellm.acompletion(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": f"When did bridge {number} open?"}],
            mock_response=f"In 193{number}.",
            metadata={"session_id": CONVERSATION, "tags": ["bridges"]},
        )
    try:
        await litellm.acompletion(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "And the third?"}],
            mock_response=Exception("the model is away"),
            metadata={"session_id": CONVERSATION},
        )
    except Exception as error:  # noqa: BLE001 - LiteLLM raises one of many classes; that it failed is what is asked for
        print("failed as asked:", type(error).__name__, file=sys.stderr)
    for _ in range(100):
        if len(logger.log_queue) >= 3:
            break
        await asyncio.sleep(0.1)
    await logger.async_send_batch()


def kept(url: str) -> list[dict[str, Any]]:
    """The conversation's calls, whole."""
    found = httpx.get(f"{url}/api/v1/conversations/{CONVERSATION}").raise_for_status().json()["conversation"]
    calls = [call["span_id"] for turn in found["timeline"] for call in turn["calls"]]
    return [httpx.get(f"{url}/api/v1/spans/{span}").raise_for_status().json()["span"] for span in calls]


if __name__ == "__main__":
    asyncio.run(complete(sys.argv[1]))
    print(json.dumps(kept(sys.argv[1])))
