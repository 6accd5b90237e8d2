"""The end of a server in order, with a stand-in for Ray's key-value store; tests/serve/test_failures.py ends a real one."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from serving.http.limits import Admission

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, on a store that is away at the first look of a gateway."""
    from ray.exceptions import RpcError

    from serving.ray import ending

    kept: dict[bytes, bytes] = {}
    away = [True]

    def get(key: bytes) -> bytes | None:
        if away:
            away.pop()
            raise RpcError("the head node is away")
        return kept.get(key)

    monkeypatch.setattr(ending, "_internal_kv_get", get)
    monkeypatch.setattr(ending, "_internal_kv_put", lambda key, value, overwrite: kept.__setitem__(key, value))
    monkeypatch.setattr(ending, "_internal_kv_list", lambda prefix: [key for key in kept if key.startswith(prefix)])
    monkeypatch.setattr(ending, "_internal_kv_del", lambda key: kept.pop(key, None))
    monkeypatch.setattr(ending, "_LOOK_S", 0.02)
    return ending


def test_the_end_waits_for_what_every_gateway_has(ending: Any) -> None:
    gateways = [Admission({"rag": 2}, 1000, time.monotonic) for _ in range(2)]
    busy = gateways[0].admit("rag")
    for number, admission in enumerate(gateways):
        ending.watch_for_the_end(admission, str(number))
    through = threading.Event()
    waiting = threading.Thread(target=lambda: (ending.finish_requests(2, 60.0), through.set()))
    waiting.start()
    assert not through.wait(0.3)
    busy.release()
    assert through.wait(30.0)
    waiting.join()


def test_a_gateway_that_hangs_is_not_waited_for_beyond_the_limit(ending: Any) -> None:
    admission = Admission({"rag": 2}, 1000, time.monotonic)
    with admission.admit("rag"):
        ending.watch_for_the_end(admission, "0")
        ending.finish_requests(1, 0.1)
        assert admission.unfinished == 1
    ending.finish_requests(1, 30.0)
    assert admission.unfinished == 0


def test_the_next_server_does_not_take_the_last_ones_end_for_its_own(ending: Any) -> None:
    ending.finish_requests(0, 0.0)
    ending.forget_the_end()
    admission = Admission({"rag": 2}, 1000, time.monotonic)
    ending.watch_for_the_end(admission, "0")
    ending.finish_requests(1, 30.0)
    ending.forget_the_end()
    assert ending._internal_kv_list(b"groundlane:") == []
