"""JavaScript, TypeScript and TSX: which handler reads which capture of ``queries/``."""

from __future__ import annotations

import re

from parsers.javascript import assignments, definitions, exports, modules, types, uses
from parsers.javascript.bindings import bind_parameters
from parsers.javascript.facts import FACTS
from parsers.syntax.extraction import Grammar

__all__ = ["GRAMMAR"]

# ``<in T, out U>``: the grammar does not know variance marks.
_VARIANCE = re.compile(r"([<,]\s*)((?:in\s+out|in|out)\b)(\s+[A-Z])")
# ``using file = open()``: the grammar does not know it; ``const`` has as many letters.
_USING = re.compile(r"(?:await[ \t]+)?\busing(?=[ \t]+[A-Za-z_$][\w$]*\s*=)")

# ``static accessor zone = 1``: a field with a getter and a setter; to its users it is a field.
_ACCESSOR = re.compile(
    r"^([ \t]*(?:@[\w.$]+(?:\([^()\n]*\))?[ \t]+)*(?:(?:static|public|private|protected|override|abstract|declare)[ \t]+)*)"
    r"accessor(?=[ \t]+(?!(?:in|of|as|is|instanceof|satisfies)\b)[\w$#\[\"'])",
    re.MULTILINE,
)
GRAMMAR = Grammar(
    names=frozenset({"identifier", "this", "super", "type_identifier", "shorthand_property_identifier"}),
    members={
        "member_expression": ("object", "property"),
        "nested_identifier": ("object", "property"),
        "nested_type_identifier": ("module", "name"),
    },
    steps={
        "call_expression": ("function", "()"),
        "new_expression": ("constructor", "()"),
        "subscript_expression": ("object", "[]"),
        "await_expression": ("", "?"),
    },
    wrappers={"parenthesized_expression": "", "non_null_expression": "", "instantiation_expression": ""},
    handlers={
        "import": modules.on_import,
        "export": modules.on_export,
        "require": modules.on_require,
        "module": types.on_module,
        "class": definitions.on_class,
        "interface": types.on_interface,
        "enum": types.on_enum,
        "type_alias": types.on_type_alias,
        "function": definitions.on_function,
        "method": definitions.on_method,
        "object_method": definitions.on_object_method,
        "inline_method": types.on_inline_method,
        "property": types.on_property,
        "inline_property": types.on_inline_property,
        "index_signature": types.on_index_signature,
        "field": definitions.on_field,
        "declarator": definitions.on_declarator,
        "assignment": assignments.on_assignment,
        "closure": definitions.on_closure,
        "return": definitions.on_return,
        "extending": definitions.on_extending,
        "export_star": exports.on_export_star,
        "exports_handed": exports.on_exports_handed,
        "inherits": assignments.on_inherits,
        "evaluating": definitions.on_evaluating,
        "import_alias": types.on_import_alias,
        "signature": types.on_signature,
        "type_parameter": types.on_type_parameter,
        "index_name": types.on_type_name,
        "mapped": types.on_type_name,
        "infer": types.on_type_name,
        "predicate": types.on_unused_name,
        "label": types.on_unused_name,
        "parameters": bind_parameters,
        "parameter": uses.on_parameter,
        "catch": uses.on_catch,
        "for_in": uses.on_for_in,
        "element": uses.on_element,
        "closing_element": uses.on_closing_element,
        "decorator": uses.on_decorator,
        "call": uses.on_call,
        "new": uses.on_new,
        "nested_type": types.on_nested_type,
        "member": uses.on_member,
        "type": types.on_type,
        "this": uses.on_this,
        "name": uses.on_name,
        **FACTS,
    },
    finish=modules.finish,
    keeps_words=True,
    counts_words=True,
    rewrites=(
        (_VARIANCE, lambda match: match[1] + " " * len(match[2]) + match[3]),
        (_ACCESSOR, lambda match: match[1] + " " * len("accessor")),
        (_USING, lambda match: "const".rjust(len(match[0]))),
    ),
)
