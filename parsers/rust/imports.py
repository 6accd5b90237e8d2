"""Rust: use trees and extern crates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parsers.syntax.extraction import Extraction
from parsers.syntax.types import SymbolKind

if TYPE_CHECKING:
    from tree_sitter import Node


def include_use(found: Extraction, node: Node, prefix: str, *, public: bool) -> None:
    """One name of a use tree below ``prefix``."""
    alias = None
    path: Node | None = node
    if node.type == "use_as_clause":
        alias_node = node.child_by_field_name("alias")
        alias = found.source(alias_node) if alias_node is not None else None
        path = node.child_by_field_name("path")
    if path is None:
        return
    full = join_path(prefix, "".join(found.source(path).split())).removeprefix("::")
    full = full.removesuffix("::self") if full.endswith("::self") else full
    module, separator, name = full.rpartition("::")
    last = path.child_by_field_name("name") or path
    if separator:
        found.include(last, as_of_file(found, module), name, alias, reexport=public)
    else:
        found.include(last, name, None, alias, reexport=public)


def join_path(prefix: str, path: str) -> str:
    """Two paths with ``::`` between them."""
    return f"{prefix}::{path}" if prefix and path else prefix or path


def as_of_file(found: Extraction, module: str) -> str:
    """A path written inside ``mod a {…}``, as the file around it would write it."""
    around = [scope.path for scope in found.scopes if scope.kind is SymbolKind.MODULE]
    if not around:
        return module
    inner = around[-1].split(".")
    pieces = module.split("::")
    below = {item.name for item in found.definitions if item.kind is SymbolKind.MODULE and item.owner == around[-1]}
    if pieces[0] not in {"self", "super"} and pieces[0] not in below:
        return module
    while pieces and pieces[0] in {"self", "super"}:
        if pieces[0] == "super":
            if not inner:
                return "::".join(["self", *pieces])
            inner = inner[:-1]
        pieces = pieces[1:]
    return "::".join(["self", *inner, *pieces])
