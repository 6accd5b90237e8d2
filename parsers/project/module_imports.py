"""What imports bind, and what a file's dynamic code hides."""

from __future__ import annotations

import re
from bisect import bisect_right

from parsers.project.entities import Symbol
from parsers.project.module_classes import ClassBuilder
from parsers.syntax.types import Import, Span

__all__ = ["ImportBuilder"]

_DYNAMIC_REASONS = {
    "getattr": "it defines __getattr__",
    "setattr": "it sets attributes by computed name",
    "exec": "it runs code from text",
    "eval": "it runs code from text",
    "globals": "it writes names by computed key",
    "metaclass": "its metaclass may add members",
    "spread": "it copies members from elsewhere",
    "macro": "its macros may define names",
    "index_signature": "it has an index signature",
    "prototype": "its prototype is changed",
    "computed_member": "it has computed members",
    "mixin": "it is mixed with other classes",
    "assign": "members are assigned to it",
    "augmentation": "",
    "computed": "it has computed members",
}
_EXPORTS = {"exports", "module.exports"}


class ImportBuilder(ClassBuilder):
    """Binds a file's imports."""

    def _import(self, item: Import) -> None:
        if item.name == "*":
            outside = not any(start <= item.span[0] < end for start, end in self.inner_modules)
            if outside or item.module != "super" or self.family != "rust":  # inside, ``super`` is the file itself
                self.entity.stars.append((item.module, item.level))
            return
        if self.family == "go" and item.alias is None and item.name is None:
            for bound in _go_package_names(item.module):
                made = Symbol(
                    bound, "alias", self.entity, target=(item.module, ""), line=item.line, position=item.span[0]
                )
                self.entity.names.setdefault(bound, []).append(made)
            return
        bound = (
            item.alias
            or item.name
            or (item.module.split(".")[0] if self.family == "python" else re.split(r"[/:]+", item.module)[-1])
        )
        if self.family == "rust" and item.module == "self" and bound == item.name:
            return  # the file has it already
        target = (item.module, item.name or "")
        if self.family == "python" and item.name is None and item.alias is None:
            target = (bound, "")
        symbol = Symbol(
            bound, "alias", self.entity, target=target, level=item.level, line=item.line, position=item.span[0]
        )
        if self.family == "typescript" and item.reexport and not item.module and item.alias == "default" and item.name:
            self.entity.default_export = item.name
        if self.family == "typescript" and not item.reexport:
            symbol.role = "hidden"
        if self.family == "typescript" and not item.module and bound == item.name and self._already(bound):
            return
        scope = self._enclosing(item.span)
        if scope is not None:
            self.file.local.setdefault(bound, []).append((*scope, symbol))
        else:
            self.entity.names.setdefault(bound, []).append(symbol)

    def _already(self, name: str) -> bool:
        """Whether ``export {name}`` exports what the file has; an import of that name is then no longer hidden."""
        known = [*self.entity.names.get(name, ()), *(self.entity.types or {}).get(name, ())]
        for symbol in known:
            symbol.role = "" if symbol.role == "hidden" else symbol.role
        return bool(known)

    def _inherit(self, name: str, base: str) -> None:
        entity = self.file.classes.get(name)
        if entity is not None:
            entity.bases = (*entity.bases, base)

    def _enclosing(self, span: Span) -> Span | None:
        best: Span | None = None
        for extent in self.function_starts[: bisect_right(self.function_starts, (span[0], 1 << 60))]:
            if (
                extent[0] <= span[0]
                and span[1] <= extent[1]
                and (best is None or extent[1] - extent[0] < best[1] - best[0])
            ):
                best = extent
        return best

    def _dynamic(self, entry: str) -> None:
        reason, _, subject = entry.partition(":")
        if reason == "lazy":  # a name that the module makes when asked
            self.entity.names.setdefault(subject, [Symbol(subject, "value", self.entity)])
            return
        owner = self.file.classes.get(subject.removesuffix(".prototype"))
        message = _DYNAMIC_REASONS.get(reason)
        if reason == "module_exports" or (reason in {"assign", "computed"} and subject in _EXPORTS):
            self.entity.shared = self.entity.shared or "its exports are computed"
            return
        if reason == "whole_export":
            self.entity.whole_export, self.entity.default_export = True, subject
            return
        if reason == "inherits":
            self._inherit(*subject.split(":", 1))
            return
        if message is None:
            return
        if reason in {"assign", "computed", "spread"}:
            self.entity.extended.add(subject)
        if owner is not None and not (reason == "setattr" and subject.isdigit()):
            owner.opaque = owner.opaque or message
        elif reason in {"macro", "exec", "globals", "getattr"} and (not subject or reason != "getattr"):
            self.entity.opaque = self.entity.opaque or message


def _go_package_names(path: str) -> set[str]:
    """The names that a package may have by its path: ``gopkg.in/yaml.v3`` is yaml, ``x/go-isatty`` isatty, ``x/toml/v2`` toml."""
    pieces = [piece for piece in path.split("/") if not re.fullmatch(r"v\d+", piece)] or [path]
    last = re.sub(r"\.v\d+$", "", pieces[-1])
    return {
        last,
        last.removeprefix("go-"),
        last.removesuffix("-go"),
        last.removesuffix(".go"),
        last.replace("-", "_"),
        last.replace("-", ""),
        *last.split("-"),
    }
