"""Suppression rules of Rust: traits and macros can add members from anywhere."""

from __future__ import annotations

from parsers.inference.members import derived_methods
from parsers.project.entities import ClassEntity
from parsers.rules.check import BlockCheck, is_library
from parsers.rules.suppressions.rule import MissingMember

__all__ = [
    "associated_name",
    "extension_trait",
    "known_elsewhere",
    "macro_may_add",
    "open_module",
    "star_traits",
    "unseen_trait",
]

_BY_TRAIT = "a trait may give it this name"
_SERDE = {"serialize", "deserialize", "deserialize_in_place"}  # what its derives give to a type
_STD_VALUES = frozenset(
    "Vec String str slice Option Result HashMap HashSet BTreeMap BTreeSet VecDeque Path PathBuf Duration Instant Box".split()
)
"""Types of std that code calls most; all their methods are in the data, and traits of others must be imported to add any."""

_KNOWN_TRAITS = frozenset(
    (
        "Serialize Deserialize Serializer Deserializer Error Debug Display Clone Copy Default From Into TryFrom TryInto Drop Fn"
        " FnMut FnOnce Send Sync Unpin Sized Eq PartialEq Ord PartialOrd Hash Iterator IntoIterator FromStr AsRef AsMut Borrow"
        " Deref DerefMut Index IndexMut Add Sub Mul Div Neg Not Future Read Write Extend FromIterator ExactSizeIterator"
        " DoubleEndedIterator FusedIterator ToString ToOwned AddAssign SubAssign BitAnd BitOr BitXor Hasher BuildHasher"
    ).split()
)


def known_elsewhere(check: BlockCheck, missing: MissingMember) -> str | None:
    """Only a name that no visible code and nothing in std has is judged, of std's own types only of those listed here."""
    # cart.serialize(out);  but not lines.remove_first() of a Vec
    name, owner = missing.name, missing.owner
    other = is_library(owner) and not (isinstance(owner, ClassEntity) and owner.name in _STD_VALUES and missing.called)
    known = name in check.universe or name in _SERDE or not name.isidentifier() or other
    return _BY_TRAIT if known else None


def open_module(check: BlockCheck, missing: MissingMember) -> str | None:
    """The owner's module or the block's own may define more than is visible: a macro, a star import."""
    # use crate::prelude::*;  // whose file is not given
    owner = missing.owner
    module = owner.module if isinstance(owner, ClassEntity) else owner
    reason = module is not None and (module.opaque or check.block.entity.opaque)
    return f"of its module {reason}" if reason else None


def associated_name(_check: BlockCheck, missing: MissingMember) -> str | None:
    """A type or constant may come from a trait; a variant cannot."""
    # Cart::MAX_LINES, T::Item
    owner, name = missing.owner, missing.name
    if not isinstance(owner, ClassEntity) or not name[:1].isupper():
        return None
    return None if owner.kind == "enum" and not name.isupper() else _BY_TRAIT


def star_traits(check: BlockCheck, missing: MissingMember) -> str | None:
    """A star import brings what another crate shares: traits with methods for any type."""
    # use rayon::prelude::*; ... cart.par_lines()
    if not missing.called or missing.owner_class is None or missing.name[:1].isupper():
        return None
    entity = check.block.entity
    foreign = any(
        check.project.import_module(entity, module, level) is None and not module.rpartition("::")[2][:1].isupper()
        for module, level in entity.stars
    )
    return _BY_TRAIT if foreign else None


def macro_may_add(check: BlockCheck, missing: MissingMember) -> str | None:
    """A macro is given the type's name, or a derive of another crate stands on it."""
    # #[derive(Builder)] struct Cart; ... cart.with_lines(3)
    owner = missing.owner_class
    if owner is None or _is_variant(owner, missing) or not missing.called:
        return None
    return check.project.class_doubt(owner) or derived_methods(owner.decorators) or None


def unseen_trait(check: BlockCheck, missing: MissingMember) -> str | None:
    """The type implements a trait whose own methods are not visible."""
    # impl Priced for Cart {…}  // the trait Priced is in a file that is not given
    owner = missing.owner_class
    if owner is None or not missing.called or _is_variant(owner, missing):
        return None
    for ancestor in check.inference.mro(owner)[0]:
        for text in ancestor.bases:
            name = text.rpartition(".")[2].partition("<")[0]
            if name not in _KNOWN_TRAITS and check.inference.base_of(ancestor, text) is None:
                return f"the trait {name} is not visible"
    return None


def extension_trait(check: BlockCheck, missing: MissingMember) -> str | None:
    """The code imports from an unseen place a type-like name that it never uses by name: a trait, for its methods."""
    # use itertools::Itertools; ... cart.sorted_lines()
    owner = missing.owner_class
    if owner is None or not missing.called or _is_variant(owner, missing):
        return None
    if missing.head in {"self", "Self"} and owner.kind != "trait":
        return None
    for item in check.block.parse.imports:
        name = item.alias or item.name or ""
        unseen = check.project.import_module(check.block.entity, item.module, item.level) is None
        if unseen and (name == "_" or (name[:1].isupper() and check.facts.occurrences.get(name) == 1)):
            return "an imported trait may give it this name"
    return None


def _is_variant(owner: ClassEntity, missing: MissingMember) -> bool:
    return owner.kind == "enum" and missing.name[:1].isupper()
