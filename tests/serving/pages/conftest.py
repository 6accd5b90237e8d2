"""One server in this process for all tests of the pages, with the recorded conversations of the demonstration."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from examples.recorded import recorded
from serving.auth.keys import KeyFile
from tests.serving.http_server import running
from tests.serving.pages.fake_lane import build

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
BROWSER_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Site:
    """A server and what it needs to be talked to."""

    url: str
    folder: Path
    key: str = ""
    reviewers: tuple[str, ...] = ()


def play(url: str, key: str = "") -> None:
    """Send the recorded conversations."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers) as client:
        for body in recorded(time.time()):
            client.post("/api/v1/traces", json=body).raise_for_status()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Without keys: whoever is on this machine."""
    folder = tmp_path_factory.mktemp("pages")
    with running(build(folder)) as url:
        play(url)
        yield Site(url, folder)


@pytest.fixture(scope="session")
def locked_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With keys: ``key`` of a tenant that sends nothing, ``reviewers`` of two people of another."""
    folder = tmp_path_factory.mktemp("locked")
    keys = KeyFile(folder / "keys.json")
    _, key = keys.create("acme", "ines")
    reviewers = tuple(keys.create("reviewers", name)[1] for name in ("rita", "rolf"))
    with running(build(folder, **{"auth.keys_file": str(keys.path)})) as url:
        yield Site(url, folder, key, reviewers)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium. Per module: Playwright's loop must not be there when the next module's asynchronous tests run."""
    if os.environ.get("GROUNDLANE_NO_BROWSER") == "1":
        pytest.skip("GROUNDLANE_NO_BROWSER=1: pages are not looked at in a browser")
    if not Path(CHROMIUM).exists():
        pytest.fail(
            "no Chromium on this machine: 'make browser' installs it, GROUNDLANE_NO_BROWSER=1 leaves these tests out"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=list(BROWSER_ARGUMENTS))
        yield opened
        opened.close()
