"""Reasons not to flag a name that its owner does not seem to have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from parsers.inference import LookupStatus
from parsers.inference.members import derived_methods
from parsers.project.entities import ClassEntity, ModuleEntity, Symbol, Value
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.verdicts import CALLS, Verdicts, is_library, owner_of
from parsers.syntax.type_text import read_type
from parsers.syntax.types import Reference

__all__ = ["EXPORTS", "Silence"]

EXPORTS = re.compile(r"^(?:export\b|module\.exports\b|exports\.\w+ *=)", re.MULTILINE)

_NARROWING = (
    r"RECEIVER\s+(?:instanceof|as|is|satisfies)\b|\bin\s+RECEIVER\b"
    r"|\b(?:is|has|assert)\w*\(\s*RECEIVER\s*[,)]|<\w+>\s*RECEIVER\b"
)
_GENERATED = re.compile(
    r"String|GoString|Error|(?:Unm|M)arshal\w*|DeepCopy\w*|ProtoReflect|ProtoMessage|Reset|Descriptor|Validate"
)
_SERDE = {"serialize", "deserialize", "deserialize_in_place"}  # what its derives give to a type
_KNOWN_TRAITS = frozenset(
    (
        "Serialize Deserialize Serializer Deserializer Error Debug Display Clone Copy Default From Into TryFrom TryInto Drop Fn"
        " FnMut FnOnce Send Sync Unpin Sized Eq PartialEq Ord PartialOrd Hash Iterator IntoIterator FromStr AsRef AsMut Borrow"
        " Deref DerefMut Index IndexMut Add Sub Mul Div Neg Not Future Read Write Extend FromIterator ExactSizeIterator"
        " DoubleEndedIterator FusedIterator ToString ToOwned AddAssign SubAssign BitAnd BitOr BitXor Hasher BuildHasher"
    ).split()
)
_ABSTRACT = frozenset(
    (
        "Sequence MutableSequence Mapping MutableMapping Set AbstractSet MutableSet Collection Container Reversible Sized"
        " Iterable Iterator AsyncIterable AsyncIterator Awaitable Coroutine Hashable Buffer IO TextIO BinaryIO PathLike KeysView"
        " ItemsView ValuesView MappingView"
    ).split()
)
_ARROW = re.compile(r"(?:async\s*)?(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[\w$]+)\s*=>")
_ABSTRACT_NAME = re.compile(r"Mixin|Base|Abstract|Interface|Tests?$|Suite|Fixture|Protocol|Generic")


class Silence(Verdicts):
    """Each rule gives a reason to keep silent, or nothing."""

    def _silence(
        self, reference: Reference, link: str, position: int, values: tuple[Value, ...], last: bool
    ) -> str | None:
        """A reason not to flag a missing member after all."""
        if reference.store and last:
            return "it is assigned here"
        if link in self.stored or link in self.project.index.stored:
            return "it is assigned from outside"
        if link.startswith("__") and link.endswith("__"):
            return "special names may come from the runtime"
        if f"'{link}'" in self.text or f'"{link}"' in self.text:
            return "the code has its name as a text: it may be made at run time"
        owner = owner_of(values[0])
        if isinstance(owner, ModuleEntity) and self._may_be_below(owner, reference, position):
            return "it may be a submodule"
        by_owner = self._library_silence(owner, link) if is_library(owner) else ""
        if not by_owner and isinstance(owner, ClassEntity):
            by_owner = self._class_silence(reference, owner, link, position)
        if not by_owner and self.block.parse.language == "javascript":
            by_owner = self._plain_silence(reference, owner, position)
        if by_owner:
            return by_owner
        module = self.family == "typescript" and isinstance(owner, ModuleEntity)  # a module is what it is
        if not module and self._narrowed(reference, position):
            return "the code checks what it is first"
        if self.family == "rust":
            return self._rust_silence(reference, owner, position) or self._trait_silence(reference, owner, position)
        if self.family == "go" and not is_library(owner):
            return self._go_silence(owner, link) if not self._is_field(reference, owner, position) else None
        return None

    def _may_be_below(self, owner: ModuleEntity, reference: Reference, position: int) -> bool:
        """Whether a name of a Python package may be a file of its folder that was not given."""
        package = self.family == "python" and owner.is_package and not owner.library
        return package and reference.chain[position].islower() and not _is_called(reference, position)

    def _library_silence(self, owner: ModuleEntity | ClassEntity | None, link: str) -> str:
        if link.startswith("_"):
            return "private names of the standard library are not listed"
        if (
            self.family == "typescript"
            and isinstance(owner, ModuleEntity)
            and self.project.library.globals.lookup(link)
        ):
            return "it is a global name"
        if "version_info" in self.text or ("hasattr(" in self.text and f'"{link}"' in self.text):
            return "the code adapts to versions"
        if not isinstance(owner, ClassEntity) or owner.name not in _ABSTRACT or self.family != "python":
            return ""
        known = any(link in table for table in self._concrete())
        near = best_match(link, owner.members)[1] >= NEAR
        return "its type is abstract, the value may have more" if known or not near else ""

    def _class_silence(self, reference: Reference, owner: ClassEntity, link: str, position: int) -> str:
        if owner.module.library and self.family != "typescript":
            return ""
        if self._in_subclass(owner, link):
            return "a class derived from it has it"
        script = self.family == "typescript" and link.startswith("_")
        if script and any(is_library(above) for above in self.inference.mro(owner)[0]):
            return "private names of the standard library are not listed"
        on_self = reference.chain[0] in {"self", "cls", "this"} and position == 1
        if reference.chain[0] == "this" and on_self and self._rebound(owner, reference.extent[0]):
            return "a function of its own may bind this"
        bound = self._bound_to_this(reference)
        if bound is not None and self._rebound(owner, bound):
            return "a function of its own may bind this"
        return f"{owner.name} looks like a base for others" if on_self and _ABSTRACT_NAME.search(owner.name) else ""

    def _may_be_abstract(self) -> bool:
        """Whether a class may leave methods to classes that are not visible, in a language without a word for that."""
        if self.block.parse.language == "javascript":
            return EXPORTS.search(self.text) is not None
        return self.family == "python"

    def _asked_for(self, reference: Reference, owner: ModuleEntity | ClassEntity | None, position: int) -> bool:
        """Whether a condition reads the member: hooks that others may set. A call alone asks for nothing."""
        if reference.kind not in CALLS and isinstance(owner, ClassEntity) and owner.kind != "object":
            return False
        path = re.escape(self.text[reference.extent[0] : reference.spans[position][1]])
        return len(path) < 200 and bool(
            re.search(
                rf"(?:if|while)\s*\(\s*!?{path}\s*\)|typeof {path}\b|{path}\s*(?:&&|\|\||\?|[!=]==? )"
                rf"|(?:&&|\|\|)\s*!?{path}\s*\)",
                self.text,
            )
        )

    def _plain_silence(self, reference: Reference, owner: ModuleEntity | ClassEntity | None, position: int) -> str:
        """What JavaScript without types leaves open."""
        if self._asked_for(reference, owner, position):
            return "the code asks whether it is there"
        again = position == 1 and self._assigned_again(reference)
        return "its receiver is assigned more than once" if again else ""

    def _assigned_again(self, reference: Reference) -> bool:
        """Whether a variable gets another value after its first: what it then is nothing says."""
        name = reference.chain[0]
        if name in {"this", "super"} or not name.isidentifier():
            return False
        found = self.inference.name(name, self.block.entity, reference.extent[0])
        if not found.symbols or any(symbol.kind != "value" for symbol in found.symbols):
            return False
        places = self.block.local.get(name, ())
        scope = next(((start, end) for start, end, symbol in places if symbol is found.symbols[0]), (0, len(self.text)))
        stores = len(re.findall(rf"(?<![\w$.]){name}\s*(?:[-+*/%]|\|\||&&|\?\?)?=(?![=>])", self.text[slice(*scope)]))
        return stores > sum(bool(symbol.value) for symbol in found.symbols)

    def _bound_to_this(self, reference: Reference) -> int | None:
        """Where ``const self = this`` binds the head of a chain, None when it is bound otherwise."""
        if self.family != "typescript" or not reference.chain[0].isidentifier():
            return None
        found = self.inference.name(reference.chain[0], self.block.entity, reference.extent[0])
        return next((symbol.position for symbol in found.symbols if symbol.value.strip() == "this"), None)

    def _rebound(self, owner: ClassEntity, position: int) -> bool:
        """Whether a ``function`` or another object's method between the class and ``position`` has a ``this`` of its own."""
        around = self.block.methods_at(position)
        if around and around[0].owner and around[0].owner.rpartition(".")[2] != owner.name:
            return True
        method = next((item for item in around if item.owner.rpartition(".")[2] == owner.name), None)
        start, end = method.extent if method is not None else (0, len(self.text))
        scopes = {item.scope for item in self.block.parse.definitions if item.scope[0] <= position < item.scope[1]}
        if any(start < scope[0] and scope[1] < end and not _ARROW.match(self.text, scope[0]) for scope in scopes):
            return True  # a method of an object that is handed on
        return "function" in self.text[start:position].removeprefix("function").removeprefix("async function")

    def _rust_silence(
        self, reference: Reference, owner: ModuleEntity | ClassEntity | None, position: int
    ) -> str | None:
        """Traits can add methods from anywhere: only a name that no visible code and nothing in std has is flagged."""
        link = reference.chain[position]
        if link in self.universe or link in _SERDE or not link.isidentifier() or is_library(owner):
            return "a trait may give it this name"
        module = owner.module if isinstance(owner, ClassEntity) else owner
        if module is not None and (module.opaque or self.block.entity.opaque):
            return f"of its module {module.opaque or self.block.entity.opaque}"
        if not isinstance(owner, ClassEntity):
            return None
        if link[:1].isupper() and not link.isupper():
            return None if owner.kind == "enum" else "a trait may give it this name"
        if link[:1].isupper() or (_is_called(reference, position) and self._foreign_traits()):
            return "a trait may give it this name"
        return None

    def _foreign_traits(self) -> bool:
        """Whether a star import brings what another crate shares: traits with methods for any type."""
        return any(
            self.project.import_module(self.block.entity, module, level) is None
            and not module.rpartition("::")[2][:1].isupper()
            for module, level in self.block.entity.stars
        )

    def _trait_silence(
        self, reference: Reference, owner: ModuleEntity | ClassEntity | None, position: int
    ) -> str | None:
        """A call on a type that has a trait whose own methods are not visible, or that such a trait may extend."""
        called = _is_called(reference, position)
        if not isinstance(owner, ClassEntity) or (owner.kind == "enum" and reference.chain[position][:1].isupper()):
            return None
        doubt = self.project.class_doubt(owner) or derived_methods(owner.decorators)
        if not called:
            return doubt if reference.chain[position].isupper() and doubt else None
        if doubt:
            return doubt
        for ancestor in self.inference.mro(owner)[0]:
            for text in ancestor.bases:
                name = text.rpartition(".")[2].partition("<")[0]
                if name not in _KNOWN_TRAITS and self.inference.base_of(ancestor, text) is None:
                    return f"the trait {name} is not visible"
        if reference.chain[0] in {"self", "Self"} and owner.kind != "trait":
            return None
        return "an imported trait may give it this name" if self._extension_traits() else None

    def _extension_traits(self) -> bool:
        """Whether the code imports from unseen places a type-like name that it never uses by name: a trait, for its methods."""
        for item in self.block.parse.imports:
            name = item.alias or item.name or ""
            unseen = self.project.import_module(self.block.entity, item.module, item.level) is None
            if unseen and (name == "_" or (name[:1].isupper() and len(re.findall(rf"\b{name}\b", self.text)) == 1)):
                return True
        return False

    def _is_field(self, reference: Reference, owner: ModuleEntity | ClassEntity | None, position: int) -> bool:
        """Whether a name can only mean a field: not called, near a field of a struct, whose fields stand in one place."""
        if _is_called(reference, position):
            return False
        if not isinstance(owner, ClassEntity) or owner.kind != "struct":
            return False
        fields = {symbol.name for item in self.inference.mro(owner)[0] for symbol in item.own_fields}
        return best_match(reference.chain[position], fields, least=0.0)[1] >= NEAR

    def _go_silence(self, owner: ModuleEntity | ClassEntity | None, link: str) -> str | None:
        module = owner.module if isinstance(owner, ClassEntity) else owner
        if module is None:
            return "its package is not known"
        whole = self.project.package_of(module)
        gap = self.project.gap(whole) if whole is not None else "its package"
        if _GENERATED.fullmatch(link):
            return "tools generate methods of this name"
        return f"its package is not wholly visible: nothing defines {gap}" if gap else None

    def _concrete(self) -> Iterable[dict[str, list[Symbol]]]:
        for name in ("list", "dict", "set"):
            for symbol in self.project.library.globals.lookup(name):
                if symbol.entity is not None:
                    yield symbol.entity.members

    def _in_subclass(self, owner: ClassEntity, link: str) -> bool:
        """Whether a visible class below ``owner`` has the member: the code may know that it holds one of those."""
        holders = {
            symbol.owner
            for table in (self.project.index.members, self.project.members)
            for symbol in table.get(link, ())
            if symbol.owner
        }
        return any(holder is not owner and owner in self.inference.mro(holder)[0] for holder in holders)

    def _narrowed(self, reference: Reference, position: int) -> bool:
        """Whether a check in the text may make the receiver more than its declaration says."""
        start, end = reference.extent[0], (reference.spans[position][0] if reference.spans else reference.span[0])
        name, receiver = reference.chain[position], re.escape(self.text[start:end].rstrip(" \n.?!:"))
        if not receiver or end - start > 200:
            return False
        if self.family in {"go", "rust"}:
            return False  # a check binds a name of its own
        if self.family == "typescript":
            return re.search(_NARROWING.replace("RECEIVER", receiver), self.text) is not None
        if re.search(rf"\b_?is\w+\(\s*{receiver}\s*[,)]|\bmatch {receiver}:|\btype\({receiver}\) ", self.text):
            return True
        if re.search(rf"\b(?:has|get|set)attr\(\s*{receiver}\s*,\s*[\"']{re.escape(name)}[\"']", self.text):
            return True
        checks = re.finditer(rf"\b(?:isinstance|issubclass)\(\s*{receiver}\s*,\s*(\([^()]*\)|[\w.]+)", self.text)
        return any(self._may_be(found.group(1), name, start) for found in checks)

    def _may_be(self, types: str, name: str, position: int) -> bool:
        """Whether one of the classes of an ``isinstance`` check has the member, or is not wholly visible."""
        for text in types.strip("()").split(","):
            if not text.strip():
                continue
            values = self.inference.type_values(read_type(text, self.family), self.block.entity, position)
            if not values or any(self.inference.member(value, name).status != LookupStatus.MISSING for value in values):
                return True
        return False


def _is_called(reference: Reference, position: int) -> bool:
    """Whether the link at ``position`` is what is called."""
    following = reference.chain[position + 1 : position + 2]
    return following == ("()",) or (not following and reference.kind in CALLS)
