"""Rust: handlers of the captures of ``queries/rust.facts.scm``."""

from __future__ import annotations

from parsers.syntax.extraction import Handler

__all__ = ["FACTS"]

FACTS: dict[str, Handler] = {
    "fact_comment": lambda found, node: found.facts.comment(node),
    "fact_quoted": lambda found, node: found.facts.quoted(node),
    "fact_macro": lambda found, node: found.facts.macros.add(found.source(node)),
}
