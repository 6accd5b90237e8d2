"""A plain agent loop whose every answer is scored, and which acts on what the score says.

    groundlane serve                     # in another terminal
    python examples/agent_loop.py

The agent is a table of ready answers, so that the example runs without a language model: put your own call in
``answer``. Its third answer names a port that no tool ever returned.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from groundlane import Groundlane, Session, Turn


@dataclass(frozen=True)
class Step:
    """A question, what a tool returned for it, and what the model made of it."""

    question: str
    tool_output: str
    answer: str


STEPS = (
    Step(
        "Which port does the gateway use?",
        "gateway.yaml: listen_port: 8443, tls: required, owner: platform team",
        "The gateway listens on port 8443 and requires TLS.",
    ),
    Step(
        "Who owns the billing service?",
        "services.csv: billing is owned by the payments team; last deploy 2026-03-02",
        "Billing is owned by the payments team.",
    ),
    Step(
        "Can the firewall rule be written now?",
        "firewall template: allow <port> from <subnet>; ask the owner before a change",
        "Yes: allow port 9000 from any subnet, no approval is needed.",
    ),
)


def answer(step: Step, hints: str) -> str:
    """Your model's call goes here; ``hints`` is the session's memory, to be put into its prompt."""
    return step.answer


def run(session: Session, steps: tuple[Step, ...]) -> Iterator[Turn]:
    """One turn for each step: remember, answer, score with repair."""
    for step in steps:
        session.event("user_message", step.question)
        session.event("tool_result", step.tool_output)
        hints = session.context(max_tokens=500).hot_context.text
        yield session.rag(
            response_text=answer(step, hints),
            query_text=step.question,
            raw_context=step.tool_output,
            force_original_on_trigger=True,
        )


def describe(turn: Turn) -> str:
    """What one turn says, and what to do about it."""
    score = turn.trace_response
    lines = [f"turn {turn.turn}: {score.band}, score {'-' if score.score is None else f'{score.score:.2f}'}"]
    lines += [f"  {claim.verdict}: {claim.text}" for claim in score.claims if claim.verdict != "supported"]
    if turn.repair_packet is not None:
        found = ", ".join(turn.repair_packet.found) or "nothing"
        lines.append(f"  looked up in the session's originals: found {found}")
    return "\n".join(lines)


def main() -> None:
    """Run the loop against a server."""
    parser = argparse.ArgumentParser(description="A plain agent loop with scored turns.")
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="Where the server listens.")
    arguments = parser.parse_args()
    with Groundlane(base_url=arguments.url) as client:
        session = client.sessions.create(kind="rag", retention="close")
        for turn in run(session, STEPS):
            print(describe(turn))
        board = session.rollup()
        print(f"{board.turns_processed} turns: {', '.join(str(band) for band in board.risk_band_trail)}")
        session.close()


if __name__ == "__main__":
    main()
