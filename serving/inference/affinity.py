"""Which encoder replica should see a request: the one that encoded its context before, unless that one is busy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

_SLACK_REQUESTS = 2.0
_SLACK_SHARE = 0.25


def affinity_key(tenant: str, session_id: str | None, units: Sequence[str]) -> str:
    """What requests that should meet at one replica have in common; nothing of a text can be read off it.

    The session where there is one. Else the least digest among the units (min-wise hashing: Broder, 1997): two contexts
    have the same key with the probability that is their units' Jaccard similarity, in whatever order the units stand.
    """
    if session_id is not None:
        return _digest("session", tenant, session_id).hex()
    return _digest("context", tenant, min(map(_digest, units), default=b"").hex()).hex()


def preferred(key: str, loads: Mapping[str, int]) -> list[str]:
    """The replicas of ``loads`` (requests in flight by name) in the order in which ``key`` should try them.

    Rendezvous hashing (Thaler and Ravishankar, 1998): every caller finds the same order without talking to another one,
    and a replica that comes or goes moves only the keys that it takes or leaves. A replica with clearly more to do than
    the least busy one, by two requests and a quarter of the mean, is tried last: its neighbour encodes the context
    once, and holds it then.
    """
    ordered = sorted(loads, key=lambda name: _digest(key, name), reverse=True)
    mean = sum(loads.values()) / max(1, len(loads))
    limit = min(loads.values(), default=0) + _SLACK_REQUESTS + _SLACK_SHARE * mean
    busy = sorted((name for name in ordered if loads[name] > limit), key=lambda name: loads[name])
    return [*(name for name in ordered if loads[name] <= limit), *busy]


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
