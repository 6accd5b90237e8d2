"""Built-in data as entities, made name by name on first use."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from parsers.builtins import Builtins, load_builtins
from parsers.project.entities import Ancestry, ClassEntity, ModuleEntity, Signature, Symbol
from parsers.syntax.types import Parameter

__all__ = ["FAMILIES", "GLOBAL_MODULES", "Library", "library_of"]

FAMILIES = {
    "python": "python",
    "javascript": "typescript",
    "typescript": "typescript",
    "tsx": "typescript",
    "go": "go",
    "rust": "rust",
}
GLOBAL_MODULES = {"python": "builtins", "typescript": "", "go": "builtin", "rust": "std"}
_SEPARATORS = {"python": ".", "typescript": "/", "go": "/", "rust": "::"}


_COMPUTED = {"__getattr__": "it defines __getattr__", "__getattribute__": "it defines __getattribute__"}
_BY_LAYOUT = dict.fromkeys(
    (
        "_ctypes.Structure",
        "_ctypes.Union",
        "ctypes.BigEndianStructure",
        "ctypes.LittleEndianStructure",
        "_ctypes.CDLL",
        "ctypes.CDLL",
    ),
    "its fields come from a table",
)


_NUMBERED = frozenset(
    (
        "Array ReadonlyArray ArrayLike ConcatArray String Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array"
        " Int32Array Uint32Array Float16Array Float32Array Float64Array BigInt64Array BigUint64Array NodeList NodeListOf FileList"
        " DOMTokenList HTMLCollectionBase HTMLCollectionOf"
    ).split()
)
"""Types of TypeScript that are indexed by numbers only: a member that they do not list they do not have."""


@lru_cache(maxsize=100_000)
def read_parameters(text: str) -> tuple[Parameter, ...]:
    """``a,/,b=,*,c=,**rest`` as parameters."""
    found: list[Parameter] = []
    keyword_only = False
    for part in text.split(",") if text else ():
        if part == "/":
            found = [Parameter(item.name, item.has_default, False, True, item.variadic) for item in found]
        elif part == "*":
            keyword_only = True
        elif part.startswith("*"):
            found.append(Parameter(part.lstrip("*"), variadic="**" if part.startswith("**") else "*"))
            keyword_only = True
        else:
            found.append(Parameter(part.rstrip("="), part.endswith("="), keyword_only))
    return tuple(found)


class Library:
    """The standard library of one language family."""

    def __init__(self, family: str, data: Builtins) -> None:
        self.family = family
        self.data = data
        self._modules: dict[str, ModuleEntity | None] = {}
        self._nested: dict[str, dict[str, Any]] = {}
        self.separator = _SEPARATORS[family]
        self.ancestry: dict[ClassEntity, Ancestry] = {}

    @property
    def globals(self) -> ModuleEntity:
        """The module that holds the names known everywhere."""
        found = self.module(GLOBAL_MODULES[self.family])
        if found is None:
            raise LookupError(f"the built-in data of {self.family} has no global names")
        return found

    def module(self, key: str) -> ModuleEntity | None:
        """A module by its name, None when the library has none such."""
        if key not in self._modules:
            record = self._nested.get(key) or self.data.module(key)
            self._modules[key] = None if record is None else self._entity(key, record)
        return self._modules[key]

    def is_folder(self, key: str) -> bool:
        """Whether some module lies below ``key``."""
        return key in _folders(self.family)

    def member_names(self) -> frozenset[str]:
        """Every name that any module or class of the library has: what is not in it, the library cannot have meant."""
        return _universe(self.family)

    def _entity(self, key: str, record: dict[str, Any]) -> ModuleEntity:
        entity = ModuleEntity(key, self.family, library=True, path="")
        entity.stars = [(name, 0) for name in record.get("s", ())]
        entity.default_export = record.get("=", "") or record.get("default", "")
        entity.whole_export = bool(entity.default_export)
        entity.types = {} if "t" in record else None
        for name, nested in record.get("n", {}).items():
            self._nested[f"{key}#{name}"] = nested
        entity.loader = lambda name, as_type: self._load(entity, record, name, as_type)
        entity.known = lambda: iter([*record["d"], *record.get("t", ()), *record.get("n", ())])
        return entity

    def _load(self, module: ModuleEntity, record: dict[str, Any], name: str, as_type: bool) -> list[Symbol]:
        found: list[Symbol] = []
        tables = (record.get("t", {}), record["d"]) if as_type else (record["d"], record.get("t", {}))
        for table in tables:
            if name in table and not found:
                found.append(self._symbol(module, record, name, table[name]))
        if name in record.get("n", {}):
            found.append(Symbol(name, "alias", module, target=(f"{module.key}#{name}", "")))
        if not found and name in record.get("i", {}):
            found.append(Symbol(name, "alias", module, target=(record["i"][name], "")))
        if not found and self.family == "rust" and module.key == "std" and name[:1].isupper():
            home = _rust_homes().get(name)
            other = self.module(home) if home is not None and home != module.key else None
            found = other.lookup(name) if other is not None else []
        return found

    def _symbol(self, module: ModuleEntity, record: dict[str, Any], name: str, entry: list[Any]) -> Symbol:
        import json

        if entry[0] == "j":
            entry = json.loads(entry[1])
        kind = entry[0]
        if kind == "f":
            return _function(name, entry, module)
        if kind == "a":
            return Symbol(name, "alias", module, target=(entry[1], entry[2]), role="hidden" if len(entry) > 3 else "")
        if kind == "=":
            return Symbol(name, "value", module, value=entry[1], role="type_alias")
        if kind == "v":
            return Symbol(name, "value", module, annotation=entry[1])
        if kind == "m":
            return Symbol(name, "macro", module)
        if kind == "k":
            typed = record["t"][entry[1]]
            inner = json.loads(typed[1]) if typed[0] == "j" else typed
            return _class(name, inner[1], module)
        if kind == "e":
            return _class(name, {"b": [], "m": {}, "st": entry[1]}, module)
        return _class(name, entry[1], module)


def _function(name: str, entry: list[Any], module: ModuleEntity) -> Symbol:
    signatures = tuple(Signature(read_parameters(text), returns) for text, returns in entry[1])
    binding = {"s": "static", "c": "class"}.get(entry[2], "")
    return Symbol(name, "function", module, signatures=signatures, binding=binding)


def _class(name: str, record: dict[str, Any], module: ModuleEntity) -> Symbol:
    entity = ClassEntity(
        name,
        module,
        bases=tuple(record["b"]),
        type_parameters=tuple(record.get("p", ())),
        kind={"i": "interface", "trait": "trait", "enum": "enum"}.get(record.get("k", ""), "class"),
        underlying=record.get("u", ""),
    )
    if record.get("x") and name not in _NUMBERED:
        entity.opaque = "it has an index signature"
    if module.language == "python" and not entity.type_parameters:
        entity.type_parameters = _generic_names(entity.bases)
    named = ((key.strip('"'), value) for key, value in record["m"].items())  # RegExp["$1"]
    entity.members = {key: [_member(key, value, module, entity)] for key, value in named}
    if module.language == "python":
        entity.opaque = next(
            (reason for name, reason in _COMPUTED.items() if name in record["m"]), ""
        ) or _BY_LAYOUT.get(f"{module.key}.{name}", "")
        for hook in ("__new__",):
            for symbol in entity.members.get(hook, ()):
                symbol.binding = "static"
    if module.language == "rust" and name == "slice":
        entity.type_parameters = ("T",)
    if module.language == "go":
        for base in entity.bases:  # an embedded type is a field of that name too
            field_name = base.lstrip("*").partition("[")[0].rpartition(".")[2]
            entity.members.setdefault(field_name, [Symbol(field_name, "value", module, annotation=base, owner=entity)])
    if "st" in record:
        entity.statics = {key: [_member(key, value, module, entity)] for key, value in record["st"].items()}
    return Symbol(name, "class", module, entity=entity)


def _member(name: str, entry: list[Any], module: ModuleEntity, owner: ClassEntity) -> Symbol:
    kind = entry[0]
    if kind == "f":
        made = _function(name, entry, module)
    elif kind == "c":
        made = _class(name, entry[1], module)
    elif kind == "e":
        made = Symbol(name, "value", module, annotation=owner.name, role="variant")
    elif kind == "=":
        made = Symbol(name, "value", module, value=entry[1])
    elif kind == "a":
        made = Symbol(name, "alias", module, target=(entry[1], entry[2]))
    else:
        made = Symbol(name, "value", module, annotation=entry[1] if len(entry) > 1 else "")
    made.owner = owner
    return made


def _generic_names(bases: tuple[str, ...]) -> tuple[str, ...]:
    """``('Mapping[_KT, _VT]', 'Generic[_KT, _VT]')`` gives ('_KT', '_VT'): Generic or Protocol decides, else first use."""
    import re

    for base in sorted(bases, key=lambda item: not item.startswith(("Generic[", "Protocol["))):
        names = [
            name
            for name in re.findall(r"\b_?[A-Z]\w*\b", base.partition("[")[2])
            if name.startswith("_") or name == "AnyStr"
        ]
        if names:
            return tuple(dict.fromkeys(names))
    return ()


@cache
def _folders(family: str) -> frozenset[str]:
    data = load_builtins(family)
    separator = _SEPARATORS[family]
    parts: set[str] = set()
    for name in data.names() if data is not None else ():
        pieces = name.split(separator)
        parts.update(separator.join(pieces[:count]) for count in range(1, len(pieces)))
    return frozenset(parts)


@cache
def _rust_homes() -> dict[str, str]:
    """Module of each public name of std, the shortest path first: signatures name types without their path."""
    data = load_builtins("rust")
    homes: dict[str, str] = {}
    for key in sorted(data.names() if data is not None else (), key=lambda name: (name.count("::"), name)):
        for name, entry in (data.module(key) or {"d": {}})["d"].items() if data is not None else ():
            if entry[0] in {"c", "="} and not (entry[0] == "=" and name == "Result"):
                homes.setdefault(name, key)
    return homes


@cache
def _universe(family: str) -> frozenset[str]:
    """Found by scanning the data's text for quoted keys: no module is decoded."""
    import re

    data = load_builtins(family)
    names: set[str] = set()
    for text in data.raw() if data is not None else ():
        names.update(re.findall(r'"([A-Za-z_$][\w$]*!?)\\?":', text))
    return frozenset(names)


@cache
def library_of(language: str) -> Library | None:
    """The library of a language by its canonical name, None when there is no data for it."""
    data = load_builtins(language)
    return Library(FAMILIES[language], data) if data is not None else None
