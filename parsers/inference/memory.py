"""What is remembered while one response is judged, and forgotten with it.

Entities, symbols and modules are compared by identity, so they are the keys themselves: a key cannot outlive its object.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from parsers.project.entities import Ancestry, ClassEntity, Symbol, Value
from parsers.syntax.type_text import TypeNode

__all__ = ["ResponseMemory"]


@dataclass(frozen=True, slots=True)
class ResponseMemory:
    """The results that look-ups of one response share.

    Nothing of it may be written into entities of the context: with ``class Shape extends Base``, where no file has Base, one
    answer may define Base and the next may not. Only a whole ancestry within the context or the library outlives the
    response (:meth:`parsers.inference.Project.lasting`): nothing that a response defines can change it.
    """

    running: set[object] = field(default_factory=set)
    values: dict[Symbol, tuple[Value, ...] | None] = field(default_factory=dict)
    ancestry: dict[ClassEntity, Ancestry] = field(default_factory=dict)
    bases: dict[tuple[ClassEntity, str], ClassEntity | None] = field(default_factory=dict)
    base_arguments: dict[tuple[ClassEntity, ClassEntity], tuple[TypeNode, ...] | None] = field(default_factory=dict)
