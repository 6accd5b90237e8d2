"""Whether a call fits the parameters of what it calls."""

from __future__ import annotations

from dataclasses import dataclass

from parsers.inference import Inference
from parsers.project.entities import ClassEntity, ClassValue, FunctionValue, Instance, Signature, Symbol, Value
from parsers.syntax.types import Parameter, Reference, Span

__all__ = ["Misfit", "accepted_keywords", "check_call", "signatures_of"]

_TRANSPARENT = {
    "staticmethod",
    "classmethod",
    "property",
    "cached_property",
    "abstractmethod",
    "override",
    "final",
    "overload",
    "cache",
    "lru_cache",
    "contextmanager",
    "asynccontextmanager",
    "deprecated",
    "wraps",
    "coroutine",
    "runtime_checkable",
    "typing_extensions.deprecated",
}
_ENUMS = {"Enum", "Flag", "IntEnum", "IntFlag", "StrEnum"}
_DATACLASS = {"dataclass", "dataclasses.dataclass"}


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing wrong with a call: an unknown keyword (with its span) or a wrong number of arguments (span None)."""

    message: str
    keyword: str | None = None
    span: Span | None = None
    candidates: tuple[str, ...] = ()
    symbol: Symbol | None = None


def signatures_of(value: Value, inference: Inference) -> tuple[tuple[Signature, ...], bool, Symbol | None] | None:
    """The overloads of a callable and whether the first parameter is bound; None when they are not all visible."""
    if isinstance(value, FunctionValue):
        return _function_signatures(value, inference)
    if isinstance(value, ClassValue):
        return _constructor(value.entity, inference)
    return None


def _function_signatures(
    value: FunctionValue, inference: Inference
) -> tuple[tuple[Signature, ...], bool, Symbol | None] | None:
    symbol = value.symbol
    if not symbol.signatures or any(_short(decorator) not in _TRANSPARENT for decorator in symbol.decorators):
        return None
    if symbol.owner is not None and symbol.owner.module.library and symbol.owner.name in {"type", "object"}:
        return None
    if isinstance(value.receiver, Instance) and inference.mro(value.receiver.entity)[1].startswith("it is a protocol"):
        return None
    if inference.family != "python":
        return (
            symbol.signatures,
            inference.family == "rust" and _has_self(symbol) and isinstance(value.receiver, Instance),
            symbol,
        )
    if symbol.owner is None or symbol.binding == "static":
        return symbol.signatures, False, symbol
    bound = isinstance(value.receiver, Instance) or (symbol.binding == "class" and value.receiver is not None)
    return symbol.signatures, bound, symbol


def _has_self(symbol: Symbol) -> bool:
    return any(signature.parameters[:1] and signature.parameters[0].name == "self" for signature in symbol.signatures)


def _constructor(entity: ClassEntity, inference: Inference) -> tuple[tuple[Signature, ...], bool, Symbol | None] | None:
    ancestors, reason = inference.mro(entity)
    if inference.family != "python" or reason:
        return None
    if any(owner.module.library and owner.name in _ENUMS for owner in ancestors):
        return None  # ``HTTPStatus(404)`` looks a member up
    if entity.name.startswith("the base of ") or (
        entity.module.library and _shadowed(entity) and entity.name[0].isupper()
    ):
        return None
    for owner in ancestors:
        if any(_short(name) in {"dataclass"} for name in owner.decorators) and "__init__" not in owner.members:
            return _dataclass(entity, ancestors, inference)
        for name in ("__init__", "__new__"):
            symbols = owner.members.get(name)
            if not symbols:
                continue
            if owner.module.library and owner is not entity and not entity.module.library and _shadowed(owner):
                return None
            if any(symbol.kind != "function" or (symbol.decorators and not _plain(symbol)) for symbol in symbols):
                return None
            if owner.module.library and any(_short(decorator) != "final" for decorator in entity.decorators):
                return None  # a decorator may have written the constructor
            both = [
                *symbols,
                *(owner.members.get("__new__", []) if name == "__init__" and owner.module.library else []),
            ]
            return tuple(item for symbol in both for item in symbol.signatures), True, symbols[0]
    return None


def _plain(symbol: Symbol) -> bool:
    return all(_short(decorator) in _TRANSPARENT for decorator in symbol.decorators)


def _shadowed(owner: ClassEntity) -> bool:
    """Whether the constructor is replaced by a metaclass or generated (enumerations, named tuples, typed dictionaries)."""
    return owner.name in {
        "Enum",
        "IntEnum",
        "StrEnum",
        "Flag",
        "IntFlag",
        "NamedTuple",
        "TypedDict",
        "type",
        "tuple",
        "str",
        "int",
        "Protocol",
        "object",
    }


def _dataclass(
    entity: ClassEntity, ancestors: tuple[ClassEntity, ...], inference: Inference
) -> tuple[tuple[Signature, ...], bool, Symbol | None] | None:
    fields: dict[str, Parameter] = {}
    symbols: dict[str, Symbol] = {}
    for owner in reversed(ancestors):
        if owner.module.library:
            continue
        if not any(_short(name) == "dataclass" for name in owner.decorators):
            if "__init__" in owner.members:
                return None
            continue
        for symbol in owner.own_fields:
            annotation = symbol.annotation.replace(" ", "")
            if not annotation or "ClassVar" in annotation or annotation.endswith("KW_ONLY"):
                continue
            if "init=False" in symbol.default.replace(" ", ""):
                fields.pop(symbol.name, None)
                continue
            fields[symbol.name] = Parameter(symbol.name, bool(symbol.default))
            symbols[symbol.name] = symbol
    first = next(iter(symbols.values()), None)
    return (Signature(tuple(fields.values())),), False, first


def accepted_keywords(signatures: tuple[Signature, ...]) -> set[str] | None:
    """Keywords that some overload takes; None when any is taken."""
    names: set[str] = set()
    for signature in signatures:
        for parameter in signature.parameters:
            if parameter.variadic == "**":
                return None
            if not parameter.positional_only and not parameter.variadic:
                names.add(parameter.name)
    return names


def check_call(reference: Reference, values: tuple[Value, ...], inference: Inference) -> list[Misfit] | None:
    """What is wrong with a call for every value it may reach; None when a signature is not visible."""
    collected: list[list[Misfit]] = []
    for value in values:
        known = signatures_of(value, inference)
        if known is None:
            return None
        signatures, bound, symbol = known
        misfits = _against(reference, signatures, bound, symbol, inference.family)
        if not misfits:
            return []
        collected.append(misfits)
    return collected[0] if collected else []


def _against(
    reference: Reference, signatures: tuple[Signature, ...], bound: bool, symbol: Symbol | None, family: str
) -> list[Misfit]:
    names = [name for name, _ in reference.keywords]
    if any(_fits(reference, names, signature, bound, family) for signature in signatures):
        return []
    called = reference.chain[-1]
    open_to = tuple(item for item in signatures if not _lacks_keyword(item, names))
    signatures = open_to or signatures
    found = []
    accepted = accepted_keywords(signatures)
    if accepted is not None and family == "python":
        for name, span in reference.keywords:
            if name not in accepted:
                found.append(
                    Misfit(f"{called}() takes no keyword {name!r}", name, span, tuple(sorted(accepted)), symbol)
                )
    if found:
        return found
    if len(signatures) == 1 and (message := _arity(reference, names, signatures[0], bound, family)):
        plain = {item.name for item in signatures[0].parameters if not item.variadic}
        lost = [(name, span) for name, span in reference.keywords if name not in plain]
        if family == "python" and len(lost) == 1 and "needs an argument" in message:  # its ``**`` took the wrong name
            return [Misfit(f"{called}() has no {lost[0][0]!r}; {message}", *lost[0], tuple(sorted(plain)), symbol)]
        return [Misfit(message, symbol=symbol)]
    return []


def _lacks_keyword(signature: Signature, names: list[str]) -> bool:
    """Whether an overload asks for a keyword that is not given: then it is not the one that was meant."""
    return any(
        item.keyword_only and not item.has_default and not item.variadic and item.name not in names
        for item in signature.parameters
    )


def _fits(reference: Reference, names: list[str], signature: Signature, bound: bool, family: str) -> bool:
    parameters = signature.parameters[1:] if bound else signature.parameters
    open_keywords = any(parameter.variadic == "**" for parameter in parameters)
    accepted = {parameter.name for parameter in parameters if not parameter.variadic and not parameter.positional_only}
    if family == "python" and not open_keywords and any(name not in accepted for name in names):
        return False
    return not _arity(reference, names, signature, bound, family)


def _arity(reference: Reference, names: list[str], signature: Signature, bound: bool, family: str) -> str:
    if reference.positional is None or reference.spread or family not in {"python", "go"}:
        return ""
    parameters = signature.parameters[1:] if bound else signature.parameters
    plain = [parameter for parameter in parameters if not parameter.variadic and not parameter.keyword_only]
    rest = any(parameter.variadic == "*" for parameter in parameters)
    given, called = reference.positional, reference.chain[-1]
    if given > len(plain) and not rest:
        return f"{called}() takes at most {len(plain)} positional arguments, {given} are given"
    required = [parameter for parameter in plain[given:] if not parameter.has_default and parameter.name not in names]
    required += [
        parameter
        for parameter in parameters
        if parameter.keyword_only
        and not parameter.variadic
        and not parameter.has_default
        and parameter.name not in names
    ]
    if family == "go":
        return f"{called}() takes {len(plain)} arguments, {given} are given" if required and given != 1 else ""
    if required and required[0].name != "self":
        return f"{called}() needs an argument for {required[0].name!r}"
    return ""


def _short(decorator: str) -> str:
    return decorator.partition("(")[0].strip().removeprefix("@").rpartition(".")[2]
