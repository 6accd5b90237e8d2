"""Values read out of text: cells of structured sources and quantities. Offsets are characters of the text as given."""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[int, int]
"""Start and end of a piece of text, in characters; the end is exclusive."""


@dataclass(frozen=True)
class Cell:
    """One typed fact of a structured source: entity × attribute = value.

    ``row`` are the labels that name the entity (record key, row header, path), ``attribute`` the column or key,
    ``text`` the value as written, ``span`` its characters in the source.
    """

    row: tuple[str, ...]
    attribute: str
    text: str
    span: Span


@dataclass(frozen=True)
class Quantity:
    """A number with its meaning. ``value`` is in the base unit of ``dimension``; ``sign`` is already in it.

    ``unit`` is the unit as written, normalised ('USD', '%', 'km', '' for a bare number). ``approximate`` marks
    'about', 'nearly', '~'. ``precision`` is the half-width implied by the digits as written, in base units.
    """

    text: str
    span: Span
    value: float
    dimension: str
    unit: str
    precision: float = 0.0
    approximate: bool = False
