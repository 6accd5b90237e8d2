"""Rows on disk as a type checker gets them, and what it says as outcomes of the benchmark."""

from __future__ import annotations

from pathlib import Path

from benchmarks.code_peers import peer_outcomes, write_projects

FILE = "class Cart:\n    def add(self, line): ...\n\n    def total(self):\n        return 0\n"
METHOD = "    def total(self):\n        self.{} (1)\n        return 1\n"


def row(name: str) -> dict[str, object]:
    """A method of a file, calling ``name``."""
    response = f"In `shop/cart.py`:\n\n```python\n{METHOD.format(name)}```\n"
    start = response.index(f"self.{name}") + 5
    wrong = [] if name == "add" else [{"name": name, "start": start, "end": start + len(name)}]
    return {
        "id": name,
        "pair_id": "1",
        "language": "python",
        "mode": "method",
        "files": [{"path": "shop/cart.py", "text": FILE}],
        "response": response,
        "phantoms": wrong,
    }


def test_a_checker_gets_the_file_with_the_method_in_its_place(tmp_path: Path) -> None:
    [project] = write_projects([row("append")], tmp_path)
    [(path, _)] = project.blocks
    text = path.read_text()
    assert path == tmp_path / "row0" / "shop" / "cart.py"
    assert "self.append (1)" in text
    assert "return 0" not in text
    assert text.count("class Cart") == 1


def test_what_it_says_counts_inside_the_response_only(tmp_path: Path) -> None:
    right, wrong = write_projects([row("add"), row("append")], tmp_path)
    found = {
        path: [(0, 5)] for project in (right, wrong) for path, _ in project.blocks
    }  # ``class``: not of the response
    assert [(item.hits, item.flagged) for item in peer_outcomes([right, wrong], found)] == [([], []), ([False], [])]
    [(path, _)] = wrong.blocks
    start = path.read_text().index("append")
    [hit] = peer_outcomes([wrong], {path: [(start, start + 6)]})
    assert (hit.hits, hit.false_alarms) == ([True], 0)
    [(path, _)] = right.blocks
    start = path.read_text().index("self.add")
    [alarm] = peer_outcomes([right], {path: [(start, start + 4)]})
    assert (alarm.hits, alarm.false_alarms) == ([], 1)
