"""Fragments, methods, edits and diffs are judged in the file that they amend."""

import pytest

from parsers.blocks.context_files import ContextFile
from parsers.blocks.fences import find_code
from parsers.syntax.languages import language_of_path
from serving.lanes.code_analysis import CodeAnalyser
from tests.parsers.placing import analyse, fenced, flagged

CACHE = """import logging
from typing import Iterable

from store import Backend

LOG = logging.getLogger(__name__)


def normalise(key: str) -> str:
    return key.lower()


class Cache:
    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.hits = 0

    def get(self, key: str) -> bytes | None:
        return self.backend.read(normalise(key))

    def clear(self) -> None:
        self.backend.drop()
"""
STORE = """class Backend:
    def read(self, key: str) -> bytes | None:
        return None

    def drop(self) -> None:
        pass
"""
PYTHON = {"src/cache.py": CACHE, "src/store.py": STORE}
TYPESCRIPT = {
    "src/router.ts": """import { Trie } from "./trie";

export class Router {
  private trie = new Trie();

  add(path: string, handler: () => void): void {
    this.trie.insert(path, handler);
  }

  match(path: string): boolean {
    return this.trie.find(path);
  }
}
""",
    "src/trie.ts": """export class Trie {
  insert(path: string, handler: () => void): void {}
  find(path: string): boolean { return false; }
}
""",
}
GO = {
    "queue/queue.go": """package queue

import "sync"

type Queue struct {
\tmu    sync.Mutex
\titems []string
}

func (q *Queue) Len() int { return len(q.items) }
func (q *Queue) Push(item string) { q.items = append(q.items, item) }
""",
    "queue/worker.go": """package queue

func drain(q *Queue) int { return q.Len() }
""",
}
RUST = {
    "src/pool.rs": """use std::collections::HashMap;

pub struct Pool {
    slots: HashMap<u32, String>,
}

impl Pool {
    pub fn size(&self) -> usize {
        self.slots.len()
    }
}
""",
}


METHOD = (
    "class Cache:\n    def get(self, key: str) -> bytes | None:\n        LOG.debug(key)\n"
    "        return self.backend.{name}(normalise(key))\n"
)
BARE = (
    "def warm(cache: Cache, keys: Iterable[str]) -> int:\n    for key in keys:\n        cache.{name}(normalise(key))\n"
    "    return cache.hits\n"
)
SEARCH = (
    "src/cache.py\n<<<<<<< SEARCH\n    def clear(self) -> None:\n        self.backend.drop()\n=======\n"
    "    def clear(self) -> None:\n        self.hits = 0\n        self.backend.{name}()\n>>>>>>> REPLACE\n"
)
DIFF = (
    "```diff\n--- a/src/cache.py\n+++ b/src/cache.py\n@@ -20,3 +20,4 @@\n     def clear(self) -> None:\n+        self.hits = 0\n"
    "-        self.backend.drop()\n+        self.backend.{name}()\n```\n"
)
ELIDED = (
    "class Cache:\n    def __init__(self, backend: Backend) -> None:\n        # ... existing code ...\n        self.misses = 0\n"
    "\n    def rate(self) -> float:\n        return self.hits / (self.hits + self.{name})\n"
)
ROUTER = (
    "export class Router {{\n  has(path: string): boolean {{\n"
    "    return this.trie.{name}(path) && this.match(path);\n  }}\n}}"
)
GO_METHOD = "package queue\n\nfunc (q *Queue) Empty() bool {{\n\tq.mu.Lock()\n\tdefer q.mu.Unlock()\n\treturn q.{name}() == 0\n}}"
RUST_METHOD = "impl Pool {{\n    pub fn is_empty(&self) -> bool {{\n        self.{name}() == 0\n    }}\n}}"


@pytest.mark.parametrize(
    ("template", "language", "files", "right", "wrong"),
    [
        pytest.param(METHOD, "python", PYTHON, "read", "fetch_bytes", id="class-header-and-method"),
        pytest.param(BARE, "python", PYTHON, "get", "get_bytes", id="function-by-the-names-it-uses"),
        pytest.param(SEARCH, None, PYTHON, "drop", "drop_all_now", id="search-and-replace"),
        pytest.param(DIFF, None, PYTHON, "drop", "drop_all_now", id="diff"),
        pytest.param(ELIDED, "python", PYTHON, "misses", "misses_total", id="elided-body"),
        pytest.param(ROUTER, "typescript", TYPESCRIPT, "find", "findExact", id="typescript-class"),
        pytest.param(GO_METHOD, "go", GO, "Len", "LenAll", id="go-method"),
        pytest.param(RUST_METHOD, "rust", RUST, "size", "size_of_pool", id="rust-impl"),
    ],
)
def test_a_fragment_is_judged_in_its_file(
    template: str, language: str | None, files: dict[str, str], right: str, wrong: str
) -> None:
    for name, expected in ((right, []), (wrong, [wrong])):
        code = template.format(name=name)
        response = fenced(language, code) if language else code
        found = analyse(response, files)
        assert flagged(found) == expected
        assert found.placements[0].path == next(iter(files))
        for finding in found.findings:
            assert response[slice(*finding.span)] == finding.name


def test_a_name_that_a_visible_file_has_is_no_phantom() -> None:
    code = "import json\n\n\ndef dump(path: str) -> str:\n    return json.dumps(normalise(path) + Backend.__name__)\n"
    assert flagged(analyse(fenced("python", code), PYTHON)) == []


def test_an_edit_that_does_not_apply_says_so_with_the_nearest_line() -> None:
    stale = "def clear(self, now) -> None:\n        self.backend"
    response = SEARCH.format(name="drop").replace("def clear(self) -> None:\n        self.backend", stale, 1)
    placed = analyse(response, PYTHON).placements[0]
    assert (placed.path, placed.applies) == ("src/cache.py", False)
    assert placed.nearest is not None
    assert placed.nearest[1] == "def clear(self) -> None:"


def test_two_blocks_of_one_answer_amend_two_files() -> None:
    first = "class Cache:\n    def size(self) -> int:\n        return self.backend.count()\n"
    second = "class Backend:\n    def count(self) -> int:\n        return 0\n"
    found = analyse(fenced("python", first) + fenced("python", second), PYTHON)
    assert flagged(found) == []
    assert [placed.path for placed in found.placements] == ["src/cache.py", "src/store.py"]


def test_one_answer_leaves_nothing_behind_for_the_next() -> None:
    context = tuple(ContextFile(path, text, 0, language_of_path(path)) for path, text in PYTHON.items())
    analyser = CodeAnalyser()
    adds, uses = (
        fenced("python", METHOD.format(name="read") + "\n    def peek(self) -> None: ...\n"),
        fenced("python", BARE.format(name="peek")),
    )
    before = flagged(analyser.analyse("t", uses, find_code(uses), context))
    analyser.analyse("t", adds, find_code(adds), context)
    assert flagged(analyser.analyse("t", uses, find_code(uses), context)) == before == ["peek"]


def test_a_program_of_its_own_is_a_new_file() -> None:
    found = analyse(fenced("python", "from cache import Cache\n\nprint(Cache)\n"), PYTHON)
    assert found.placements[0].path is None
    assert found.placements[0].why == "none"
