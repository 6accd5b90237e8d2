"""The end of a server in order: gateways take no more and finish what they have; only then is anything behind them stopped.

Serve stops all deployments of an application at once, and a request on its way would lose the models it still needs. So the
process that runs the server says in Ray's key-value store that it ends, and each gateway looks there twice a second.
"""

from __future__ import annotations

import threading
import time
from typing import Final

from ray.exceptions import RayError
from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_get, _internal_kv_list, _internal_kv_put

from serving.http.limits import Admission

_ENDING: Final = b"groundlane:ending"
_FINISHED: Final = b"groundlane:finished:"
_LOOK_S: Final = 0.5


def watch_for_the_end(admission: Admission, replica: str) -> None:
    """From now on, in a thread: once the server ends, close ``admission``, and say so when the last request is answered."""
    threading.Thread(target=_watch, args=(admission, replica), name="ending", daemon=True).start()


def finish_requests(gateways: int, limit_s: float) -> None:
    """Tell every gateway that the server ends; returns when all ``gateways`` are through, or after ``limit_s``."""
    until_s = time.monotonic() + limit_s
    _internal_kv_put(_ENDING, b"1", overwrite=True)
    while len(_internal_kv_list(_FINISHED)) < gateways and time.monotonic() < until_s:
        time.sleep(_LOOK_S / 5)


def forget_the_end() -> None:
    """Before a start, and after an end: the next server of this cluster must not take the last one's end for its own."""
    for key in (_ENDING, *_internal_kv_list(_FINISHED)):
        _internal_kv_del(key)


def _watch(admission: Admission, replica: str) -> None:
    while not _ends():
        time.sleep(_LOOK_S)
    admission.close()
    while admission.unfinished:
        time.sleep(_LOOK_S / 5)
    _internal_kv_put(_FINISHED + replica.encode(), b"1", overwrite=True)


def _ends() -> bool:
    """Whether the server ends. Ray's store may be away for a while, when the head node is replaced: then it does not yet."""
    try:
        return _internal_kv_get(_ENDING) is not None
    except RayError:
        return False
