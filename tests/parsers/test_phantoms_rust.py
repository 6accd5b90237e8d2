"""Rust: paths, macros, traits and patterns; what is found, and where the owner is not fully visible."""

from __future__ import annotations

import pytest

from parsers.project.index import build_index
from parsers.rules.phantoms import ResponseBlock, resolve
from parsers.syntax.symbols import parse_source

LIB = """
mod shape;
mod draw;
mod helper;
pub use shape::{Shape, Area};
"""

SHAPE = """
use std::collections::HashMap;
use crate::draw::{Canvas, render_all};

pub enum Shape { Circle(Round), Square { side: f64 }, Empty }

pub struct Round { pub radius: f64, pub tags: Vec<Label> }

pub struct Label { pub text: String }

pub struct Wrapper(pub Round);

#[derive(Debug, Builder)]
pub struct Derived { pub name: String }

pub trait Area { fn area(&self) -> f64; }

pub struct Table { pub rows: HashMap<String, Round> }

impl Round {
    pub fn first(&self) -> Option<Label> { None }
    pub fn load() -> Result<Round, String> { unimplemented!() }
}

impl Buf for Wrapper {}

pub struct Handle(Round);

impl std::ops::Deref for Handle { type Target = Round; fn deref(&self) -> &Round { &self.0 } }

pub struct Lent<T>(T);

impl<T> std::ops::Deref for Lent<T> { type Target = T; fn deref(&self) -> &T { &self.0 } }

make_things!(Generated, extra_item);
"""

CONTEXT = {"pkg/src/lib.rs": LIB, "pkg/src/shape.rs": SHAPE}


def judge(response: str, context: dict[str, str] | None = None) -> dict[str, str]:
    files = CONTEXT if context is None else context
    index = build_index([parse_source(text, "rust", path) for path, text in files.items()])
    findings = resolve([ResponseBlock(parse_source(response, "rust"), response)], index)
    return {finding.name: finding.status.value for finding in findings if finding.flagged}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        pytest.param("use crate::shape::Shapes;", "Shapes", id="import"),
        pytest.param("use crate::{Areas};", "Areas", id="import-by-re-export"),
        pytest.param("use crate::shape;\nfn f(s: shape::Rounded) {}", "Rounded", id="path-of-an-imported-module"),
        pytest.param("fn f() -> crate::shape::Rounding { todo!() }", "Rounding", id="path-from-the-root"),
        pytest.param("use crate::shape::Shape;\nfn f() { let s = Shape::Circles(r); }", "Circles", id="variant"),
        pytest.param(
            "use crate::shape::Shape;\nfn f(s: Shape) { match s { Shape::Circle(c) => { c.radii; } _ => {} } }",
            "radii",
            id="field-of-what-an-arm-binds",
        ),
        pytest.param(
            "use crate::shape::Round;\nfn f(r: &Round) { if let Some(label) = r.first() { label.texts; } }",
            "texts",
            id="if-let-some",
        ),
        pytest.param(
            "use crate::shape::Round;\nfn f() -> Result<(), String> { Round::load()?.radius_all; Ok(()) }",
            "radius_all",
            id="question-mark",
        ),
        pytest.param(
            "use crate::shape::Round;\nfn f(r: Round) { for tag in &r.tags { tag.content_text; } }",
            "content_text",
            id="loop-over-a-vector",
        ),
        pytest.param(
            "use crate::shape::Table;\nfn f(t: &Table) { for (key, row) in &t.rows { row.radius_now; } }",
            "radius_now",
            id="loop-over-a-map",
        ),
        pytest.param("use crate::shape::Wrapper;\nfn f(w: Wrapper) { w.0.radius_x; }", "radius_x", id="tuple-struct"),
        pytest.param(
            "use crate::shape::Derived;\nfn f(d: Derived) { d.names; }", "names", id="field-of-a-derived-type"
        ),
        pytest.param(
            "pub struct Canvas;\npub fn render_all() {}\nuse super::shape::Rounds;",
            "Rounds",
            id="super-of-the-missing-file",
        ),
    ],
)
def test_a_name_that_a_visible_owner_lacks_is_flagged(code: str, name: str) -> None:
    assert set(judge(code)) == {name}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("use crate::shape::extra_item;", id="named-in-the-tokens-of-a-macro"),
        pytest.param("use crate::draw::anything;", id="module-without-a-file"),
        pytest.param("use crate::shape::Wrapper;\nfn f(w: Wrapper) { w.advance_all(); }", id="trait-of-another-crate"),
        pytest.param(
            "use crate::shape::Derived;\nfn f(d: Derived) { d.builder_of(); }", id="unknown-derive-adds-methods"
        ),
        pytest.param(
            "use other::RoundExt;\nuse crate::shape::Round;\nfn f(r: Round) { r.rounded_up(); }", id="extension-trait"
        ),
        pytest.param("use other::prelude::*;\nuse crate::shape::Round;\nfn f(r: Round) { r.inflate(); }", id="prelude"),
        pytest.param(
            "use crate::shape::Shape::*;\nfn f() -> u8 { Circle(1); Empty; 0 }", id="variants-brought-by-a-star-import"
        ),
        pytest.param("fn f(i: impl Iterator<Item = u8>) {}", id="associated-type-by-name"),
        pytest.param("fn f(r: Box<dyn Fn(u8)>) { r.anything(); }", id="closure-type"),
        pytest.param("use crate::shape::Table;\nfn f() { Table::deserialize(1); }", id="serde-by-derive"),
        pytest.param(
            "pub enum Own { One }\nmod tests { use super::Own::*; fn f() { One; } }\nuse crate::shape::Label;",
            id="star-of-an-enumeration-in-a-module",
        ),
        pytest.param("use crate::shape::Lent;\nfn f(l: Lent<Other>) { l.anything_at_all; }", id="deref-to-a-parameter"),
        pytest.param("use crate::{helpful_macro};\nfn f() { helpful_macro!(1); }", id="macro-of-the-crate"),
    ],
)
def test_silence_where_the_owner_is_not_fully_visible(code: str) -> None:
    assert judge(code) == {}


def test_paths_inside_an_inline_module_start_there() -> None:
    lib = "pub mod client { pub(super) mod builder; pub use builder::Wanted; }\n"
    files = {"pkg/src/client/builder.rs": "pub struct Wanted;\n", "pkg/src/builder.rs": "pub struct Other;\n"}
    assert judge(lib, files) == {}


def test_a_type_with_methods_in_several_files_is_one() -> None:
    more = "use super::shape::Round;\nimpl Round { pub fn scaled(&self) -> Round { todo!() } }\n"
    files = {**CONTEXT, "pkg/src/more.rs": more}
    assert judge("use crate::shape::Round;\nfn f(r: Round) { r.scaled(); r.scaled_to(); }", files).keys() == {
        "scaled_to"
    }


@pytest.mark.parametrize(
    ("code", "flagged"),
    [
        pytest.param("use tls::{Certificate, Key};\nuse crate::shape::Round;\n", set(), id="crate-named-like-a-module"),
        pytest.param(
            "mod tls;\npub use tls::Certificates;\nuse crate::shape::Round;\n", {"Certificates"}, id="declared"
        ),
    ],
)
def test_a_path_starts_at_the_root_only_where_its_module_is_declared(code: str, flagged: set[str]) -> None:
    files = {
        **CONTEXT,
        "pkg/src/tls/mod.rs": "pub mod server;\npub struct Certificate;\n",
        "pkg/src/tls/other.rs": "use super::Other;\n",
    }
    assert judge(code, files).keys() == flagged


def test_a_star_in_the_tokens_of_a_macro_brings_unknown_names() -> None:
    files = {"pkg/src/sys/mod.rs": "if_poll! { mod unix; pub use self::unix::*; }\npub struct Known;\n"}
    assert judge("use crate::sys::Knowns;\n", files) == {}
