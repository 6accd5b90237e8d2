"""Go: read the standard library's sources with tree-sitter. Files of all platforms are united; tests are left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import tree_sitter_go
from tree_sitter import Language, Node, Parser

Entry = list[Any]
_SKIPPED_FOLDERS = {"internal", "vendor", "testdata", "cmd"}


def read_standard_library(source: Path) -> dict[str, dict[str, Any]]:
    """Every importable package of ``GOROOT/src`` by import path; ``builtin`` holds the predeclared names."""
    parser = Parser(Language(tree_sitter_go.language()))
    packages: dict[str, dict[str, Any]] = {}
    for path in sorted(source.rglob("*.go")):
        folder = path.relative_to(source).parent
        if path.name.endswith("_test.go") or _SKIPPED_FOLDERS & set(folder.parts):
            continue
        package = packages.setdefault(folder.as_posix(), {"d": {}, "i": {}})
        _File(package).read(parser.parse(path.read_bytes()).root_node)
    for package in packages.values():
        _drop_unreachable(package)
    return packages


class _File:
    """Adds one source file to its package."""

    def __init__(self, package: dict[str, Any]) -> None:
        self.names: dict[str, Entry] = package["d"]
        self.imports: dict[str, str] = package["i"]

    def read(self, root: Node) -> None:
        for node in root.named_children:
            if node.type == "function_declaration":
                name = _field(node, "name")
                self.names[name] = ["f", [signature(node)], ""]
            elif node.type == "method_declaration":
                self._method(node)
            elif node.type == "type_declaration":
                for spec in node.named_children:
                    self._type(spec)
            elif node.type in {"const_declaration", "var_declaration"}:
                self._values(node)
            elif node.type == "import_declaration":
                self._imports(node)

    def _record(self, name: str) -> dict[str, Any]:
        entry = self.names.get(name)
        if entry is None or entry[0] != "c":
            entry = self.names[name] = ["c", {"b": [], "m": {}}]
        record: dict[str, Any] = entry[1]
        return record

    def _method(self, node: Node) -> None:
        receiver = re.search(r"\*?\s*(\w+)(\[[^]]*\])?\s*\)$", _field(node, "receiver"))
        name = _field(node, "name")
        if receiver and _exported(name):
            self._record(receiver.group(1))["m"][name] = ["f", [signature(node)], ""]

    def _type(self, spec: Node) -> None:
        name, kind = _field(spec, "name"), spec.child_by_field_name("type")
        if kind is None:
            return
        if spec.type == "type_alias":
            self.names.setdefault(name, ["=", _squeeze(_text(kind))])
            return
        record = self._record(name)
        parameters = spec.child_by_field_name("type_parameters")
        if parameters is not None:
            record["p"] = [_field(item, "name") for item in parameters.named_children]
        if kind.type == "struct_type":
            _struct(kind, record)
        elif kind.type == "interface_type":
            record["k"] = "i"
            _interface(kind, record)
        else:
            record["u"] = _squeeze(_text(kind))

    def _values(self, node: Node) -> None:
        specs = [item for child in node.named_children for item in _flatten(child)]
        repeated = ""
        for spec in specs:
            kind = spec.child_by_field_name("type")
            annotation = _squeeze(_text(kind)) if kind is not None else ""
            if annotation or spec.child_by_field_name("value") is not None:
                repeated = annotation
            for name in spec.children_by_field_name("name"):
                if name.is_named and _exported(_text(name)):
                    self.names.setdefault(_text(name), ["v", annotation or repeated])

    def _imports(self, node: Node) -> None:
        for path in re.findall(r'"([^"]+)"', _text(node)):
            self.imports[path.rsplit("/", 1)[-1]] = path


def signature(node: Node) -> list[str]:
    """``[parameters, results]`` of a function; unnamed parameters are numbered, results joined by ``, ``."""
    names: list[str] = []
    parameters = node.child_by_field_name("parameters")
    for item in parameters.named_children if parameters is not None else ():
        star = "*" if item.type == "variadic_parameter_declaration" else ""
        found = [_text(name) for name in item.children_by_field_name("name") if name.is_named]
        names += [star + name for name in found or [f"p{len(names)}"]]
    return [",".join(names), ", ".join(results(node.child_by_field_name("result")))]


def results(node: Node | None) -> list[str]:
    """The result types in order."""
    if node is None:
        return []
    if node.type != "parameter_list":
        return [_squeeze(_text(node))]
    found: list[str] = []
    for item in node.named_children:
        kind = _squeeze(_field(item, "type"))
        count = sum(1 for name in item.children_by_field_name("name") if name.is_named)
        found += [kind] * max(count, 1)
    return found


def _struct(kind: Node, record: dict[str, Any]) -> None:
    for field in (item for block in kind.named_children for item in block.named_children):
        if field.type != "field_declaration":
            continue
        annotation = _squeeze(_field(field, "type"))
        names = [_text(name) for name in field.children_by_field_name("name") if name.is_named]
        if not names:
            record["b"].append(annotation)
        for name in filter(_exported, names):
            record["m"].setdefault(name, ["v", annotation])


def _interface(kind: Node, record: dict[str, Any]) -> None:
    for item in kind.named_children:
        if item.type == "method_elem":
            record["m"][_field(item, "name")] = ["f", [signature(item)], ""]
        elif item.type == "type_elem":
            record["b"].append(_squeeze(_text(item)))


def _drop_unreachable(package: dict[str, Any]) -> None:
    """Keep exported names and the unexported types that they mention, and only the imports that still matter."""
    names = package["d"]
    kept = {name for name in names if _exported(name)} if not names.keys() & {"append", "panic"} else set(names)
    pending = list(kept)
    while pending:
        for word in set(re.findall(r"\b[a-z_]\w*", str(names[pending.pop()]))):
            if word in names and word not in kept and names[word][0] in {"c", "="}:
                kept.add(word)
                pending.append(word)
    package["d"] = {name: entry for name, entry in names.items() if name in kept}
    mentioned = set(re.findall(r"\b\w+(?=\.)", str(package["d"])))
    package["i"] = {name: path for name, path in package["i"].items() if name in mentioned}


def _flatten(node: Node) -> list[Node]:
    return list(node.named_children) if node.type == "var_spec_list" else [node]


def _exported(name: str) -> bool:
    return name[:1].isupper()


def _text(node: Node) -> str:
    return (node.text or b"").decode()


def _field(node: Node, name: str) -> str:
    found = node.child_by_field_name(name)
    return _text(found) if found is not None else ""


def _squeeze(text: str) -> str:
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    short = re.sub(r"\s+", " ", text).strip()
    return short if len(short) < 200 else ""
