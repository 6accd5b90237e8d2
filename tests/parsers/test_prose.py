"""Members that the prose names are judged where their class is visible; a path that is not among the files is said."""

import pytest

from tests.parsers.placing import analyse, fenced, flagged

FILES = {
    "src/cache.py": """class CacheClient:
    def get_many(self, keys: list[str]) -> list[str]:
        return keys

    def close(self) -> None:
        self.open = False
""",
    "src/session.ts": "export class Session {\n  user = '';\n  async load(key: string): Promise<string> { return key; }\n}\n",
    "queue/queue.go": "package queue\n\ntype Queue struct{ items []string }\n\nfunc (q *Queue) Push(item string) {}\n",
    "src/pool.rs": "pub struct Pool;\n\nimpl Pool {\n    pub fn size(&self) -> usize { 0 }\n}\n",
}


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        pytest.param("I will update CacheClient.get_all in src/cache.py.", ["get_all"], id="sentence"),
        pytest.param("I will update CacheClient.get_many in src/cache.py.", [], id="sentence-right"),
        pytest.param("The loop now calls `CacheClient.get_all(keys)` once.", ["get_all"], id="call-in-backticks"),
        pytest.param("The loop now calls `src.cache.CacheClient.get_many()` once.", [], id="with-its-module"),
        pytest.param("`Session#reload` is what fails.", ["reload"], id="typescript-hash"),
        pytest.param("`Session.prototype.load` is what fails.", [], id="typescript-prototype"),
        pytest.param("Use `Queue.Pop` there.", ["Pop"], id="go"),
        pytest.param("Use `Queue.Push` there.", [], id="go-right"),
        pytest.param("Call `Pool::length` and stop counting.", ["length"], id="rust"),
        pytest.param("Call `Pool::size` and stop counting.", [], id="rust-right"),
        pytest.param("I will add `CacheClient.get_all` next.", [], id="to-be-made"),
        pytest.param("There is no CacheClient.get_all in this file.", [], id="denied"),
        pytest.param("Rename `CacheClient.fetch` to `CacheClient.get_many`.", [], id="renamed"),
        pytest.param("`CacheClient.get_all` would be a nice helper.", [], id="a-wish"),
        pytest.param("See CacheClient.py and Session.ts, e.g. the top.", [], id="file-names"),
        pytest.param("`Connection.open_all` is elsewhere.", [], id="class-that-is-not-visible"),
        pytest.param("The cache.get_all call is a variable's.", [], id="variable"),
    ],
)
def test_members_in_prose(prose: str, expected: list[str]) -> None:
    found = analyse(prose, FILES)
    assert flagged(found) == expected
    for finding in found.findings:
        assert prose[slice(*finding.span)] == finding.name
        assert finding.place == "prose"


def test_what_the_answer_adds_is_known_to_its_prose() -> None:
    code = "class CacheClient:\n    def get_all(self) -> list[str]:\n        return self.get_many([])\n"
    assert flagged(analyse("CacheClient.get_all reads everything.\n\n" + fenced("python", code), FILES)) == []


def test_what_the_answer_takes_away_was_there() -> None:
    gone = "--- a/src/cache.py\n+++ b/src/cache.py\n@@ -5,2 +5,1 @@\n-    def close(self) -> None:\n-        self.open = False\n"
    assert flagged(analyse(f"CacheClient.close was dead code.\n\n```diff\n{gone} \n```\n", FILES)) == []


def test_a_class_of_the_same_name_from_elsewhere() -> None:
    code = "from requests import Session\n\nSession().get('x')\n"
    assert flagged(analyse("`Session.get` sends it.\n\n" + fenced("python", code), FILES | {"src/web.py": code})) == []


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        pytest.param("I changed `src/cachee.py`.", [("src/cachee.py", "src/cache.py")], id="near-one"),
        pytest.param("I changed lib/session.ts too.", [("lib/session.ts", "src/session.ts")], id="same-name-elsewhere"),
        pytest.param("I changed src/cache.py and ./queue/queue.go.", [], id="known"),
        pytest.param("I will create src/limits.py for it.", [], id="made"),
        pytest.param("Node.js and example.com say so.", [], id="words"),
        pytest.param("See https://example.com/src/app.py for it.", [], id="address"),
    ],
)
def test_paths_in_prose(prose: str, expected: list[tuple[str, str]]) -> None:
    assert [(found.path, found.nearest) for found in analyse(prose, FILES).unknown_paths] == expected


@pytest.mark.parametrize(
    "bases",
    ["object", "six.with_metaclass(ABCMeta)", "six.with_metaclass(ABCMeta, object)", "with_metaclass(ABCMeta, Base)"],
)
def test_bases_that_add_no_members(bases: str) -> None:
    head = "import six\nfrom abc import ABCMeta\nfrom six import with_metaclass\n\n\nclass Base(object):\n    pass\n"
    files = {"a.py": f"{head}\n\nclass Job({bases}):\n    def go(self): pass\n"}
    assert flagged(analyse("`Job.go` calls `Job.goo_away`.", files)) == ["goo_away"]
