"""The context and one response seen as one project: how names cross files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property

from parsers.project.budget import Budget
from parsers.project.entities import Ancestry, ClassEntity, ModuleEntity, Symbol
from parsers.project.import_paths import Parts, module_parts
from parsers.project.index import FamilyIndex, collect, library_for
from parsers.project.javascript_home import find_home
from parsers.project.module_builder import FileModule, build_module
from parsers.project.packages import MacroWords, extend_package, merge_package
from parsers.project.rust_modules import RustModules
from parsers.project.suggestions import NEAR, best_match
from parsers.syntax.types import ParseResult

__all__ = ["ResponseProject"]


_GO_WORDS = {"_", "nil", "true", "false", "iota", "C"}


class ResponseProject:
    """Implements :class:`parsers.inference.Project` for one response. Blocks of one response see each other's names."""

    def __init__(
        self,
        index: FamilyIndex,
        parses: Sequence[ParseResult],
        budget: Budget | None = None,
        amended: Sequence[str] = (),
    ) -> None:
        """``amended``: by parse, the key of the file of ``index`` that it takes the place of, '' for a new file."""
        self.index = index
        self.budget = budget or Budget(math.inf)
        self.family = index.family
        self.library = library_for(index.family)
        self.libraries = index.libraries
        self.files = dict(index.files)
        self.blocks: list[FileModule] = []
        self.top_level: dict[str, list[Symbol]] = {}
        self.members: dict[str, list[Symbol]] = {}
        self.classes: list[ClassEntity] = []
        self._replaced: dict[str, FileModule] = {}
        for number, parse in enumerate(parses):
            block = build_module(parse, f"<response {number}>")
            self.files[block.entity.key] = block
            if number < len(amended) and amended[number]:
                self._replaced[amended[number]] = index.files[amended[number]]
                self.files[amended[number]] = block
                block.entity.is_package = index.files[amended[number]].entity.is_package
            self.blocks.append(block)
            collect(block, self.top_level, self.members, self.classes)
        self._imports: dict[tuple[str, str, int], ModuleEntity | None] = {}
        self.home = self._home()
        self.package: ModuleEntity | None = None
        self._gaps: dict[str, str] = {}
        self.modules: RustModules | None = None
        self.macros = MacroWords(())
        if self.family == "rust":
            self.modules = RustModules(self.files, index.table, self.blocks)
            self.home = self.modules.home
            self.package = self._crate() if self.blocks else None
            self.macros = index.macros.with_files(self.blocks)
        if self.family == "go":
            self.home = self._go_home()
            files = self._package_files(self.home) if self.home is not None else []
            self.package = (
                merge_package([*self.blocks, *files], "/".join(self.home or ())).entity if self.blocks else None
            )

    def _crate(self) -> ModuleEntity:
        """All Rust files and the response as one namespace; without the files that the response takes the place of."""
        if not self._replaced:
            return extend_package(self.index.crate, self.blocks).entity
        files = [file for key, file in self.index.files.items() if key not in self._replaced]
        return merge_package([*files, *self.blocks], "").entity

    def _package_files(self, parts: Parts) -> list[FileModule]:
        """The files of a Go package besides the response."""
        keys = [key for key in self.index.packages.get(parts, ()) if key not in self._replaced]
        return [self.files[key] for key in keys]

    def amends(self, block: FileModule) -> bool:
        """Whether the block takes the place of a visible file, of which it may show a part only."""
        return any(self.files[key] is block for key in self._replaced)

    # where the response lives ---------------------------------------------------------------------------------------

    def _home(self) -> Parts | None:
        """The folder of the response: its path when known, else the folder that explains most of its relative imports."""
        if self.family == "typescript" and not any(block.parse.path for block in self.blocks):
            return find_home(self.blocks, self.index.table, self.index.files, self.budget)
        votes: dict[Parts, int] = {}
        backed: set[Parts] = set()
        for block in self.blocks:
            if block.parse.path:
                parts, is_package = module_parts(block.parse.path, self.family)
                return parts if is_package else parts[:-1]
            for item in block.parse.imports:
                for folder in self._folders(item.module, item.level, item.name):
                    self.budget.check_now()
                    has = self._has(folder, item.module, item.name)
                    votes[folder] = votes.get(folder, 0) + 1 + 2 * (has == 1.0)
                    if has >= NEAR or not item.module:
                        backed.add(folder)
        ranked = sorted(votes, key=lambda folder: (-votes[folder], len(folder), folder))
        if not ranked or (len(ranked) > 1 and votes[ranked[0]] == votes[ranked[1]]):
            return None
        return ranked[0] if ranked[0] in backed or self.family != "python" else None

    def _go_home(self) -> Parts | None:
        """The package of the response: the one that defines most of the names that the response uses but does not define."""
        if self.blocks and self.blocks[0].parse.path:
            return module_parts(self.blocks[0].parse.path, "go")[0]
        used = {reference.chain[0] for block in self.blocks for reference in block.parse.references}
        used |= {owner for block in self.blocks for owner, _, _ in block.stray}
        used -= {name for block in self.blocks for name in (*block.entity.names, *block.local)}
        package = self.blocks[0].parse.package if self.blocks else ""
        votes = {
            parts: len(used & module.names.keys())
            for parts, module in self.index.merged.items()
            if not package or package in self._packages(parts)
        }
        if len(votes) == 1 and package not in {"", "main"}:
            return next(iter(votes))
        ranked = sorted(votes, key=lambda parts: (-votes[parts], len(parts), parts))
        if not ranked or not votes[ranked[0]] or (len(ranked) > 1 and votes[ranked[0]] == votes[ranked[1]]):
            return None
        return ranked[0]

    def _packages(self, parts: Parts) -> set[str]:
        return {self.files[key].parse.package for key in self.index.packages[parts]}

    def gap(self, module: ModuleEntity) -> str:
        """A name that the visible files of a Go package use and none of them defines, '' when there is none: then it is whole."""
        parts = self.home if module is self.package else tuple(module.key.split("/"))
        key = "/".join(parts or ())
        if key not in self._gaps:
            merged = (
                self.package if parts == self.home and self.package is not None else self.index.merged.get(parts or ())
            )
            files = [self.index.files[name] for name in self.index.packages.get(parts or (), ())]
            self._gaps[key] = (
                next((name for file in files for name in self._unresolved(file, merged)), "") if merged else ""
            )
        return self._gaps[key]

    def package_of(self, module: ModuleEntity) -> ModuleEntity | None:
        """The Go package that a file or package entity belongs to."""
        if module.key.startswith("<response") or module is self.package:
            return self.package
        parts = module_parts(module.path, "go")[0]
        return self.package if parts == self.home else self.index.merged.get(parts)

    def unresolved(self, block: FileModule) -> Iterator[str]:
        """Bare names of a Go block that neither it nor its package defines."""
        return self._unresolved(block, self.package) if self.package is not None else iter(())

    def _unresolved(self, file: FileModule, merged: ModuleEntity) -> Iterator[str]:
        known = self.library.globals
        for reference in file.parse.references:
            self.budget.check()
            name = reference.chain[0]
            if (
                name.isidentifier()
                and name not in _GO_WORDS
                and not (name in merged.names or name in file.local or name in file.entity.names or known.lookup(name))
            ):
                yield name

    def _has(self, folder: Parts, module: str, name: str | None) -> float:
        """1 when the file that ``module`` would be in ``folder`` has ``name``, else how near its nearest name comes."""
        pieces = tuple(piece for piece in module.replace(".", "/").split("/") if piece)
        keys = self.index.table.exact((*folder, *pieces)) or self.index.table.exact((*folder, *pieces[:-1]))
        if not keys or not name:
            return 0.0
        entities = [self.files[key].entity for key in keys]
        if any(entity.lookup(name) for entity in entities):
            return 1.0
        return best_match(name, {other for entity in entities for other in entity.names}, least=0.0)[1] * 0.99

    def _folders(self, module: str, level: int, name: str | None) -> list[Parts]:
        if self.family == "python" and level == 1:
            tail = tuple(module.split(".")) if module else ((name,) if name else ())
            return [parts[: -len(tail)] for parts in self.index.table.all_ending(tail)]
        return []

    # imports --------------------------------------------------------------------------------------------------------

    def import_module(self, importer: ModuleEntity, module: str, level: int) -> ModuleEntity | None:
        """The module that an import in ``importer`` names, None when it is not visible."""
        own = level or importer.package or self.family != "python"
        key = (importer.key if own else "", module, level)
        if key not in self._imports:
            if importer.package:
                found = self.libraries.import_from(importer, module, level, self.library)
            elif importer.library:
                found = self.library.module(module)
            else:
                found = getattr(self, f"_import_{self.family}")(importer, module, level)
            self._imports[key] = found
        return self._imports[key]

    def absent_module(self, module: str, level: int) -> tuple[ModuleEntity, str, frozenset[str]] | None:
        """Where a module would lie that an installed package does not have: (its package, its name, what is there)."""
        if level or self.family != "python" or not self.installs(module):
            return None
        return self.libraries.absent(module)

    def installs(self, module: str) -> bool:
        """Whether imports of ``module`` mean an installed package: no visible file lies in a folder of that name."""
        root = self.libraries.root(module)
        shown = root in self.index.table.names or any(
            root in module_parts(block.parse.path, self.family)[0] for block in self.blocks if block.parse.path
        )
        return self.libraries.knows(root) and not shown

    def installed_names(self) -> list[frozenset[str]]:
        """All names of the installed packages that the response or a visible file imports from."""
        return list(self.libraries.names_of(self.installed_roots))

    @cached_property
    def installed_roots(self) -> list[str]:
        """The packages that the response or a visible file imports from."""
        imports = (item for block in self.blocks for item in block.parse.imports if not item.level)
        roots = {self.libraries.root(item.module) for item in imports}
        return sorted(roots | self.index.imported_roots)

    def _entity(self, keys: Sequence[str]) -> ModuleEntity | None:
        return self.files[keys[0]].entity if keys else None

    def _folder_of(self, importer: ModuleEntity) -> Parts | None:
        if not importer.path:
            return self.home
        parts, is_package = module_parts(importer.path, self.family)
        return parts if is_package else parts[:-1]

    def _import_python(self, importer: ModuleEntity, module: str, level: int) -> ModuleEntity | None:
        pieces = tuple(module.split(".")) if module else ()
        table = self.index.table
        if level:
            folder = self._folder_of(importer)
            if folder is not None and len(folder) >= level - 1:
                base = folder[: len(folder) - (level - 1)]
                return self._entity(table.exact((*base, *pieces)))
            return self._entity(table.only(pieces)) if folder is None else None
        own = self._entity(table.exact(pieces) or table.exact(("src", *pieces)))
        if own is not None:
            return own
        standard = self.library.module(module)
        if standard is not None or module.split(".")[0] in self.library.data:
            return standard
        found = self._entity(table.importable(pieces)) or self._unseen_package(table.package_folder(pieces))
        return self.libraries.module(module) if found is None and self.installs(module) else found

    def _unseen_package(self, folder: Parts | None) -> ModuleEntity | None:
        """A folder with visible files whose ``__init__`` is not shown: ``import shop.cart`` still leads to ``shop.cart``."""
        if folder is None or self.family != "python":
            return None
        path = "/".join((*folder, "__init__.py"))
        return ModuleEntity(path, "python", path=path, is_package=True, opaque="its __init__ is not visible")

    def _import_typescript(self, importer: ModuleEntity, module: str, _level: int) -> ModuleEntity | None:
        table = self.index.table
        if not module:
            return importer
        if module.startswith("."):
            folder = self._folder_of(importer)
            if folder is not None:
                return self._entity(table.relative(folder, module)) or self._response_at(importer, module)
            return self._entity(table.loose(module))
        standard = self.library.module(module)
        if standard is not None:
            return standard
        if module.startswith(("@/", "~/", "src/", "#")):
            return self._entity(table.loose(module.lstrip("#")))
        return self.libraries.module(module) if self.installs(module) else None

    def _response_at(self, importer: ModuleEntity, module: str) -> ModuleEntity | None:
        """The response, where a visible file imports from a missing one that must be it.

        It must lie in the response's folder; what is taken from it the response must have, or, where everything is taken, no
        other file of the folder may be missing and visible files must take names that only the response has.
        """
        place = self.index.table.place(importer.path, module) if importer.path else None
        if place is None or len(self.blocks) != 1 or self.home is None or self.blocks[0].parse.path:
            return None
        known = tuple(part for part in self.home if part != "*")
        names = self.index.missing.get(place, set())
        own = self.blocks[0].entity
        beside = [
            item for item in self.index.missing if len(item) == len(self.home) + 1 and item[: len(known)] == known
        ]
        if place not in beside:
            return None
        if names:
            return own if all(own.lookup(name) or own.lookup(name, True) for name in names) else None
        return own if len(beside) == 1 and self.index.taken & self._only_here(own) else None

    def _only_here(self, own: ModuleEntity) -> set[str]:
        return {name for name in own.all_names() if name not in self.index.defined}

    def _import_go(self, importer: ModuleEntity, module: str, _level: int) -> ModuleEntity | None:
        standard = self.library.module(module)
        if standard is not None:
            return standard
        keys = self.index.table.package(module)
        if not keys:
            return None
        parts, _ = module_parts(self.files[keys[0]].entity.path, "go")
        return self.index.merged.get(parts)

    def _import_rust(self, importer: ModuleEntity, module: str, _level: int) -> ModuleEntity | None:
        """``std`` from the library, the crate's own modules by their place; other crates are not followed."""
        first, _, rest = module.partition("::")
        if first in {"std", "core", "alloc"}:
            return self.library.module(f"std::{rest}" if rest else "std")
        return self.modules.find(importer, module) if self.modules is not None and module else None

    def submodule(self, module: ModuleEntity, name: str) -> ModuleEntity | None:
        """A module below a package."""
        if module.package:
            return self.libraries.submodule(module, name)
        if module.library:
            key = f"{module.key}{self.library.separator}{name}"
            return self.library.module(key)
        if self.modules is not None:
            return self.modules.below(module, name)
        if self.family != "python" or not module.path or not module.is_package:
            return None
        parts, _ = module_parts(module.path, self.family)
        below = (*parts, name)
        found = self._entity(self.index.table.exact(below))
        return found or self._unseen_package(below if below in self.index.table.folders else None)

    def hidden(self, module: ModuleEntity, name: str) -> str:
        """Why a module may have a name that nothing visible defines, '' when nothing speaks for it."""
        return self.macros.may_define(name) if self.family == "rust" and not module.library else ""

    def class_doubt(self, entity: ClassEntity) -> str:
        """Why a class may have members that nobody can see, beyond what its own code says."""
        return self.macros.may_extend(entity.name) if self.family == "rust" and not entity.module.library else ""

    def lasting(self, entity: ClassEntity) -> dict[ClassEntity, Ancestry] | None:
        """Where the ancestry of a class is kept beyond this response, None for classes of the response itself.

        A file without a path imports as if it lay where the response lies: what is said of it holds for one response.
        """
        module = entity.module
        if module.library:
            return self.library.ancestry
        if module.package:
            return self.libraries.ancestry
        file = self.index.files.get(module.key)
        whole = (
            not self._replaced
            and file is not None
            and file.entity is module
            and module.path
            and self.family in {"python", "typescript"}
        )
        return self.index.ancestry if whole else None

    def only_class(self, name: str) -> ClassEntity | None:
        """The one visible class of a name, wherever it stands; None when there is none or several."""
        symbols = (*self.index.top_level.get(name, ()), *self.top_level.get(name, ()))
        found = {symbol.entity for symbol in symbols if symbol.kind == "class" and symbol.entity is not None}
        return found.pop() if len(found) == 1 else None

    # names ----------------------------------------------------------------------------------------------------------

    def local_symbols(self, module: ModuleEntity, name: str, position: int) -> list[Symbol]:
        """Bindings in the innermost scope around ``position``, the receiver of a method among them."""
        file = self.libraries.files.get(module.key) if module.package else self.files.get(module.key)
        if file is None:
            return []
        found = file.at(name, position)
        if found and any(symbol.annotation or symbol.value for symbol in found):
            return found
        made = self._special(file, name, position)
        return made or found or self._parameter(file, name, position)

    def _special(self, file: FileModule, name: str, position: int) -> list[Symbol]:
        if name not in {"self", "cls", "this", "Self", "super"}:
            return []
        owner = self._receiver_class(file, name, position)
        if owner is None:
            return []
        if name == "super":
            mixed = self.family == "python" and set(owner.bases) <= {
                "object"
            }  # its bases come with what it is mixed into
            doubt = owner.opaque or ("it is mixed with other classes" if mixed else "")
            above = ClassEntity(f"the base of {owner.name}", owner.module, bases=owner.bases, opaque=doubt)
            return [Symbol(name, "class" if self.family == "python" else "instance", file.entity, entity=above)]
        if name == "cls" and not self._in_class_method(file, position):
            return []  # a metaclass: its classes are not tracked
        if name == "this" and self._in_static_method(file, owner, position):
            return [Symbol(name, "class", file.entity, entity=owner)]
        if name in {"cls", "Self"} or (name == "self" and self._in_class_method(file, position)):
            return [Symbol(name, "class", file.entity, entity=owner)]
        return [Symbol(name, "instance", file.entity, entity=owner)]

    def _receiver_class(self, file: FileModule, name: str, position: int) -> ClassEntity | None:
        """The class whose method binds ``name`` as its receiver: an inner function that renames it does not hide it."""
        if self.family == "python":
            for definition in file.methods_at(position):
                first = definition.parameters[0].name if definition.parameters else ""
                if definition.owner in file.classes and (first == name or name == "super"):
                    return file.classes[definition.owner]
                if any(parameter.name == name for parameter in definition.parameters or ()):
                    return None
            return None
        if self.family == "rust":
            return self._rust_receiver(file, position)
        found = file.class_at(position) or self._method_owner(file, position)
        return (
            None
            if found is not None and found.kind in {"object", "interface"} and self.family == "typescript"
            else found
        )

    def _rust_receiver(self, file: FileModule, position: int) -> ClassEntity | None:
        """The type of the ``impl`` around ``position``, joined over all visible files."""
        owner = next((item.owner for item in file.methods_at(position) if item.owner), "")
        found = self.package.lookup(owner) if owner and self.package is not None else []
        entities = {id(symbol.entity): symbol.entity for symbol in found}
        return found[0].entity if len(entities) == 1 else None

    def _method_owner(self, file: FileModule, position: int) -> ClassEntity | None:
        for definition in file.methods_at(position):
            if definition.owner in file.classes:
                return file.classes[definition.owner]
        return None

    def _in_static_method(self, file: FileModule, owner: ClassEntity, position: int) -> bool:
        """Whether ``this`` is the class itself."""
        around = (item for item in file.methods_at(position) if item.owner.rpartition(".")[2] == owner.name)
        return "static" in next((item.modifiers for item in around), ())

    def _in_class_method(self, file: FileModule, position: int) -> bool:
        for definition in file.methods_at(position):
            if definition.owner:
                implicit = definition.name in {"__new__", "__init_subclass__", "__class_getitem__"}
                return implicit or any("classmethod" in decorator for decorator in definition.decorators)
        return False

    def _parameter(self, file: FileModule, name: str, position: int) -> list[Symbol]:
        """A parameter of a function around ``position`` (context files are parsed without their locals)."""
        for definition in file.methods_at(position):
            for parameter in definition.parameters or ():
                if parameter.name == name:
                    annotation = "" if parameter.variadic else parameter.annotation or ""
                    return [Symbol(name, "value", file.entity, annotation=annotation, position=definition.extent[0])]
        return []

    def names_in_package(self, module: ModuleEntity, name: str, as_type: bool) -> list[Symbol]:
        """The name in other blocks of the response, or in the files of the same Go package."""
        if self.family == "go":
            return self._go_names(module, name)
        if (
            self.family == "rust"
            and self.package is not None
            and not any(symbol.kind == "alias" for symbol in module.lookup(name))
            and (as_type or name[:1].isupper())
        ):
            found = self.package.lookup(name)
            if not module.lookup(name):
                return []
            return (
                found[:1] if len({id(symbol.entity) for symbol in found}) == 1 else []
            )  # two things of one name: unclear
        if module.key.startswith("<response"):
            for block in self.blocks:
                if block.entity is not module and (found := block.entity.lookup(name, as_type)):
                    return found
        return []

    def _go_names(self, module: ModuleEntity, name: str) -> list[Symbol]:
        if self.package is not None and (module.key.startswith("<response") or module is self.package):
            return self.package.lookup(name)
        if not module.path:
            return []
        parts, _ = module_parts(module.path, "go")
        if parts == self.home and self.package is not None:
            return self.package.lookup(name)
        merged = self.index.merged.get(parts)
        return merged.lookup(name) if merged is not None else []
