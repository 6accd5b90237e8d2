"""Daily files: days, sizes, modes, retention, several writers, a kill in the middle."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from serving.audit.files import DailyFiles, remove_old_days

DAY_MS = 86_400_000
NOW_MS = 1_796_000_000_000  # 2026-11-30


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_day_a_folder_and_nobody_else_may_read(tmp_path: Path) -> None:
    files = DailyFiles(tmp_path / "audit", "gateway", 1000, 30)
    files.append(b'{"n":1}\n', NOW_MS)
    files.append(b'{"n":2}\n', NOW_MS)
    files.append(b'{"n":3}\n', NOW_MS + DAY_MS)
    files.close()
    assert names(tmp_path / "audit") == ["2026-11-30/gateway.jsonl", "2026-12-01/gateway.jsonl"]
    assert (tmp_path / "audit/2026-11-30/gateway.jsonl").read_bytes() == b'{"n":1}\n{"n":2}\n'
    for path in (tmp_path / "audit").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_full_file_is_continued_and_a_restart_goes_on_where_there_is_room(tmp_path: Path) -> None:
    line = b"x" * 39 + b"\n"
    for _ in range(2):
        files = DailyFiles(tmp_path, "g", 100, 30)
        for _ in range(4):
            files.append(line, NOW_MS)
        files.close()
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "2026-11-30").iterdir()}
    assert sizes == {"g.jsonl": 120, "g.1.jsonl": 120, "g.2.jsonl": 80}


def test_writers_have_files_of_their_own_whatever_they_are_called(tmp_path: Path) -> None:
    for writer in ("a", "../../etc/b", ""):
        files = DailyFiles(tmp_path / "audit", writer, 100, 30)
        files.append(b"{}\n", NOW_MS)
        files.close()
    assert names(tmp_path) == ["audit/2026-11-30/-etc-b.jsonl", "audit/2026-11-30/0.jsonl", "audit/2026-11-30/a.jsonl"]


def test_old_days_go_and_nothing_else(tmp_path: Path) -> None:
    for name in ("2026-11-27", "2026-11-28", "2026-11-30", "notes", "2026-11-01.bak"):
        (tmp_path / name).mkdir()
    (tmp_path / "2026-01-01").write_text("a file, not a folder")
    (tmp_path / "2026-01-02").symlink_to(tmp_path / "notes")
    assert remove_old_days(tmp_path, "2026-11-30", 3) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-01-01",
        "2026-01-02",
        "2026-11-01.bak",
        "2026-11-28",
        "2026-11-30",
        "notes",
    ]


def test_a_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "2026-11-30").mkdir()
    (tmp_path / "elsewhere").write_text("")
    (tmp_path / "2026-11-30/g.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError):
        DailyFiles(tmp_path, "g", 100, 30).append(b"{}\n", NOW_MS)
    assert (tmp_path / "elsewhere").read_text() == ""
