"""Definitions, imports and references of one source text.

What the fields of a :class:`~parsers.syntax.types.ParseResult` mean
-------------------------------------------------------------
Offsets are characters of the text as given: ``text[start:end]`` of any ``span`` is the name.

**Definition.** ``kind`` METHOD is a function directly inside a class-like body (class, interface, trait, impl, struct,
object literal bound to a name); a function inside a function is a FUNCTION, and so is
``const f = () => …``, whose extent is the arrow function. ``owner`` is the dotted path of that class,
'' for everything else, locals too. Go and Rust methods carry their receiver type as owner (type arguments dropped).
FIELD is a member that is no function: class-level assignments, ``self.x = …`` and ``this.x = …`` inside methods, struct
fields, interface properties. Members of an enum are CONSTANT with the enum as owner. CONSTANT otherwise is an
all-capitals Python name, a ``const`` of Go, Rust or of JavaScript's top level. ``extent`` spans the whole definition,
``scope`` is the extent of the innermost function or class that contains it, ``(0, len(text))`` at the top: two lookups
by extent find the function and the class around any offset. ``parameters`` is None for what cannot be called;
``self``, ``cls`` and ``this`` are listed as written, Go receivers are not. ``annotation`` is the declared type, of a
function its return type. ``modifiers`` are words such as ``async static property get set abstract optional``.
``returns`` are the texts of a Python or JavaScript function's returned expressions when it has no return type.

**Values.** ``value`` is the right-hand side as written (at most 4,000 characters, else None). ``binding`` says how the
name comes from it: ``=`` all of it, ``for`` its element, ``with`` what entering it gives, ``except`` an instance of it,
``parameter`` (``value`` is the default), ``case`` a pattern; then the place in a destructured value: ``=.0``,
``for.1.0``, ``=.name`` for a property, ``=.*`` for a rest. Functions, classes and declared fields have ``binding`` ''.
Locals and parameters are VARIABLE definitions; they are listed only with ``limits.references``.

**Import.** ``module`` as written without the relative dots of Python, ``/`` paths of JavaScript and Go, ``::`` of Rust.
``name`` None is the module itself, '*' everything, 'default' a default import. ``export {a as b}`` without a source is
an Import with ``module`` '' and ``reexport``; so is ``export default a`` (alias 'default'). Rust ``pub use`` too.

**Reference.** One per access path: the prefixes of a chain are not listed again, except that every call inside a chain
is a CALL of its own. ``new X(…)`` and Rust or Go literals ``X{…}`` are INSTANTIATION (keywords: the named fields) and
count as a '()' link when they start a longer chain. '?' starts a chain with any other expression (its text is
``receiver``) or marks a step that changes the type (``await``, Rust ``?``, a cast). Names in type positions are TYPE.
A Rust macro call has the link 'name!'. Python ``a.b = 1`` is an ATTRIBUTE with ``store`` set.

**dynamic** holds ``reason`` or ``reason:subject``: why members of the file or of one class may be invisible. Python:
``star_import:m getattr[:C] dir[:C] metaclass:C stored:name setattr:C exec eval globals vars __import__ lazy:name``
(``setattr:13``: at character 13 a function sets attributes of its argument); JavaScript and TypeScript:
``star_import:m spread:name computed:name assign:target module_exports proxy function eval index_signature:T
augmentation:module``; Go: ``star_import:path``; Rust: ``star_import:path macro:name`` (a macro among items that
may define anything) and ``impl_trait:Type:Trait`` for a type of another file (types of this file get the trait as a base).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from parsers.syntax.extraction import Extraction, Grammar
from parsers.syntax.facts import CodeFacts
from parsers.syntax.languages import LANGUAGES, parser_for, query_of
from parsers.syntax.source import (
    DEFAULT_LIMITS,
    Deadline,
    ParseLimits,
    cap_source,
    encode_source,
    inspect_tree,
    parse_tree,
)
from parsers.syntax.types import Definition, ParseResult, Span

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["DEFAULT_LIMITS", "ParseLimits", "parse_source"]

_MAX_RETURNS = 8
_MAX_CHILDREN = 2_000
_CHECK_EVERY = 64
_WORD = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")


def parse_source(
    text: str,
    language: str,
    path: str | None = None,
    limits: ParseLimits = DEFAULT_LIMITS,
    clock: Callable[[], float] = time.thread_time,
) -> ParseResult:
    """Read the symbols of ``text``; broken code gives what could be read and ``errors``.

    ``language`` is a name of :data:`parsers.syntax.languages.LANGUAGES` (``resolve_language`` finds it), otherwise KeyError.
    Past a limit the result holds what was found and ``truncated_reason`` says which limit; ``timed_out`` when it was time,
    of ``clock``.
    """
    spec = LANGUAGES[language]
    deadline = Deadline(limits.deadline_s, clock)
    kept, reason = cap_source(text, limits.max_bytes)
    grammar: Grammar = import_module(spec.extractor).GRAMMAR
    tree = parse_tree(parser_for(language), encode_source(kept, grammar.rewrites), deadline)
    if tree is None:
        reason = f"parsing took more than {limits.deadline_s} s"
        return ParseResult(language, path, (), (), (), truncated_reason=reason, timed_out=True)
    root = tree.root_node
    findings = inspect_tree(root, limits.max_depth)
    found = Extraction(kept, grammar, limits.references, deadline, documented=language == "javascript")
    captures = _capture(root, language, limits, deadline)
    timed_out = captures is None or not found.run(captures)
    if timed_out:
        reason = f"reading symbols took more than {limits.deadline_s} s"
    elif findings.too_deep and reason is None:
        reason = f"code nested deeper than {limits.max_depth} levels is left out"
    return ParseResult(
        language,
        path,
        _with_returns(found.definitions, found.returned),
        tuple(found.imports),
        tuple(found.references),
        findings.errors,
        tuple(found.dynamic),
        reason,
        frozenset(_WORD.findall(kept)) if grammar.keeps_words else frozenset(),
        tuple(found.macros),
        found.package,
        timed_out,
        found.facts.finish(counts_words=grammar.counts_words, module=bool(found.marks.get("module")))
        if limits.references
        else CodeFacts(),
    )


def _capture(root: Node, language: str, limits: ParseLimits, deadline: Deadline) -> dict[str, list[Node]] | None:
    """Captured nodes by name; None when the deadline passed first."""
    from tree_sitter import QueryCursor

    uses = "judged" if limits.facts else "references"
    parts = ("definitions", uses) if limits.references else ("definitions",)
    captures: dict[str, list[Node]] = {}
    for part in parts:
        cursor = QueryCursor(query_of(language, part))
        cursor.set_max_start_depth(limits.max_depth)
        for count, node in enumerate(_narrow(root)):
            for name, captured in cursor.captures(node).items():
                captures.setdefault(name, []).extend(captured)
            if count % _CHECK_EVERY == 0 and deadline.passed:
                return None
    return captures


def _narrow(root: Node) -> list[Node]:
    """``root``, or what is below it: a query takes time quadratic in the children of one node."""
    nodes: list[Node] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.child_count > _MAX_CHILDREN or (node.has_error and node.descendant_count > _MAX_CHILDREN):
            stack.extend(reversed([child for child in node.children if child.is_named]))
        else:
            nodes.append(node)
    return nodes


def _with_returns(definitions: list[Definition], returned: dict[Span, list[str]]) -> tuple[Definition, ...]:
    """Attach returned expressions to functions without a return type."""
    if not returned:
        return tuple(definitions)
    return tuple(
        replace(item, returns=tuple(returned[item.extent][:_MAX_RETURNS]))
        if item.parameters is not None and item.annotation is None and item.extent in returned
        else item
        for item in definitions
    )
