"""``groundlane index-library`` on real archives, and the code lane's analyser on what it wrote."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from parsers.blocks.fences import find_code
from serving.cli.main import app
from serving.lanes.code_analysis import CodeAnalyser
from serving.libraries.choice import LibraryChooser
from serving.libraries.store import LibraryStore, version_key
from tests.serving.libraries.builders import SHOP, npm, tarball, wheel

RUNNER = CliRunner()


def run(data: Path, *arguments: str, code: int = 0) -> list[dict[str, object]]:
    """Run a command on a data folder; its rows."""
    result = RUNNER.invoke(app, [*arguments, "--set", f"data_dir={data}", "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout) if result.stdout.strip().startswith("[") else []


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder."""
    return tmp_path / "data"


def flagged(data: Path, code: str, wanted: dict[str, str] | None = None, language: str = "python") -> list[str]:
    """The names that the lane flags in a response without a context."""
    response = f"```{language}\n{code}```\n"
    analyser = CodeAnalyser()
    choice = LibraryChooser(LibraryStore(data / "libraries")).choose(wanted)
    found = analyser.analyse("tenant", response, find_code(response, None), [], choice)
    return [item.name for item in found.findings if item.flagged]


def test_a_wheel_is_indexed_listed_and_removed(data: Path, tmp_path: Path) -> None:
    [row] = run(data, "index-library", str(wheel(tmp_path, "shop", "1.0", SHOP)))
    assert (row["name"], row["version"], row["modules"], row["roots"]) == ("shop", "1.0", len(SHOP), ["shop"])
    assert [item["version"] for item in run(data, "libraries", "list")] == ["1.0"]
    code = "import shop\nshop.Cart('a').add_product('tea')\n"
    assert flagged(data, code) == ["add_product"]
    run(data, "libraries", "remove", "shop", "1.0")
    assert flagged(data, code) == []
    assert run(data, "libraries", "list") == []
    assert not list((data / "libraries").rglob("*.zip"))


def test_versions_are_kept_and_the_newest_is_used(data: Path, tmp_path: Path) -> None:
    newer = {**SHOP, "shop/cart.py": SHOP["shop/cart.py"].replace("add_item", "put_item")}
    run(data, "index-library", str(wheel(tmp_path, "shop", "1.9", SHOP)), str(wheel(tmp_path, "shop", "1.10", newer)))
    old, new = "import shop\nshop.Cart('a').add_item('x')\n", "import shop\nshop.Cart('a').put_item('x')\n"
    assert (flagged(data, old), flagged(data, new)) == (["add_item"], [])
    assert (flagged(data, old, {"shop": "1.9"}), flagged(data, new, {"shop": "1.9"})) == ([], ["put_item"])
    assert flagged(data, old, {"shop": "3.0"}) == flagged(data, new, {"shop": "3.0"}) == []
    chooser = LibraryChooser(LibraryStore(data / "libraries"))
    assert chooser.choose({"Shop": "3.0", "other": "1"}).not_indexed == (("Shop", "3.0", ("1.10", "1.9")),)


def test_an_indexed_version_is_read_again_only_when_asked(data: Path, tmp_path: Path) -> None:
    path = str(wheel(tmp_path, "shop", "1.0", SHOP))
    run(data, "index-library", path)
    assert run(data, "index-library", path) == []
    assert len(run(data, "index-library", path, "--replace")) == 1


def test_a_refused_archive_is_said_and_the_others_are_indexed(data: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad-1.0-py3-none-any.whl"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("../evil.py", "x = 1\n")
    result = RUNNER.invoke(
        app, ["index-library", str(bad), str(wheel(tmp_path, "shop", "1.0", SHOP)), "--set", f"data_dir={data}"]
    )
    assert result.exit_code == 1
    assert "leaves the archive" in result.output
    assert [item["name"] for item in run(data, "libraries", "list")] == ["shop"]
    assert not (tmp_path / "evil.py").exists()


def test_an_sdist_and_a_plain_folder(data: Path, tmp_path: Path) -> None:
    sources = {f"shop-1.0/src/{path}": text for path, text in SHOP.items()}
    sdist = tarball(
        tmp_path / "shop-1.0.tar.gz",
        {**sources, "shop-1.0/PKG-INFO": "Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n", "shop-1.0/setup.py": ""},
    )
    run(data, "index-library", str(sdist))
    assert flagged(data, "from shop import Basket\nfrom shop._version import version\n") == ["Basket"]
    folder = tmp_path / "plain" / "tool"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("def start(): ...\n")
    assert run(data, "index-library", str(folder), code=1) == []
    run(data, "index-library", str(folder), "--name", "tool", "--version", "0.1")
    assert flagged(data, "import tool\ntool.start()\ntool.begin()\n") == ["begin"]


def test_an_installed_distribution(data: Path) -> None:
    """httpx as it is installed here: real members of a real package, and invented ones."""
    info = next(Path(httpx.__file__).parents[1].glob("httpx-*.dist-info"))
    [row] = run(data, "index-library", str(info))
    assert row["version"] == httpx.__version__
    real = (
        "import httpx\nfrom httpx import AsyncClient, HTTPStatusError, Timeout\n"
        "with httpx.Client(timeout=Timeout(3.0), follow_redirects=True) as client:\n"
        "    answer = client.get('u', params={}, headers={})\n    answer.raise_for_status()\n"
        "    print(answer.json(), answer.status_code, answer.headers, answer.is_success, answer.elapsed)\n"
        "async def load():\n    async with AsyncClient() as c:\n        r = await c.post('u', json={})\n"
        "        return r.text, r.aiter_lines()\n"
    )
    assert flagged(data, real) == []
    invented = (
        "import httpx\nwith httpx.Client() as client:\n    r = client.fetch_json('u')\n"
        "httpx.get('u', retries=3)\nhttpx.download('u')\nhttpx.get('u').json_body()\nfrom httpx import Session\n"
    )
    assert flagged(data, invented) == ["fetch_json", "retries", "download", "json_body", "Session"]


def test_a_changed_or_broken_store_is_not_believed(data: Path, tmp_path: Path) -> None:
    run(data, "index-library", str(wheel(tmp_path, "shop", "1.0", SHOP)))
    [file] = (data / "libraries").rglob("*.zip")
    file.write_bytes(b"broken")
    assert flagged(data, "from shop import Basket\n") == []


def test_a_package_of_npm_without_types_is_refused(data: Path, tmp_path: Path) -> None:
    path = npm(tmp_path / "plain.tgz", {"name": "plain", "version": "1.0.0"}, {"index.js": "exports.x = 1\n"})
    result = RUNNER.invoke(app, ["index-library", str(path), "--set", f"data_dir={data}"])
    assert result.exit_code == 1
    assert "@types/plain" in result.output


def test_versions_are_ordered() -> None:
    versions = ["1.0.1", "1.0rc1", "1.10", "1.0", "1.9", "1.0.post1", "2.0.0-beta.1", "2.0.0"]
    ordered = ["1.0rc1", "1.0", "1.0.post1", "1.0.1", "1.9", "1.10", "2.0.0-beta.1", "2.0.0"]
    assert sorted(versions, key=version_key) == ordered


def test_a_package_of_npm_and_a_folder_of_them(data: Path, tmp_path: Path) -> None:
    manifest = {"name": "@shop/cart", "version": "2.1.0", "exports": {".": {"types": "./dist/index.d.ts"}}}
    files = {
        "dist/index.d.ts": "export declare class Cart { addLine(): this }\n",
        "dist/index.js": "exports.Cart = 1\n",
    }
    [row] = run(data, "index-library", str(npm(tmp_path / "cart.tgz", manifest, files)))
    assert (row["family"], row["name"], row["version"]) == ("typescript", "@shop/cart", "2.1.0")
    code = 'import { Cart } from "@shop/cart";\nnew Cart().addLine();\nnew Cart().putLine();\n'
    assert flagged(data, code, language="typescript") == ["putLine"]
    assert flagged(data, code, {"@shop/cart": "1.0.0"}, language="typescript") == []
    folder = tmp_path / "node_modules" / "tool"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "tool", "version": "0.3.0", "types": "lib/tool.d.ts"}')
    (folder / "lib").mkdir()
    (folder / "lib" / "tool.d.ts").write_text("export function start(): void;\n")
    [row] = run(data, "index-library", str(folder.parent))
    assert (row["name"], row["modules"]) == ("tool", 1)
    assert flagged(data, 'import * as tool from "tool";\ntool.start();\ntool.begin();\n', language="typescript") == [
        "begin"
    ]
