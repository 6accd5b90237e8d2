"""Archives that are refused: each has one thing wrong with it, and the message says which."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.libraries.archives import ArchiveError, ArchiveLimits, read_archive, read_folder
from tests.serving.libraries.builders import SHOP, bomb, tarball, wheel

SMALL = ArchiveLimits(files=4, bytes=50_000, file_bytes=20_000, ratio=50)


def _zip(path: Path, name: str, body: bytes, mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, body, zipfile.ZIP_DEFLATED)
    return path


def _many(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(5):
            archive.writestr(f"shop/m{number}.py", "x = 1\n")
    return path


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "leaves-upwards": (lambda f: _zip(f / "a.whl", "../evil.py", b""), "leaves the archive"),
    "absolute": (lambda f: _zip(f / "a.whl", "/etc/evil.py", b""), "leaves the archive"),
    "drive": (lambda f: _zip(f / "a.whl", "C:/evil.py", b""), "leaves the archive"),
    "backslash": (lambda f: tarball(f / "a.tgz", {"package\\..\\evil.py": ""}), "leaves the archive"),
    "inner-dots": (lambda f: tarball(f / "a.tgz", {"package/../../evil.py": ""}), "leaves the archive"),
    "link-in-zip": (lambda f: _zip(f / "a.whl", "shop/passwd.py", b"/etc/passwd", 0o120777), "is a link"),
    "link-in-tar": (lambda f: tarball(f / "a.tgz", {}, {"package/x.py": "/etc/passwd"}), "is a link"),
    "zip-bomb": (lambda f: _zip(f / "a.whl", "shop/a.py", bytes(19_999)), "more than is allowed"),
    "large-file": (lambda f: _zip(f / "a.whl", "shop/a.py", bytes(30_000)), "more than is allowed"),
    "gzip-bomb": (lambda f: bomb(f / "a.tgz", 4), "unpacks to"),
    "many-files": (lambda f: _many(f / "a.whl"), "more than 4 files"),
    "long-path": (lambda f: tarball(f / "a.tgz", {"a/" * 300 + "b.py": ""}), "longer than"),
    "no-zip": (lambda f: _text(f / "a.whl", b"not a zip"), "cannot be read"),
    "no-gzip": (lambda f: _text(f / "a.tgz", b"not a tar"), "cannot be read"),
    "other": (lambda f: _text(f / "a.rar", b""), "no archive"),
}


def _text(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path


@pytest.mark.parametrize(("make", "message"), HOSTILE.values(), ids=HOSTILE)
def test_refused(make: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=message):
        read_archive(make(tmp_path), lambda path: True, SMALL)


def test_a_cut_tarball_is_refused(tmp_path: Path) -> None:
    whole = tarball(tmp_path / "a.tgz", {f"package/{n}.d.ts": f"export const a{n}: {n};\n" * 200 for n in range(3)})
    body = whole.read_bytes()
    whole.write_bytes(body[: len(body) // 2])
    with pytest.raises(ArchiveError, match="cannot be read"):
        read_archive(whole, lambda path: True)


def test_the_default_limits_stop_a_bomb_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="unpacks to"):
        read_archive(bomb(tmp_path / "a.tgz", 200), lambda path: True)


def test_what_is_read_is_what_was_packed(tmp_path: Path) -> None:
    found = read_archive(wheel(tmp_path, "shop", "1.0", SHOP), lambda path: path.endswith(".py"))
    assert {file.path: file.text for file in found if file.path.endswith(".py")} == SHOP


def test_links_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("password = 1\n")
    inside = tmp_path / "package"
    inside.mkdir()
    (inside / "plain.py").write_text("x = 1\n")
    (inside / "link.py").symlink_to(tmp_path / "secret.py")
    (inside / "folder").symlink_to(tmp_path)
    assert [file.path for file in read_folder(inside, lambda path: True)] == ["plain.py"]
