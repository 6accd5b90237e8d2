"""Small real archives of packages, built where a test needs them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

SHOP = {
    "shop/__init__.py": (
        "from shop.cart import Cart as Cart\nfrom shop._clients import Client, open_client\n"
        "__all__ = ['Cart', 'Client', 'open_client']\n"
    ),
    "shop/cart.py": (
        "class Cart:\n    def __init__(self, owner: str, *, currency: str = 'EUR') -> None:\n        self.owner = owner\n"
        "    def add_item(self, name: str, count: int = 1) -> 'Line':\n        return Line(name, count)\n"
        "class Line:\n    def __init__(self, name, count):\n        self.name = name\n        self.count = count\n"
        "    def total_price(self) -> int:\n        return 1\n"
    ),
    "shop/_clients.py": (
        "from typing import TypeVar\nfrom shop.cart import Cart\nT = TypeVar('T', bound='Client')\n"
        "class Client:\n    def __enter__(self: T) -> T:\n        return self\n    def __exit__(self, *args): ...\n"
        "    def fetch_cart(self, owner: str) -> Cart:\n        return Cart(owner)\n"
        "def open_client(url: str, *, timeout_s: float = 3.0) -> Client:\n    return Client()\n"
    ),
    "shop/dynamic.py": "class Lazy:\n    def __getattr__(self, name):\n        return name\n",
    "shop/globals.py": (
        "from shop.cart import Cart\nclass Proxy:\n    def __init__(self, get): ...\n    def unwrap_it(self): ...\n"
        "    def __getattr__(self, name): ...\ncurrent: Cart = Proxy(lambda: None)  # type: ignore\n"
    ),
    "shop/state.py": (
        "class Box:\n    def __init__(self):\n        self.value = 1\n    def open_it(self): ...\n"
        "    def __setstate__(self, state):\n        for name, value in state.items():\n            setattr(self, name, value)\n"
    ),
    "shop/stars.py": "from elsewhere import *\n",
    "shop/reports/__init__.py": "def monthly_report(month): ...\n",
    "shop/reports/daily.py": "def daily_report(day): ...\n",
}


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str]) -> Path:
    """A wheel with its metadata and RECORD."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/RECORD", "".join(f"{inside},,\n" for inside in files))
    return path


def tarball(path: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None) -> Path:
    """A gzipped tar; ``links`` are symbolic ones."""
    with tarfile.open(path, "w:gz") as archive:
        for inside, text in files.items():
            info = tarfile.TarInfo(inside)
            body = text.encode()
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        for inside, target in (links or {}).items():
            info = tarfile.TarInfo(inside)
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    return path


def npm(path: Path, manifest: Mapping[str, object], files: Mapping[str, str]) -> Path:
    """A tarball as ``npm pack`` makes it."""
    inside = {f"package/{name}": text for name, text in files.items()}
    return tarball(path, {"package/package.json": json.dumps(manifest), **inside})


def bomb(path: Path, megabytes: int) -> Path:
    """A tarball of one file of zeros that packs a thousand times smaller."""
    with gzip.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        info = tarfile.TarInfo("package/index.d.ts")
        info.size = megabytes << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    return path
