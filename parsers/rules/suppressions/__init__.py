"""Why a name that its owner does not seem to have is left alone: one ordered table, one function a rule.

The first rule that applies decides; its code stands in the finding as ``rule``. Each function shows an example as a comment.
"""

from __future__ import annotations

from parsers.rules.suppressions import classes, everywhere, go, imports, library, python, rust, script
from parsers.rules.suppressions.rule import (
    EVERY,
    GO,
    PLAIN_SCRIPT,
    PYTHON,
    RUST,
    SCRIPT,
    MissingImport,
    MissingMember,
    SuppressionRule,
    first_reason,
)

__all__ = ["IMPORT_RULES", "MEMBER_RULES", "MissingImport", "MissingMember", "SuppressionRule", "first_reason"]

MEMBER_RULES: tuple[SuppressionRule[MissingMember], ...] = (
    SuppressionRule("assigned-here", EVERY, everywhere.assigned_here),
    SuppressionRule("assigned-elsewhere", EVERY, everywhere.assigned_elsewhere),
    SuppressionRule("special-name", EVERY, everywhere.special_name),
    SuppressionRule("named-by-text", EVERY, everywhere.named_by_text),
    SuppressionRule("may-be-submodule", PYTHON, python.may_be_submodule),
    SuppressionRule("library-private", EVERY, library.private_name),
    SuppressionRule("library-global", SCRIPT, library.global_name),
    SuppressionRule("adapts-to-versions", EVERY, library.adapts_to_versions),
    SuppressionRule("abstract-type", PYTHON, library.abstract_type),
    SuppressionRule("derived-has-it", EVERY, everywhere.derived_has_it),
    SuppressionRule("library-private-inherited", SCRIPT, library.inherited_private_name),
    SuppressionRule("own-this", SCRIPT, script.own_this),
    SuppressionRule("alias-of-rebound-this", SCRIPT, script.alias_of_rebound_this),
    SuppressionRule("base-for-others", EVERY, classes.base_for_others),
    SuppressionRule("asked-whether-there", PLAIN_SCRIPT, script.asked_whether_there),
    SuppressionRule("receiver-assigned-again", PLAIN_SCRIPT, script.receiver_assigned_again),
    SuppressionRule("checked-first", PYTHON | SCRIPT, everywhere.checked_first),
    SuppressionRule("trait-known-elsewhere", RUST, rust.known_elsewhere),
    SuppressionRule("open-module", RUST, rust.open_module),
    SuppressionRule("associated-name", RUST, rust.associated_name),
    SuppressionRule("star-traits", RUST, rust.star_traits),
    SuppressionRule("macro-may-add", RUST, rust.macro_may_add),
    SuppressionRule("unseen-trait", RUST, rust.unseen_trait),
    SuppressionRule("extension-trait", RUST, rust.extension_trait),
    SuppressionRule("generated-method", GO, go.generated_method),
    SuppressionRule("package-with-gaps", GO, go.package_with_gaps),
)
"""Rules of members, in the order in which they are asked."""

IMPORT_RULES: tuple[SuppressionRule[MissingImport], ...] = (
    SuppressionRule("module-not-whole", EVERY, imports.module_not_whole),
    SuppressionRule("unlisted-std-path", RUST, imports.unlisted_std_path),
    SuppressionRule("macro-by-use", RUST, imports.macro_by_use),
    SuppressionRule("known-to-other-code", RUST, imports.known_to_other_code),
    SuppressionRule("special-module-name", PYTHON, imports.special_module_name),
    SuppressionRule("unknown-place", PYTHON, imports.unknown_place),
    SuppressionRule("submodule", PYTHON, imports.submodule),
    SuppressionRule("plain-script-module", SCRIPT, imports.plain_script_module),
    SuppressionRule("global-script-name", SCRIPT, imports.global_script_name),
    SuppressionRule("library-constant", SCRIPT, imports.library_constant),
    SuppressionRule("expected-to-be-missing", PYTHON, imports.expected_to_be_missing),
    SuppressionRule("reads-version", PYTHON, imports.reads_version),
)
"""Rules of imports, in the order in which they are asked."""
