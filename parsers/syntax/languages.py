"""The languages the code lane reads, as a table, and how to tell which one a text is in."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module, resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Parser, Query

__all__ = ["LANGUAGES", "LanguageSpec", "detect_language", "language_of_path", "resolve_language"]


@dataclass(frozen=True)
class LanguageSpec:
    """One language. ``grammar`` is (module, function) of its wheel; ``queries``: stems in queries/ beside the extractor."""

    name: str
    grammar: tuple[str, str]
    extractor: str
    queries: tuple[str, ...]
    aliases: tuple[str, ...]
    extensions: tuple[str, ...]
    line_comment: str
    hints: re.Pattern[str]


def _hints(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.MULTILINE)


_SCRIPT_HINTS = (
    r"^[ \t]*(?:export\s+)?(?:default\s+)?(?:async\s+)?function\b\s*+(?:\*\s*+)?\w*+\s*+\(",
    r"^[ \t]*(?:export\s+)?(?:const|let|var)\s+[\w${\[][^=\n]*=(?!=)",
    r"=>\s*[{(\w]",
    r"\brequire\(['\"]",
    r"^import\s+(?:[\w$*{][^;\n]*\sfrom\s++)?['\"]",
    r"\bconsole\.\w+\(",
    r"===|!==",
    r"^[ \t]*export\s+(?:default|class|\{)",
    r"\bnew\s+[A-Z]\w*\(",
    r"\bthis\.\w",
)
_TYPE_HINTS = (
    r"^[ \t]*(?:export\s+)?(?:declare\s+)?interface\s+\w[^\n{]*+\{",
    r"^[ \t]*(?:export\s+)?type\s+\w+(?:<[^\n=]*>)?\s*=",
    r"^[ \t]*(?:export\s+)?(?:const\s+)?enum\s+\w+\s*\{",
    r"[\w)\]]\??\s*:\s*(?:string|number|boolean|void|any|unknown|never|Promise<|Array<|Record<|readonly\s|\w+\[\])",
    r"\b(?:private|public|protected|readonly)\s+\w+\s*[:(=?]",
    r"\bimport\s+type\b|\bas\s+const\b|\bimplements\s+\w|\bsatisfies\s+\w",
)
_MARKUP_HINTS = (
    r"<[A-Z]\w*(?:\s[^<>\n]*)?/?>",
    r"</[A-Za-z]\w*>|<>|</>",
    r"\bReact\b|\buse(?:State|Effect|Ref|Memo)\(",
)

LANGUAGES: dict[str, LanguageSpec] = {
    spec.name: spec
    for spec in (
        LanguageSpec(
            "python",
            ("tree_sitter_python", "language"),
            "parsers.python.extract",
            ("python",),
            ("py", "python3", "py3", "pyi", "gyp", "ipython"),
            (".py", ".pyi", ".pyw"),
            "#",
            _hints(
                r"^[ \t]*(?:async\s+)?def\s+\w+\s*(?:\[[^\]\n]*\])?\(",
                r"^[ \t]*class\s+\w[^{\n]*:\s*+(?:#.*)?$",
                r"^[ \t]*from\s+[.\w]+\s+import\s",
                r"^import\s+[\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+)*[ \t]*$",
                r"^[ \t]*(?:if|elif|for|while|with|try|except|else)\b[^{};\n]*:[ \t]*$",
                r"\bself\.\w",
                r"^[ \t]*@\w[\w.]*(?:\(.*\))?[ \t]*$",
                r"\bprint\(|\bNone\b|\bTrue\b|\bFalse\b",
            ),
        ),
        LanguageSpec(
            "javascript",
            ("tree_sitter_javascript", "language"),
            "parsers.javascript.extract",
            ("script", "javascript", "markup"),
            ("js", "jsx", "node", "nodejs", "mjs", "cjs", "ecmascript", "es6"),
            (".js", ".jsx", ".mjs", ".cjs"),
            "//",
            _hints(*_SCRIPT_HINTS),
        ),
        LanguageSpec(
            "typescript",
            ("tree_sitter_typescript", "language_typescript"),
            "parsers.javascript.extract",
            ("script", "typescript"),
            ("ts", "mts", "cts"),
            (".ts", ".mts", ".cts"),
            "//",
            _hints(*_SCRIPT_HINTS, *_TYPE_HINTS),
        ),
        LanguageSpec(
            "tsx",
            ("tree_sitter_typescript", "language_tsx"),
            "parsers.javascript.extract",
            ("script", "typescript", "markup"),
            ("typescriptreact",),
            (".tsx",),
            "//",
            _hints(*_SCRIPT_HINTS, *_TYPE_HINTS, *_MARKUP_HINTS),
        ),
        LanguageSpec(
            "go",
            ("tree_sitter_go", "language"),
            "parsers.go.extract",
            ("go",),
            ("golang",),
            (".go",),
            "//",
            _hints(
                r"^package\s+\w+[ \t]*$",
                r"^func\s*+(?:\([^)\n]*\)\s*+)?\w*+\s*+(?:\[[^\]\n]*\])?\(",
                r"^type\s+\w+(?:\[[^\]\n]*\])?\s+(?:struct|interface|func|map|\[\])",
                r":=",
                r"^import\s+(?:\(|\")",
                r"\bif\s+err\s*!=\s*nil\b|\bnil\b",
                r"\bfmt\.\w+\(|\bgo\s+func\(|\bdefer\s+\w|\bchan\s+\w",
            ),
        ),
        LanguageSpec(
            "rust",
            ("tree_sitter_rust", "language"),
            "parsers.rust.extract",
            ("rust",),
            ("rs",),
            (".rs",),
            "//",
            _hints(
                r"^[ \t]*(?:pub(?:\([^)\n]*\))?\s+)?(?:async\s+|unsafe\s+|const\s+)*fn\s+\w+",
                r"^[ \t]*(?:pub(?:\([^)\n]*\))?\s+)?(?:struct|trait|mod)\s+\w+",
                r"^[ \t]*impl\b[^;\n]*\{?",
                r"^[ \t]*(?:pub\s+)?use\s+[\w:]+(?:::|;)",
                r"\blet\s+(?:mut\s+)?\w++\s*+(?::[^=\n]{1,200}+)?=",
                r"\b\w+!\s*[(\[{]",
                r"#!?\[(?:derive|cfg|test|allow|inline)",
                r"->\s*(?:Self|Result<|Option<|&|impl\s|Vec<|String\b|[iu]\d+\b)",
                r"\w::\w|&mut\s|\.unwrap\(\)",
            ),
        ),
    )
}

_ALIASES = {alias: spec.name for spec in LANGUAGES.values() for alias in (spec.name, *spec.aliases)}
_EXTENSIONS = {extension: spec.name for spec in LANGUAGES.values() for extension in spec.extensions}
_DETECTION_CHARACTERS = 20_000
_MAX_HITS = 200
_LOCAL = threading.local()
_PARTS = {
    "definitions": ("definitions",),
    "references": ("references", "words"),  # a file of the context
    "judged": ("references", "words", "facts"),  # a response
}


def language_of_path(path: str) -> str | None:
    """Language by file extension, None when it is none of ours."""
    return _EXTENSIONS.get(PurePosixPath(path.replace("\\", "/")).suffix.lower())


def language_of_tag(tag: str) -> str | None:
    """Language by a hint or fence tag such as ``py`` or ``language-ts``; None when it is none of ours."""
    return _ALIASES.get(tag.strip().lower().removeprefix("language-").removeprefix("lang-").removeprefix("."))


def resolve_language(
    hint: str | None = None, *, path: str | None = None, fence: str | None = None, text: str | None = None
) -> str | None:
    """First of: path extension, fence tag, hint, detection from ``text``."""
    if path is not None and (found := language_of_path(path)) is not None:
        return found
    for tag in (fence, hint):
        if tag and (found := language_of_tag(tag)) is not None:
            return found
    return detect_language(text) if text else None


def detect_language(text: str) -> str | None:
    """Language of bare code by cheap evidence; ties and near ties are decided by the fewest parse errors."""
    sample = text[:_DETECTION_CHARACTERS]
    scores = {name: _score(sample, spec) for name, spec in LANGUAGES.items()}
    best = max(scores.values())
    if best < 1:
        return None
    _prefer_plainer(scores)
    close = [name for name, score in scores.items() if score >= 0.6 * best and score > 0]
    if len(close) == 1:
        return close[0]
    errors = {name: count_language_errors(sample, name) for name in close}
    return min(close, key=lambda name: (errors[name], -scores[name]))


def _score(sample: str, spec: LanguageSpec) -> float:
    """Distinct lines of evidence count more than repeats of one."""
    hits: dict[str, int] = {}
    for count, match in enumerate(spec.hints.finditer(sample)):
        key = match.group(0).strip()[:12]
        hits[key] = hits.get(key, 0) + 1
        if count >= _MAX_HITS:
            break
    return float(sum(min(number, 3) for number in hits.values()))


def _prefer_plainer(scores: dict[str, float]) -> None:
    """JavaScript, TypeScript and TSX share hints: keep the plainest that explains as much evidence."""
    if scores["tsx"] <= scores["typescript"]:
        scores["tsx"] = 0.0
    if scores["typescript"] <= scores["javascript"]:
        scores["typescript"] = 0.0
    elif max(scores["typescript"], scores["tsx"]) > scores["javascript"]:
        scores["javascript"] = scores["javascript"] if scores["typescript"] == 0.0 else 0.0


def count_language_errors(text: str, name: str) -> float:
    """Share of the first 20,000 characters of ``text`` that language ``name`` cannot read."""
    from parsers.syntax.source import count_errors

    rewrites = import_module(LANGUAGES[name].extractor).GRAMMAR.rewrites
    return count_errors(parser_for(name), text[:_DETECTION_CHARACTERS], rewrites)


@cache
def grammar_of(name: str) -> Language:
    """The tree-sitter grammar, loaded from its wheel on first use."""
    from tree_sitter import Language

    module, function = LANGUAGES[name].grammar
    loader: Callable[[], object] = getattr(import_module(module), function)
    return Language(loader())


def parser_for(name: str) -> Parser:
    """This thread's parser of a language. Parsers hold state and cannot be pickled or shared."""
    from tree_sitter import Parser

    parsers: dict[str, Parser] = _LOCAL.__dict__.setdefault("parsers", {})
    if name not in parsers:
        parsers[name] = Parser(grammar_of(name))
    return parsers[name]


@cache
def query_of(name: str, part: str) -> Query:
    """The compiled query ``part`` ('definitions', 'references' or 'judged', see ``_PARTS``) of a language."""
    from tree_sitter import Query

    package = LANGUAGES[name].extractor.rpartition(".")[0]
    folder = resources.files(package) / "queries"
    files = [folder / f"{stem}.{kind}.scm" for kind in _PARTS[part] for stem in LANGUAGES[name].queries]
    texts = [file.read_text("utf-8") for file in files if file.is_file()]
    return Query(grammar_of(name), "\n".join(texts))
