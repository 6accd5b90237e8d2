"""What the prose of a response says of the code: members of visible classes that it names, and files that are not there.

"I will update `CacheClient.get_all`" claims that the class has it. A sentence that makes, renames, removes or denies something
claims nothing of the kind, and a class that the code takes from elsewhere is not the visible one of its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from parsers.blocks.prose import Mention
from parsers.project.entities import ClassEntity, ClassValue, Instance, Value
from parsers.project.module_builder import build_module
from parsers.rules.check import BlockCheck, ResponseCheck
from parsers.rules.duck_types import ReceiverUses
from parsers.rules.findings import Finding
from parsers.rules.members import judge_member
from parsers.syntax.types import ParseResult, Reference, ReferenceKind, Span

__all__ = ["claims_nothing", "judge_mention", "sentence_around"]

# "I will add `Cart.discount`", "rename `Cart.sum` to `Cart.total`", "there is no `Cart.pay`", "`Cart.sum` -> `Cart.total`"
_MAKES_OR_DENIES = re.compile(
    r"\b(?:add(?:s|ed|ing)?|creat(?:e|es|ed|ing)|introduc(?:e|es|ed|ing)|implement(?:ing)?|defin(?:e|ing)|new|renam(?:e|es|ed|ing)"
    r"|remov(?:e|es|ed|ing)|delet(?:e|es|ed|ing)|drop(?:s|ped|ping)?|extract(?:s|ed|ing)?|mov(?:e|es|ed|ing)|replac(?:e|es|ed|ing)"
    r"|propos(?:e|es|ed|ing)|suggest(?:s|ed|ing)?|missing|instead|rather|not|no|none|never|without|lacks?|longer|nonexistent"
    r"|(?:would|could|might) be|left (?:it )?out|future|previously|formerly|hypothetical|example|cannot"
    r"|hinzu\w*|füge|neue?[rsnm]?|erstell\w*|anleg\w*|umbenenn\w*|benenn\w*|entfern\w*"
    r"|lösch\w*|statt|nicht|kein\w*|fehl\w*|einführ\w*|implementier\w*|ersetz\w*|früher\w*)\b|n['’]t\b|->|=>|→",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?:](?=\s)|\n")
_NEAREST_SENTENCE = 400


def sentence_around(text: str, span: Span) -> str:
    """The sentence or line of a response that holds ``span``."""
    first = max(0, span[0] - _NEAREST_SENTENCE)
    starts = [match.end() for match in _SENTENCE_END.finditer(text, first, span[0])]
    ending = _SENTENCE_END.search(text, span[1], span[1] + _NEAREST_SENTENCE)
    return text[starts[-1] if starts else first : ending.start() if ending is not None else span[1] + _NEAREST_SENTENCE]


def claims_nothing(text: str, span: Span) -> bool:
    """Whether the sentence around ``span`` makes, renames, removes or denies things instead of relying on them."""
    return _MAKES_OR_DENIES.search(sentence_around(text, span)) is not None


def judge_mention(checks: Sequence[ResponseCheck], text: str, mention: Mention) -> Iterator[Finding]:
    """What the members behind the name of a visible class end as; nothing where no visible class is named.

    ``checks``: the response in each language family. Classes of one name in two families: nobody knows which is meant.
    """
    for number, part in enumerate(mention.parts[:-1]):
        found = [(check, owners) for check in checks if part[:1].isupper() and (owners := _owners(check, part))]
        if not found:
            continue
        if len(found) == 1 and not any(_is_foreign(check, part) for check in checks):
            yield from _members(*found[0], text, mention, number)
        return


def _owners(response: ResponseCheck, name: str) -> list[ClassEntity]:
    """The visible classes of a name, as they were and as the response makes them."""
    project = response.project
    symbols = [*project.index.top_level.get(name, ()), *project.top_level.get(name, ())]
    if project.family == "rust":  # methods stand in other files than their type
        symbols = (project.package or project.index.crate.entity).lookup(name)
    elif project.family == "go":
        packages = [*project.index.merged.values(), *((project.package,) if project.package is not None else ())]
        symbols = [symbol for package in packages for symbol in package.lookup(name)]
    found = {id(item.entity): item.entity for item in symbols if item.kind == "class" and item.entity is not None}
    return list(found.values())


def _members(
    response: ResponseCheck, owners: Sequence[ClassEntity], text: str, mention: Mention, number: int
) -> Iterator[Finding]:
    chain, spans = mention.parts[number:], mention.spans[number:]
    module = owners[0].module
    block = build_module(ParseResult(module.language, module.path or None, (), (), ()), "<response prose>")
    check = BlockCheck(response, block, text)
    values: tuple[Value, ...] | None = tuple(
        value for owner in owners for value in (Instance(owner), ClassValue(owner))
    )
    for position in range(1, len(chain)):
        if not values:
            return
        end = spans[position][1]
        line = text.count("\n", 0, spans[position][0]) + 1
        reference = Reference(
            chain[: position + 1],
            ReferenceKind.CALL,
            spans[position],
            line,
            spans=spans[: position + 1],
            extent=(spans[0][0], end),
        )
        found = judge_member(check, ReceiverUses(check), reference, values, position, True)
        if found.flagged and claims_nothing(text, (spans[0][0], end)):
            return
        yield replace(found, place="prose")
        if found.flagged:
            return
        values = response.inference.step(values, chain[position], block.entity, -1)


def _is_foreign(response: ResponseCheck, name: str) -> bool:
    """Whether some visible code takes a thing of this name from a module that is not visible."""
    project = response.project
    return any(
        project.import_module(file.entity, item.module, item.level) is None
        for file in project.files.values()
        for item in file.parse.imports
        if name in {item.name, item.alias}
    )
