"""Where a name is found: scopes, modules, star imports, packages, and the targets of imports."""

from __future__ import annotations

from parsers.inference.base import (
    FUNCTION_MEMBERS,
    GO_PLACEHOLDERS,
    InferenceBase,
    Lookup,
    LookupStatus,
    Values,
    unread,
)
from parsers.project.entities import ClassEntity, ClassValue, FunctionValue, ModuleEntity, ModuleValue, Symbol, Value
from parsers.syntax.expressions import read_expression

__all__ = ["Names"]


class Names(InferenceBase):
    """Looks names up."""

    def name(self, name: str, module: ModuleEntity, position: int, as_type: bool = False, path: bool = False) -> Lookup:
        """Look a bare name up: local scopes, the module, its package, star imports, the global names.

        ``path`` says that ``::`` follows in Rust: then it is a module or a type.
        """
        self.budget.check()
        if self.family == "rust" and name in {"crate", "super", "self::"}:
            return self._rust_path(name, module)
        if position >= 0 and not (as_type and self.family in {"python", "go"} and module.lookup(name)):
            local = self.project.local_symbols(module, name, position)
            if self.family == "rust" and (as_type or path) and name[:1].islower():
                local = [symbol for symbol in local if symbol.kind != "value"]  # variables are no modules
            if local:
                return Lookup(LookupStatus.FOUND, tuple(local))
        if (
            self.family in {"go", "rust"}
            and not module.library
            and (shared := self.project.names_in_package(module, name, as_type))
        ):
            return Lookup(LookupStatus.FOUND, tuple(shared), owner=module)
        found = self._inside(module, name, as_type)
        if (
            found.status != LookupStatus.FOUND and module.library and "#" in module.key
        ):  # a namespace sees what is around it
            around = self.library.module(module.key.rpartition("#")[0])
            found = self.name(name, around, -1, as_type) if around is not None else found
        if found.status == LookupStatus.FOUND:
            return found
        shared = self.project.names_in_package(module, name, as_type)
        if shared:
            return Lookup(LookupStatus.FOUND, tuple(shared), owner=module)
        builtin = self.library.globals.lookup(name, as_type)
        if builtin and not (self.family == "go" and name in GO_PLACEHOLDERS):
            return Lookup(LookupStatus.FOUND, tuple(builtin), owner=self.library.globals)
        return found

    def _rust_path(self, word: str, module: ModuleEntity) -> Lookup:
        """What ``crate::``, ``super::`` or ``self::`` starts from."""
        found = self.project.import_module(module, word, 0)
        if found is None:
            return Lookup(LookupStatus.UNKNOWN, reason=f"{word} is not visible")
        return Lookup(LookupStatus.FOUND, (Symbol(word, "alias", found, target=("", "")),), owner=found)

    def _inside(self, module: ModuleEntity, name: str, as_type: bool) -> Lookup:
        """Look a name up as the module's own code sees it: what JavaScript exports is not thereby in scope."""
        if self.family != "typescript" or module.library:
            return self.module_member(module, name, as_type, ask_submodule=False)
        symbols = module.lookup(name, as_type)
        if symbols:
            return Lookup(LookupStatus.FOUND, tuple(symbols), owner=module)
        reason = module.opaque or unread(module, name)
        return (
            Lookup(LookupStatus.UNKNOWN, reason=reason, owner=module)
            if reason
            else Lookup(LookupStatus.MISSING, owner=module)
        )

    def module_member(
        self,
        module: ModuleEntity,
        name: str,
        as_type: bool = False,
        ask_submodule: bool = True,
        seen: frozenset[str] = frozenset(),
    ) -> Lookup:
        """Look a name up in a module: its own names, its star imports, its submodules."""
        if self.family == "rust" and name == "super":
            return self._rust_path(name, module)
        symbols = module.lookup(name, as_type)
        if symbols and not (seen and symbols[0].role == "hidden"):
            return Lookup(LookupStatus.FOUND, tuple(symbols), owner=module)
        unknown = module.opaque or unread(module, name) or self.project.hidden(module, name)
        inner = self._by_star(module, name, as_type, seen)
        if inner is not None and inner.status == LookupStatus.FOUND:
            return inner
        unknown = unknown or (inner.reason if inner is not None else "")
        if ask_submodule:
            below = self.project.submodule(module, name)
            if below is not None:
                return Lookup(LookupStatus.FOUND, (Symbol(name, "alias", below, target=("", "")),), owner=module)
        if self.family == "typescript":
            return self._exported(module, name, unknown)
        return (
            Lookup(LookupStatus.UNKNOWN, reason=unknown, owner=module)
            if unknown
            else Lookup(LookupStatus.MISSING, owner=module)
        )

    def _exported(self, module: ModuleEntity, name: str, unknown: str) -> Lookup:
        """A name that JavaScript's ``module.exports = value`` may have: a member of the value."""
        unknown = unknown or module.shared
        if name == "default":  # what a compiler's helper gives for any module
            return self._default_export(module)
        if module.whole_export:
            values = self._export_value(module)
            looked = [self._exported_member(module, value, name) for value in values or ()]
            for inner in looked:
                if inner.status == LookupStatus.FOUND:
                    return inner
            if not looked or any(inner.status == LookupStatus.UNKNOWN for inner in looked):
                unknown = unknown or "its export is computed"
        return (
            Lookup(LookupStatus.UNKNOWN, reason=unknown, owner=module)
            if unknown
            else Lookup(LookupStatus.MISSING, owner=module)
        )

    def _exported_member(self, module: ModuleEntity, value: Value, name: str) -> Lookup:
        """A member of what a module exports as a whole; a function of its own has those that the module exports besides."""
        own = isinstance(value, FunctionValue) and value.symbol.module is module
        if not own or name in FUNCTION_MEMBERS or not module.path.endswith((".js", ".cjs")):
            return self.member(value, name)
        added = {module.default_export, value.symbol.name} & module.extended if isinstance(value, FunctionValue) else ()
        return (
            Lookup(LookupStatus.UNKNOWN, reason="members are assigned to it")
            if added
            else Lookup(LookupStatus.MISSING, owner=module)
        )

    def _by_star(self, module: ModuleEntity, name: str, as_type: bool, seen: frozenset[str]) -> Lookup | None:
        """The name in what the module imports by star; None when each of those is visible and none has it."""
        unknown = ""
        for target, level in module.stars:
            other = self.project.import_module(module, target, level)
            if other is None:
                variants = self._enum(target, module) if self.family == "rust" else None
                if variants is None:
                    unknown = unknown or f"it imports everything from {target}, which is not visible"
                elif name in variants.members:
                    return Lookup(LookupStatus.FOUND, tuple(variants.members[name]), owner=variants)
            elif other.key not in seen and other is not module and _brings(other, name):
                listed = other.public is not None
                inner = self.module_member(other, name, as_type, listed, seen | {module.key})
                if inner.status == LookupStatus.FOUND:
                    return inner
                unknown = unknown or (inner.reason if inner.status == LookupStatus.UNKNOWN else "")
        return Lookup(LookupStatus.UNKNOWN, reason=unknown) if unknown else None

    def _enum(self, path: str, module: ModuleEntity) -> ClassEntity | None:
        """The enumeration that ``use a::Shape::*`` opens."""
        if not path.rpartition("::")[2][:1].isupper() or not self._enter(("enum", path, module.key)):
            return None
        try:
            pieces = path.split("::")
            values = self.chain(("self::" if pieces[0] == "self" else pieces[0], *pieces[1:]), module, -1)
        finally:
            self._leave(("enum", path, module.key))
        found = values[0] if values is not None and len(values) == 1 else None
        return found.entity if isinstance(found, ClassValue) and found.entity.kind == "enum" else None

    def _export_value(self, module: ModuleEntity) -> Values | None:
        key = ("export", module.key)
        if not self._enter(key):
            return None
        try:
            chains = read_expression(module.default_export, self.family)
            return self.chain(chains[0], module, -1) if chains else None
        finally:
            self._leave(key)

    def alias(self, symbol: Symbol, as_type: bool = False) -> Lookup:
        """Follow an import to what it names; the module itself is returned as ``owner`` without symbols."""
        module_name, name = symbol.target
        if not module_name and not name and not symbol.level:
            return Lookup(LookupStatus.FOUND, owner=symbol.module)
        module = self.project.import_module(symbol.module, module_name, symbol.level)
        if module is None:
            return Lookup(LookupStatus.UNKNOWN, reason=f"{module_name or 'its module'} is not visible")
        if not name:
            return Lookup(LookupStatus.FOUND, owner=module)
        if self.family == "typescript" and name == "default":
            return self._default_export(module)
        found = self.module_member(module, name, as_type)
        if found.status == LookupStatus.MISSING and module.types is not None:
            found = self.module_member(module, name, not as_type)
        return found

    def _default_export(self, module: ModuleEntity) -> Lookup:
        symbols = module.lookup("default")
        if symbols:
            return Lookup(LookupStatus.FOUND, tuple(symbols), owner=module)
        if module.default_export:
            values = self._export_value(module)
            if values and isinstance(values[0], ModuleValue):
                return Lookup(LookupStatus.FOUND, owner=values[0].module)
            chains = read_expression(module.default_export, self.family)
            if chains and len(chains[0]) == 1:
                return self.module_member(module, chains[0][0], ask_submodule=False)
        return Lookup(LookupStatus.UNKNOWN, reason="its default export is computed", owner=module)


def _brings(module: ModuleEntity, name: str) -> bool:
    """Whether a star import of ``module`` may bring ``name``: Python's ``__all__`` says so, else private names stay behind."""
    if module.public is not None:
        return name in module.public
    private = module.language == "python" and not module.library and name.startswith("_")
    return not private or "__all__" in module.names
