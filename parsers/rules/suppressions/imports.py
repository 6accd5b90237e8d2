"""Suppression rules of imports: names that a module may have although nothing visible shows them."""

from __future__ import annotations

import re

from parsers.inference import LookupStatus
from parsers.project.suggestions import NEAR, best_match
from parsers.rules.check import CALLS, BlockCheck
from parsers.rules.suppressions.library import asks_for_version
from parsers.rules.suppressions.rule import MissingImport
from parsers.syntax.types import Import

EXPECTED = "the code expects that it may be missing"

__all__ = [
    "EXPECTED",
    "expected_to_be_missing",
    "global_script_name",
    "is_guarded",
    "known_to_other_code",
    "library_constant",
    "macro_by_use",
    "module_not_whole",
    "plain_script_module",
    "reads_version",
    "special_module_name",
    "submodule",
    "unknown_place",
    "unlisted_std_path",
]


def module_not_whole(_check: BlockCheck, missing: MissingImport) -> str | None:
    """The look-up itself says why the module may have more: a star import, a computed export."""
    # from shop.api import Cart  # shop/api.py says: from .missing import *
    return missing.lookup.reason if missing.lookup.status is LookupStatus.UNKNOWN else None


def unlisted_std_path(_check: BlockCheck, missing: MissingImport) -> str | None:
    """Not every path of Rust's std is in the data."""
    # use std::os::unix::ffi::OsStrExt;
    return "not all of the standard library's paths are listed" if missing.module.library else None


def macro_by_use(check: BlockCheck, missing: MissingImport) -> str | None:
    """What is used as a macro is exported by ``macro_export``, wherever it stands."""
    # use crate::price; ... price!(3)
    name = missing.item.alias or missing.name
    used = name in check.facts.macros or any(item.chain[-1] == f"{name}!" for item in check.block.parse.references)
    return "it is used as a macro" if used else None


def known_to_other_code(check: BlockCheck, missing: MissingImport) -> str | None:
    """Rust modules re-export in many ways: other visible code has this name."""
    # use crate::Cart;  // struct Cart stands in src/cart.rs
    return "other visible code has this name" if missing.name in check.project.index.names else None


def special_module_name(_check: BlockCheck, missing: MissingImport) -> str | None:
    """The runtime gives modules names between double underscores."""
    # from shop import __version__
    return "the runtime gives modules special names" if re.fullmatch(r"__\w+__", missing.name) else None


def unknown_place(check: BlockCheck, missing: MissingImport) -> str | None:
    """A relative import of code that lies nobody knows where, of a name unlike any that the module has."""
    # from .cart import Discount
    unknown = missing.item.level and check.project.home is None
    near = best_match(missing.name, missing.module.all_names())[1] >= NEAR if unknown else True
    return "the place of the code is not known" if not near else None


def submodule(check: BlockCheck, missing: MissingImport) -> str | None:
    """A package's folder may hold files that were not given: names that are called or are no module names do not count."""
    # from shop import discounts
    name = missing.item.name
    if not missing.module.is_package or missing.module.whole or name is None or not name.islower():
        return None
    bound = missing.item.alias or name
    called = any(
        reference.chain[0] == bound and reference.kind in CALLS and len(reference.chain) == 1
        for reference in check.block.parse.references
    )
    return None if called else f"{missing.module.key} may have a submodule of that name"


def plain_script_module(check: BlockCheck, missing: MissingImport) -> str | None:
    """TypeScript takes from plain JavaScript what comments or a declaration file declare."""
    # import { Options } from "./cart.js";
    file = check.project.files.get(missing.module.key)
    plain = file is not None and file.parse.language == "javascript" and check.language != "javascript"
    return "its module is plain JavaScript: a comment or a declaration file may declare it" if plain else None


def global_script_name(check: BlockCheck, missing: MissingImport) -> str | None:
    """Node's modules share what is global too."""
    # import { URL } from "node:url";
    known = missing.module.library and check.project.library.globals.lookup(missing.name)
    return "it is a global name" if known else None


def library_constant(_check: BlockCheck, missing: MissingImport) -> str | None:
    """Constants that depend on the platform are not listed."""
    # import { SIGWINCH } from "os";
    unlisted = missing.module.library and missing.name.isupper()
    return "not all constants of the standard library are listed" if unlisted else None


def expected_to_be_missing(check: BlockCheck, missing: MissingImport) -> str | None:
    """The import stands directly inside ``try:`` or under a check of the version."""
    # try: from tomllib import loads
    installed = missing.module.library or missing.module.package
    return EXPECTED if installed and is_guarded(check, missing.item) else None


def is_guarded(check: BlockCheck, item: Import) -> bool:
    """Whether an import may fail without harm."""
    return any(start <= item.span[0] < end for start, end in check.facts.guarded)


def reads_version(check: BlockCheck, missing: MissingImport) -> str | None:
    """The code asks which version of a package it runs with."""
    # if httpx.__version__ < "0.28": from httpx import Proxies
    return "the code adapts to versions" if missing.module.package and asks_for_version(check) else None
