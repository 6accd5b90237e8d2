"""Starts a server, scores four answers through it over HTTP, plays recorded conversations into it: ``make demo``.

Stays up until Ctrl-C, so that you can send requests of your own; ``DEMO_ONCE=1`` exits after the examples.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

if __package__:
    from examples.recorded import recorded
else:
    from recorded import recorded

HOST = "127.0.0.1"
START_LIMIT_S = 120.0
BAND_STYLE = {"green": "bold green", "amber": "bold yellow", "red": "bold red", "unknown": "bold magenta"}
HEAT_STYLE = {"supported": "black on green", "weak": "black on yellow", "unsupported": "white on red", "neutral": ""}
VERDICT_MARK = {"supported": "✓", "unsupported": "?", "contradicted": "✗"}

BRIDGE = (
    "The Lindau Bridge opened on 4 May 1932 after six years of construction. It is 1,149 metres long and carries "
    "eight lanes of road traffic and two railway tracks. The bridge was designed by the engineer Clara Hoffmann. "
    "About 160,000 vehicles cross it every day, and tolls are collected electronically in both directions."
)
HOTEL = (
    '{"name": "Seaview Hotel", "city": "Porto", "stars": 4, "rooms": 118, '
    '"attributes": {"wifi": "free", "pool": false, "check_in": "15:00"}, "price_per_night": {"amount": 129, "currency": "EUR"}}'
)
EXAMPLES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "a grounded answer",
        {
            "query_text": "When did the bridge open and how long is it?",
            "raw_context": BRIDGE,
            "response_text": "The Lindau Bridge opened on 4 May 1932. It is 1,149 metres long.",
        },
    ),
    (
        "a wrong number",
        {
            "query_text": "When did the bridge open and how long is it?",
            "raw_context": BRIDGE,
            "response_text": "The Lindau Bridge opened on 4 May 1932. It is 1,490 metres long.",
        },
    ),
    (
        "an unsupported sentence",
        {
            "query_text": "Who designed the bridge?",
            "raw_context": BRIDGE,
            "response_text": (
                "The bridge was designed by the engineer Clara Hoffmann. "
                "She won a national architecture prize for her work on opera houses."
            ),
        },
    ),
    (
        "a JSON context",
        {
            "query_text": "Does the hotel have a pool, and what does a night cost?",
            "raw_context": HOTEL,
            "content_type": "application/json",
            "response_text": "The Seaview Hotel in Porto has 118 rooms. A night costs 159 EUR.",
        },
    ),
)


def free_port() -> int:
    """The default port if nobody listens there, else any free one."""
    for wanted in (8000, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SystemExit("no free port on 127.0.0.1")


def wait_ready(server: subprocess.Popen[bytes], base_url: str) -> float:
    """Seconds until ``/readyz`` answers 200."""
    started_s = time.monotonic()
    while time.monotonic() - started_s < START_LIMIT_S:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with exit code {server.returncode}; its messages are above")
        try:
            if httpx.get(f"{base_url}/readyz", timeout=10.0).status_code == 200:
                return time.monotonic() - started_s
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"the server was not ready within {START_LIMIT_S:.0f} s")


def show(console: Console, title: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
    """Score, band, claims with citations, and the answer coloured by support."""
    console.rule(title, align="left")
    band = answer["band"]
    console.print(f"score {answer['score']:.2f}   band ", Text(band.upper(), BAND_STYLE[band]), f"  {answer['reason']}")
    heat = Text("answer  ")
    for span in answer["heatmap"]["spans"]:
        heat.append(request["response_text"][span["start"] : span["end"]], HEAT_STYLE[span["state"]])
    console.print(heat)
    for claim in answer["claims"]:
        score = "" if claim.get("score") is None else f" {claim['score']:.2f}"
        console.print(f"  {VERDICT_MARK[claim['verdict']]} {claim['verdict']}{score}: {claim['text']}", markup=False)
        for reason in claim.get("reasons", []):
            console.print(f"      because {reason}", style="dim", markup=False)
        for citation in claim["citations"][:1]:
            console.print(f"      cites [{citation['unit_index']}] “{citation['text']}”", style="cyan", markup=False)
    console.print(f"  {answer['latency_ms']:.0f} ms in the lane", style="dim")


def main() -> None:
    """Start, score, show, wait. What it keeps is in a folder of its own, which goes when it ends."""
    with TemporaryDirectory(prefix="groundlane-demo-") as folder:
        play(Console(), folder)


def play(console: Console, folder: str) -> None:
    """A server that keeps its state in ``folder``, the examples, and the recorded conversations."""
    port = free_port()
    base_url = f"http://{HOST}:{port}"
    console.print("starting the server on the CPU …")
    environment = {
        **os.environ,
        "GROUNDLANE__DATA_DIR": folder,
        "GROUNDLANE__SERVER__PORT": str(port),
        "GROUNDLANE__OBSERVABILITY__LOG_LEVEL": "warning",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "serving.cli.main", "serve"], env=environment, start_new_session=True
    )
    try:
        seconds = wait_ready(server, base_url)
        console.print(f"ready after {seconds:.1f} s")
        with httpx.Client(base_url=base_url, timeout=60.0) as client:
            for title, request in EXAMPLES:
                response = client.post("/api/v1/trace/rag", json=request)
                response.raise_for_status()
                show(console, title, request, response.json())
            played = [client.post("/api/v1/traces", json=body).raise_for_status() for body in recorded(time.time())]
        console.rule()
        console.print(f"{len(played)} recorded conversations to review: {base_url}/review")
        console.print(
            f"API documentation: {base_url}/docs   readiness: {base_url}/readyz   metrics: {base_url}/metrics"
        )
        if os.environ.get("DEMO_ONCE") != "1":
            console.print("The server stays up; press Ctrl-C to stop it.")
            server.wait()
    except KeyboardInterrupt:
        console.print("stopping …")
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        server.wait(timeout=90)


if __name__ == "__main__":
    main()
