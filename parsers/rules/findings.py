"""What is found out about one name of a response."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from parsers.syntax.types import Span

__all__ = ["Finding", "FindingKind", "FindingStatus"]


class FindingStatus(StrEnum):
    """How a name ended."""

    DEFINED = "defined"
    BUILTIN = "builtin"
    PHANTOM = "phantom"
    DRIFT = "drift"
    UNVERIFIABLE = "unverifiable"
    NOT_IMPORTED = "not_imported"
    UNDECLARED_IMPORT = "undeclared_import"


class FindingKind(StrEnum):
    """What the name is used as."""

    FUNCTION = "function"
    METHOD = "method"
    PARAMETER = "parameter"
    IMPORT = "import"
    ATTRIBUTE = "attribute"
    TYPE = "type"


@dataclass(frozen=True)
class Finding:
    """One judged name. ``span`` are its characters in the response, ``defined_in`` is ``path:line`` of what it names.

    ``severity`` in [0, 1] says how sure a phantom or drift is; for an unverifiable name how suspicious it looks; 1 for a name
    that is not imported where the code is a whole file, else 0. Its ``suggestion`` is the import to add.
    ``rule`` is the code of the rule that left the name alone, where one did. ``place``: ``code`` or ``prose``.
    """

    name: str
    kind: FindingKind
    status: FindingStatus
    span: Span
    line: int
    reason: str
    suggestion: str | None = None
    defined_in: str | None = None
    severity: float = 0.0
    rule: str = ""
    place: str = "code"

    @property
    def flagged(self) -> bool:
        """Whether the name is wrong as it stands: a phantom, drift, or what a whole file uses and does not import."""
        unknown = self.status in {FindingStatus.PHANTOM, FindingStatus.DRIFT}
        return unknown or (self.status is FindingStatus.NOT_IMPORTED and self.severity >= 1.0)

    def moved(self, offset: int, line: int) -> Finding:
        """The same finding in a text that has ``offset`` characters and ``line`` lines before it."""
        if not offset and not line:
            return self
        return replace(self, span=(self.span[0] + offset, self.span[1] + offset), line=self.line + line)
