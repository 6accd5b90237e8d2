"""A fleet on paper: ``python -m benchmarks.fleet [--rate R] [--core-hour USD] [--gpu-hour USD --gpu-requests-per-s N]``.

From the processor time that a request takes in each tier (measured by ``benchmarks.overhead --server``) to the servers
that a rate needs, the wait for one of them and the cost of a million scores. Tiers are queues with one waiting line
(M/M/c, Erlang C); prices and the rate of a GPU are inputs, never assumed to be measured. Ray's own processes are left out:
what they compute grows with time and nodes, not with requests (``cores_busy_idle`` of the same result).
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RESULT = Path(__file__).parent / "results" / "overhead.json"
_TIERS = {
    "proxy": ("ProxyActor", "haproxy", "HAProxy"),
    "gateway and rag lane": ("Gateway", "RagLane"),
    "encoder": ("Encoder",),
    "verifier": ("Verifier",),
}
_MODELS = ("encoder", "verifier")
_HOUR_S = 3600.0
_MILLION = 1_000_000


@dataclass(frozen=True)
class Tier:
    """Equal servers behind one line. ``service_ms``: what one request keeps one of them busy."""

    name: str
    service_ms: float
    is_gpu: bool = False


@dataclass(frozen=True)
class Sizing:
    """``servers`` for a rate, how busy they are, and the wait that one request in a hundred exceeds."""

    tier: Tier
    servers: int
    utilisation: float
    wait_p99_ms: float


def erlang_c(servers: int, offered: float) -> float:
    """Probability that an arrival waits (Erlang, 1917); ``offered``: rate times service time, below ``servers``."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = offered * blocked / (number + offered * blocked)
    return blocked / (1.0 - offered / servers * (1.0 - blocked))


def wait_p99_ms(servers: int, offered: float, service_ms: float) -> float:
    """The wait that 1% of the arrivals exceed; exponential above the chance to wait at all."""
    waits = erlang_c(servers, offered)
    return 0.0 if waits <= 0.01 else math.log(waits / 0.01) * service_ms / (servers - offered)


def size(tier: Tier, rate_per_s: float, utilisation: float) -> Sizing:
    """The servers that keep a tier at or below ``utilisation``."""
    offered = rate_per_s * tier.service_ms / 1000.0
    servers = max(1, math.ceil(offered / utilisation))
    return Sizing(tier, servers, offered / servers, wait_p99_ms(servers, offered, tier.service_ms))


def cost_per_million(sizings: list[Sizing], rate_per_s: float, core_hour: float, gpu_hour: float) -> float:
    """USD for a million scores when the whole fleet is paid for by the hour."""
    hourly = sum(one.servers * (gpu_hour if one.tier.is_gpu else core_hour) for one in sizings)
    return hourly / (rate_per_s * _HOUR_S) * _MILLION


def measured_tiers(processor_ms: Mapping[str, float], gpu_requests_per_s: float | None) -> list[Tier]:
    """One tier per part of the server, one core a server; both models on one kind of GPU where its rate is given."""
    tiers = {name: Tier(name, sum(processor_ms.get(role, 0.0) for role in roles)) for name, roles in _TIERS.items()}
    tiers = {name: tier for name, tier in tiers.items() if tier.service_ms}
    if not gpu_requests_per_s:
        return list(tiers.values())
    serving = [tier for name, tier in tiers.items() if name not in _MODELS]
    return [*serving, Tier(" and ".join(_MODELS), 1000.0 / gpu_requests_per_s, is_gpu=True)]


def hops_ms(stages: Mapping[str, Any]) -> dict[str, float]:
    """Medians at concurrency one: the front, a call to another deployment, our gateway, the whole path on free models."""
    median = {name: float(stages[name]["c1"]["p50_ms"]) for name in ("route", "handle", "gateway", "merged")}
    front = median["route"]
    found = {"front": front, "a call": median["handle"] - front, "gateway": median["gateway"] - front}
    return {name: round(ms, 2) for name, ms in {**found, "all, with the lane and two calls": median["merged"]}.items()}


def saturates_first(sizings: list[Sizing]) -> Sizing:
    """The tier of which one server does the fewest requests a second."""
    return max(sizings, key=lambda one: one.tier.service_ms)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--measured", type=Path, default=_RESULT, help="result of benchmarks.overhead")
    parser.add_argument("--options", default="default", help="which of its Serve options")
    parser.add_argument("--rate", type=float, default=10_000.0, help="requests a second")
    parser.add_argument("--utilisation", type=float, default=0.7, help="of each tier at that rate")
    parser.add_argument("--core-hour", type=float, default=0.04, help="USD for one core for an hour")
    parser.add_argument("--gpu-hour", type=float, default=3.0, help="USD for one GPU for an hour")
    parser.add_argument("--gpu-requests-per-s", type=float, help="requests a second of one GPU; without it: CPU only")
    arguments = parser.parse_args()
    document: dict[str, Any] = json.loads(arguments.measured.read_text(encoding="utf-8"))
    measured = document["options"][arguments.options]
    if "server" not in measured:
        parser.error(f"{arguments.measured} has no real server for {arguments.options!r}: benchmarks.overhead --server")
    tiers = measured_tiers(measured["server"]["processor_ms_per_request"], arguments.gpu_requests_per_s)
    sizings = [size(tier, arguments.rate, arguments.utilisation) for tier in tiers]
    print(f"{'tier':24} {'ms a request':>12} {'one does /s':>12} {'servers':>8} {'busy':>6} {'wait p99 ms':>12}")
    for one in sizings:
        unit = "GPUs" if one.tier.is_gpu else "cores"
        print(
            f"{one.tier.name:24} {one.tier.service_ms:12.2f} {1000.0 / one.tier.service_ms:12.0f} {one.servers:8d} "
            f"{one.utilisation:6.2f} {one.wait_p99_ms:12.2f} {unit}"
        )
    print(f"saturates first: {saturates_first(sizings).tier.name}")
    print("measured, ms: " + ", ".join(f"{name} {ms:g}" for name, ms in hops_ms(measured).items()))
    total = cost_per_million(sizings, arguments.rate, arguments.core_hour, arguments.gpu_hour)
    print(f"cost of a million scores: {total:.2f} USD")


if __name__ == "__main__":
    main()
