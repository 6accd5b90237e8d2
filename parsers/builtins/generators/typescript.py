"""JavaScript and TypeScript: read declaration files (``lib.*.d.ts``, ``@types/node``) with tree-sitter.

Each module holds values under ``d`` and types under ``t``; the globals are the module ``""``. A class appears in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

Entry = list[Any]
_LIBRARY_REFERENCE = re.compile(r'/// <reference lib="([\w.]+)" />')
_METHODS = {"method_signature", "abstract_method_signature", "method_definition"}
_FIELDS = {"property_signature", "public_field_definition"}


def read_library(folder: Path, start: str = "esnext.full") -> dict[str, dict[str, Any]]:
    """The global names of TypeScript's ``lib`` folder, following ``/// <reference lib>`` from ``start``."""
    reader = Reader()
    pending, seen = [start], {start}
    while pending:
        text = (folder / f"lib.{pending.pop()}.d.ts").read_text(encoding="utf-8")
        for name in _LIBRARY_REFERENCE.findall(text):
            if name not in seen:
                seen.add(name)
                pending.append(name)
        reader.read(text)
    return reader.modules


def read_package(folder: Path, reader: Reader) -> None:
    """Every declaration file of a package that declares ambient modules (``declare module "fs"``)."""
    for path in sorted(folder.rglob("*.d.ts")):
        if "ts5" not in path.as_posix():
            reader.read(path.read_text(encoding="utf-8"))


class Reader:
    """Collects declarations file by file; interfaces of one name merge, as in the language."""

    def __init__(self) -> None:
        self.parser = Parser(Language(tree_sitter_typescript.language_typescript()))
        self.modules: dict[str, dict[str, Any]] = {"": _empty()}

    def read(self, text: str) -> None:
        """Add one declaration file."""
        root = self.parser.parse(text.encode()).root_node
        is_module = any(child.type in {"import_statement", "export_statement"} for child in root.named_children)
        self._statements(root, _empty() if is_module else self.modules[""])

    def _statements(self, block: Node, scope: dict[str, Any]) -> None:
        for node in block.named_children:
            self._statement(node, scope)

    def _statement(self, node: Node, scope: dict[str, Any]) -> None:
        handler = getattr(self, f"_on_{node.type}", None)
        if handler is not None:
            handler(node, scope)

    def _on_ambient_declaration(self, node: Node, scope: dict[str, Any]) -> None:
        for child in node.named_children:
            if child.type == "statement_block":  # declare global { … }
                self._statements(child, self.modules[""])
            else:
                self._statement(child, scope)

    def _on_expression_statement(self, node: Node, scope: dict[str, Any]) -> None:
        following = node.next_named_sibling
        if _text(node) == "global" and following is not None and following.type == "statement_block":
            self._statements(following, self.modules[""])  # ``global { … }`` inside a module is read as two statements
            return
        self._statements(node, scope)  # a namespace parses as an expression statement

    def _on_module(self, node: Node, scope: dict[str, Any]) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            return
        if name.type == "string":
            self._statements(body, self.modules.setdefault(_text(name).strip("'\""), _empty()))
        else:
            self._namespace(_text(name), body, scope)

    def _on_internal_module(self, node: Node, scope: dict[str, Any]) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            self._namespace(_text(name), body, scope)

    def _namespace(self, name: str, body: Node, scope: dict[str, Any]) -> None:
        for part in name.split("."):
            scope = scope.setdefault("n", {}).setdefault(part, _empty())
        self._statements(body, scope)

    def _on_export_statement(self, node: Node, scope: dict[str, Any]) -> None:
        declaration, source = node.child_by_field_name("declaration"), node.child_by_field_name("source")
        module = _text(source).strip("'\"") if source is not None else ""
        if declaration is not None:
            self._statement(declaration, scope)
        clause = next((child for child in node.named_children if child.type == "export_clause"), None)
        if clause is not None:
            for item in clause.named_children:
                name, alias = item.child_by_field_name("name"), item.child_by_field_name("alias")
                if name is not None and (module or alias is not None):
                    self._alias(scope, _text(alias or name), module, _text(name))
        elif module:
            scope.setdefault("s", []).append(module)
        elif declaration is None:
            value = next((child for child in node.named_children), None)
            if value is not None:
                scope["default" if any(c.type == "default" for c in node.children) else "="] = _text(value)

    def _alias(self, scope: dict[str, Any], bound: str, module: str, name: str) -> None:
        scope["d"].setdefault(bound, ["a", module, name])
        scope["t"].setdefault(bound, ["a", module, name])

    def _on_import_statement(self, node: Node, scope: dict[str, Any]) -> None:
        source = node.child_by_field_name("source")
        for clause in node.named_children:
            if clause.type == "import_require_clause":
                inner = clause.child_by_field_name("source")
                if inner is not None and clause.named_children:
                    self._alias(scope, _text(clause.named_children[0]), _text(inner).strip("'\""), "")
            elif clause.type == "import_clause" and source is not None:
                self._import_clause(clause, _text(source).strip("'\""), scope)

    def _import_clause(self, clause: Node, module: str, scope: dict[str, Any]) -> None:
        for item in clause.named_children:
            if item.type == "identifier":
                self._alias(scope, _text(item), module, "default")
            elif item.type == "namespace_import":
                self._alias(scope, _text(item.named_children[0]), module, "")
            elif item.type == "named_imports":
                for specifier in item.named_children:
                    name, alias = specifier.child_by_field_name("name"), specifier.child_by_field_name("alias")
                    if name is not None:
                        self._alias(scope, _text(alias or name), module, _text(name))

    def _on_function_signature(self, node: Node, scope: dict[str, Any]) -> None:
        name = node.child_by_field_name("name")
        if name is not None:
            _add_function(scope["d"], _text(name), _signature(node))

    _on_function_declaration = _on_function_signature

    def _on_variable_declaration(self, node: Node, scope: dict[str, Any]) -> None:
        for item in node.named_children:
            name, kind = item.child_by_field_name("name"), item.child_by_field_name("type")
            if name is None or item.type != "variable_declarator":
                continue
            shape = kind.named_children[0] if kind is not None and kind.named_children else None
            if shape is not None and shape.type == "object_type":
                self._type(f"typeof {_text(name)}", [], shape, scope)
                scope["d"].setdefault(_text(name), ["v", f"typeof {_text(name)}"])
            else:
                scope["d"].setdefault(_text(name), ["v", _annotation(kind)])

    _on_lexical_declaration = _on_variable_declaration

    def _on_interface_declaration(self, node: Node, scope: dict[str, Any]) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            record = self._type(_text(name), list(_bases(node)), body, scope)
            record.setdefault("p", _type_parameters(node))

    def _on_class_declaration(self, node: Node, scope: dict[str, Any]) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            return
        record = self._type(_text(name), list(_bases(node)), body, scope)
        record.setdefault("p", _type_parameters(node))
        scope["d"][_text(name)] = ["k", _text(name)]

    _on_abstract_class_declaration = _on_class_declaration

    def _type(self, name: str, bases: list[str], body: Node, scope: dict[str, Any]) -> dict[str, Any]:
        entry = scope["t"].get(name)
        if entry is None or entry[0] != "c":
            entry = scope["t"][name] = ["c", {"b": [], "m": {}}]
        record: dict[str, Any] = entry[1]
        record["b"] += [base for base in bases if base not in record["b"]]
        for member in body.named_children:
            self._member(member, record)
        return record

    def _member(self, node: Node, record: dict[str, Any]) -> None:
        if node.type == "index_signature":
            record["x"] = 1
            return
        if node.type in {"call_signature", "construct_signature"}:
            _add_function(record["m"], "()" if node.type == "call_signature" else "new", _signature(node))
            return
        name = node.child_by_field_name("name")
        if name is None or name.type == "computed_property_name":
            return
        static = any(child.type == "static" for child in node.children)
        members = record.setdefault("st", {}) if static else record["m"]
        accessor = any(child.type in {"get", "set"} for child in node.children)
        if node.type in _METHODS and not accessor:
            key = "new" if _text(name) == "constructor" else _text(name)
            _add_function(members, key, _signature(node))
        elif node.type in _FIELDS or accessor:
            kind = node.child_by_field_name("return_type" if accessor else "type")
            members.setdefault(_text(name), ["v", _annotation(kind)])

    def _on_type_alias_declaration(self, node: Node, scope: dict[str, Any]) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return
        if value.type == "object_type":
            self._type(_text(name), [], value, scope)
        else:
            short = _squeeze(_text(value))
            scope["t"].setdefault(_text(name), ["=", short if len(short) < 120 else ""])

    def _on_enum_declaration(self, node: Node, scope: dict[str, Any]) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None or body is None:
            return
        members = {}
        for item in body.named_children:
            key = item.child_by_field_name("name") if item.type == "enum_assignment" else item
            if key is not None and key.type == "property_identifier":
                members[_text(key)] = ["v", _text(name)]
        scope["t"].setdefault(_text(name), ["c", {"b": [], "m": {}}])
        scope["d"].setdefault(_text(name), ["e", members])


def _empty() -> dict[str, Any]:
    return {"d": {}, "t": {}}


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _squeeze(text: str) -> str:
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", text).strip()


def _annotation(node: Node | None) -> str:
    if node is None:
        return ""
    short = _squeeze(_text(node)).removeprefix(":").strip()
    return short if len(short) < 120 else ""


def _bases(node: Node) -> Iterator[str]:
    for child in node.named_children:
        if child.type == "extends_type_clause":
            yield from (_squeeze(_text(base)) for base in child.named_children)
        elif child.type == "class_heritage":
            for clause in child.named_children:
                if clause.type == "extends_clause":
                    yield _squeeze(_text(clause)).removeprefix("extends ").strip()


def _type_parameters(node: Node) -> list[str]:
    found = node.child_by_field_name("type_parameters")
    if found is None:
        return []
    names = (item.child_by_field_name("name") for item in found.named_children)
    return [_text(name) for name in names if name is not None]


def _signature(node: Node) -> list[str]:
    parameters = node.child_by_field_name("parameters")
    parts: list[str] = []
    for item in parameters.named_children if parameters is not None else ():
        pattern = item.child_by_field_name("pattern")
        if pattern is None or pattern.type == "this":
            continue
        if pattern.type == "rest_pattern":
            parts.append("*" + _text(pattern).lstrip("."))
        else:
            name = _text(pattern) if pattern.type == "identifier" else "options"
            parts.append(name + ("=" if item.type == "optional_parameter" else ""))
    returns = node.child_by_field_name("return_type") or node.child_by_field_name("type")
    return [",".join(parts), _annotation(returns)]


def _add_function(names: dict[str, Entry], name: str, signature: list[str]) -> None:
    known = names.get(name)
    if known is None or known[0] != "f":
        names[name] = ["f", [signature], ""]
    elif signature not in known[1]:
        known[1].append(signature)
