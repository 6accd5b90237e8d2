"""What vectors add to a repair: ``python -m benchmarks.memory_vectors SESSIONS.jsonl[.gz] [--json OUT]``.

The sessions and needed terms of ``benchmarks.memory``. One repair call a turn, over the same originals as the server
reads, with the bundled encoder, asked in two ways: ``by_name`` for the terms themselves; ``by_description`` for the
lines of the turn in which they stand with the terms cut out, which is how one asks for what one cannot name. Recall is
the share of the needed terms that the packet holds, by words alone and with vectors; 95% bootstrap over groups.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from benchmarks.memory import TURNS, Setting, Tally, interval, is_tuning, read_sessions
from benchmarks.provenance import provenance, save_figures
from models.encoder import TransformerEncoder
from models.registry import encoder_spec, load_encoder, load_tokenizer
from scoring.memory.repair import MAX_MISSING_TERMS, Document, RepairPacket, build_repair
from scoring.memory.repair_vectors import add_nearest, find_nearest, windows_of
from scoring.memory.terms import term_texts, vocabulary

WAYS = ("by_name", "by_description")
_LINE_CHARS = 300
_EXCERPTS = 8


class Embedder:
    """The encoder with one mean vector a text, each text embedded once."""

    def __init__(self, encoder: TransformerEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, torch.Tensor] = {}

    def embed(self, texts: Sequence[str]) -> Any:
        """(texts, dim), L2-normalised."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            for text, one in zip(new, self._encoder.encode(new), strict=True):
                self._known[text] = torch.nn.functional.normalize(one.vectors.float().mean(dim=0), dim=0)
        return torch.stack([self._known[text] for text in texts]).numpy()


def described(content: str, terms: Sequence[str]) -> list[str]:
    """The lines that hold the terms, without them: at most 300 characters each."""
    lines = []
    for line in content.splitlines():
        if any(term in line for term in terms):
            for term in sorted(terms, key=len, reverse=True):
                line = line.replace(term, " ")
            lines.append(" ".join(line.split())[:_LINE_CHARS])
    return [line for line in dict.fromkeys(lines) if any(map(str.isalpha, line))]


def with_vectors(packet: RepairPacket, documents: list[Document], setting: Setting, embedder: Embedder) -> RepairPacket:
    """The packet as the server would have filled it up."""
    if not packet.not_found:
        return packet
    windows = windows_of(documents)
    texts = [documents[window.document].text[window.start : window.end] for window in windows]
    values = embedder.embed(packet.not_found) @ embedder.embed(texts).T
    nearest = find_nearest(packet.not_found, windows, values)
    return add_nearest(packet, documents, nearest, setting.count_tokens, (_EXCERPTS, setting.repair_tokens))


def replay(session: Mapping[str, Any], setting: Setting, tallies: Mapping[str, Tally], embedder: Embedder) -> None:
    """One session; as ``benchmarks.memory`` replays it."""
    last_seen: dict[str, int] = {}
    documents: list[Document] = []
    group = str(session.get("group", session["id"]))
    for now, event in enumerate(session["events"]):
        terms = term_texts(event["content"])
        old = [term for term in sorted(terms) if now - last_seen.get(term, now) > setting.min_age_events]
        if event["event_type"] in TURNS and old:
            asked = {"by_name": old, "by_description": described(event["content"], old)}
            for way in WAYS:
                _ask(group, asked[way], old, documents, setting, tallies[way], embedder)
        last_seen |= dict.fromkeys(terms, now)
        documents.append(Document(f"event-{now}", event["content"]))


def _ask(
    group: str,
    queries: Sequence[str],
    needed: Sequence[str],
    documents: list[Document],
    setting: Setting,
    tally: Tally,
    embedder: Embedder,
) -> None:
    tally.needed[group] += len(needed)
    if not queries:
        return
    limits = {"count_tokens": setting.count_tokens, "max_excerpts": _EXCERPTS, "max_tokens": setting.repair_tokens}
    words = build_repair(queries[:MAX_MISSING_TERMS], documents, **limits)
    both = with_vectors(words, documents, setting, embedder)
    tally.packet_tokens.append(both.tokens)
    for name, packet in (("words", words), ("with_vectors", both)):
        held = vocabulary(packet.text)
        tally.held[name][group] += sum(term in held for term in needed)


def main() -> None:
    """Run, print, write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sessions", type=Path)
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here")
    parser.add_argument("--repair-tokens", type=int, default=1_000, help="tokens of a repair packet")
    arguments = parser.parse_args()
    spec = encoder_spec("all-MiniLM-L6-v2")
    count = lru_cache(maxsize=200_000)(load_tokenizer(spec).count)
    setting = Setting(0, arguments.repair_tokens, 10, count)
    embedder = Embedder(load_encoder(spec))
    tallies = {way: Tally() for way in WAYS}
    sessions = [s for s in read_sessions(arguments.sessions) if not is_tuning(str(s.get("group", s["id"])))]
    for session in sessions:
        replay(session, setting, tallies, embedder)
    figures: dict[str, Any] = {
        "sessions": len(sessions),
        "needed_terms": sum(tallies["by_name"].needed.values()),
        "packets": len(tallies["by_description"].packet_tokens),
        "over_budget": sum(t > setting.repair_tokens for tally in tallies.values() for t in tally.packet_tokens),
        "recall": {
            way: {name: interval(tally, name) for name in ("words", "with_vectors")} for way, tally in tallies.items()
        },
        "provenance": provenance(),
    }
    print(json.dumps({key: value for key, value in figures.items() if key != "provenance"}, indent=2))
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
