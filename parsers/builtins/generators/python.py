"""Python: read typeshed's standard library stubs with :mod:`ast`. Branches on version and platform are united."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

Entry = list[Any]


def read_typeshed(stdlib: Path) -> dict[str, dict[str, Any]]:
    """Every module of a typeshed ``stdlib`` folder by dotted name."""
    modules: dict[str, dict[str, Any]] = {}
    for path in sorted(stdlib.rglob("*.pyi")):
        parts = path.relative_to(stdlib).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        modules[name] = _Module(name, is_package).read(ast.parse(path.read_text(encoding="utf-8")))
    _close_forwarded(modules["json"], ("dump", "dumps", "load", "loads"), "cls")
    return modules


def _close_forwarded(module: dict[str, Any], names: tuple[str, ...], gate: str) -> None:
    """Split ``**kwds`` that only reaches the class given as ``gate``: without it any other keyword is an error."""
    for name in names:
        entry = module["d"][name]
        closed = [[text.replace(",**kwds", ""), returns] for text, returns in entry[1]]
        opened = [[text.replace(f"{gate}=", gate), returns] for text, returns in entry[1]]
        entry[1] = closed + opened


def parameters_text(arguments: ast.arguments) -> str:
    """A parameter list without annotations: ``a,/,b=,*,c=,**rest``."""
    plain = arguments.posonlyargs + arguments.args
    first_default = len(plain) - len(arguments.defaults)
    parts: list[str] = []
    for position, argument in enumerate(plain):
        parts.append(argument.arg + ("=" if position >= first_default else ""))
        if position + 1 == len(arguments.posonlyargs):
            parts.append("/")
    if arguments.vararg:
        parts.append("*" + arguments.vararg.arg)
    elif arguments.kwonlyargs:
        parts.append("*")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parts.append(argument.arg + ("=" if default is not None else ""))
    if arguments.kwarg:
        parts.append("**" + arguments.kwarg.arg)
    return ",".join(parts)


def _listed(body: list[ast.stmt]) -> set[str]:
    """The strings of every ``__all__ = [...]`` and ``__all__ += [...]``."""
    found: set[str] = set()
    for node in ast.walk(ast.Module(body, [])):
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        if isinstance(node, ast.Assign | ast.AugAssign) and any(
            isinstance(item, ast.Name) and item.id == "__all__" for item in targets
        ):
            found.update(
                item.value
                for item in ast.walk(node.value)
                if isinstance(item, ast.Constant) and isinstance(item.value, str)
            )
    return found


class _Module:
    """One stub file being read."""

    def __init__(self, name: str, is_package: bool) -> None:
        self.name = name
        self.is_package = is_package
        self.stars: list[str] = []

    def read(self, tree: ast.Module) -> dict[str, Any]:
        names: dict[str, Entry] = {}
        self._body(tree.body, names)
        for name in _listed(tree.body):  # what __all__ lists is exported however it came here
            if name in names and names[name][0] == "a":
                names[name] = names[name][:3]
        record: dict[str, Any] = {"d": names}
        if self.stars:
            record["s"] = self.stars
        return record

    def _body(self, body: list[ast.stmt], names: dict[str, Entry]) -> None:
        for node in body:
            if isinstance(node, ast.If):
                self._body(node.body, names)
                self._body(node.orelse, names)
            elif isinstance(node, ast.Try):
                self._body(node.body, names)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._function(node, names)
            elif isinstance(node, ast.ClassDef):
                self._class(node, names)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.setdefault(node.target.id, ["v", ast.unparse(node.annotation)])
            elif isinstance(node, ast.Assign):
                self._assignment(node, names)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node, names)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, names: dict[str, Entry]) -> None:
        decorators = {ast.unparse(item).rsplit(".", 1)[-1] for item in node.decorator_list}
        returns = ast.unparse(node.returns) if node.returns else ""
        if decorators & {"property", "cached_property", "setter", "deleter"}:
            names.setdefault(node.name, ["v", returns])
            return
        if isinstance(node, ast.AsyncFunctionDef):
            returns = f"Awaitable[{returns}]"
        binding = "s" if "staticmethod" in decorators else "c" if "classmethod" in decorators else ""
        signature = [parameters_text(node.args), returns]
        known = names.get(node.name)
        if known is None or known[0] != "f":
            names[node.name] = ["f", [signature], binding]
        elif signature not in known[1]:
            known[1].append(signature)

    def _class(self, node: ast.ClassDef, names: dict[str, Entry]) -> None:
        members: dict[str, Entry] = {}
        self._body(node.body, members)
        bases = [ast.unparse(base) for base in node.bases]
        known = names.get(node.name)
        if known is not None and known[0] == "c":
            known[1]["m"] = {**known[1]["m"], **members}
            known[1]["b"] += [base for base in bases if base not in known[1]["b"]]
            return
        record: dict[str, Any] = {"b": bases, "m": members}
        metaclass = [ast.unparse(item.value) for item in node.keywords if item.arg == "metaclass"]
        if metaclass:
            record["meta"] = metaclass[0]
        names[node.name] = ["c", record]

    def _assignment(self, node: ast.Assign, names: dict[str, Entry]) -> None:
        value = node.value
        for target in node.targets:
            if not isinstance(target, ast.Name):
                continue
            if isinstance(value, ast.Name | ast.Attribute):
                names.setdefault(target.id, ["=", ast.unparse(value)])
            else:
                names.setdefault(target.id, ["v", ""])

    def _import(self, node: ast.Import | ast.ImportFrom, names: dict[str, Entry]) -> None:
        if isinstance(node, ast.Import):
            for item in node.names:
                bound = item.asname or item.name.split(".")[0]
                names.setdefault(bound, ["a", item.name if item.asname else bound, "", 1])
            return
        module = self._absolute(node)
        for item in node.names:
            if item.name == "*":
                self.stars.append(module)
            else:
                hidden = [] if item.asname == item.name else [1]  # a stub exports what it imports as itself only
                names.setdefault(item.asname or item.name, ["a", module, item.name, *hidden])

    def _absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = self.name.split(".")
        kept = parts[: len(parts) - node.level + (1 if self.is_package else 0)]
        return ".".join([*kept, *([node.module] if node.module else [])])
