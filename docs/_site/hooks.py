"""Hooks of the documentation site: pages that live at the repository's root, and result files that pages link to.

``README.md`` is the front page. A link that leaves ``docs/`` in the repository leads to a copy inside the site, so the
same text works in a checkout, on a code host and on the site; MkDocs' strict mode then checks every one of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "deploy/README.md": "deploy/README.md",
}
"""Repository path of a page outside ``docs/``, and its path on the site."""
FOLDERS = ("benchmarks/results", "scoring/artifacts", "deploy", "examples")
"""Folders whose files pages may link to."""
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages and files that lie outside ``docs/``."""
    for source, target in PAGES.items():
        folder = Path(source).parent
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=_relinked(text, folder, target)))
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).glob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and name not in PAGES:
                files.append(File.generated(config, name, content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Links of pages in ``docs/`` that leave it."""
    source = page.file.src_uri
    if source in PAGES.values():
        return markdown
    return _relinked(markdown, (Path("docs") / source).parent, source)


def _relinked(text: str, folder: Path, page: str) -> str:
    return _LINK.sub(lambda match: _site_link(match, folder, page), text)


def _site_link(match: re.Match[str], folder: Path, page: str) -> str:
    """A link relative to ``folder`` of the repository, as one relative to ``page`` of the site."""
    parts: list[str] = []
    for part in (folder / match.group(1)).parts:  # docs/../benchmarks/results/x.json -> benchmarks/results/x.json
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    name = "/".join(parts)
    target = PAGES.get(name, name.removeprefix("docs/"))
    return "](" + "../" * page.count("/") + target
