"""The pictures of the README, from the running code: ``python -m benchmarks.pictures`` (Debian's chromium, the test packages).

``heatmap.png``: an answer as the lane colours it. ``review.png``: the reviewer's page on the recorded conversations of
``make demo``, which are made up.
"""

from __future__ import annotations

import asyncio
import html
import shutil
import subprocess
import tempfile
from pathlib import Path

import orjson

from serving.api.lane_types import LaneInput
from serving.config.load import load_config
from serving.lanes.factory import local_rag_lane

HERE = Path(__file__).parent.parent / "docs" / "pictures"
CONTEXT = (
    "The Lindau Bridge opened on 4 May 1932 after six years of construction. It is 1,149 metres long and carries eight "
    "lanes of road traffic. The bridge was designed by the engineer Clara Hoffmann."
)
ANSWER = (
    "The Lindau Bridge opened on 4 May 1932 and was designed by Clara Hoffmann. It is 1,490 metres long. "
    "Its towers were painted blue for the queen's visit."
)
PAGE = """<!doctype html><meta charset="utf-8"><style>body{{margin:16px;font:14px/1.5 system-ui,sans-serif;width:660px}}
h2{{font-size:13px;margin:10px 12px 0;color:#555}}p{{margin:2px 12px}}table{{margin:4px 12px;border-spacing:0 2px}}
td{{padding-right:14px;vertical-align:top}}b.supported{{color:#17713c}}b.contradicted{{color:#b3261e}}b.unsupported{{color:#9a5b00}}
</style><h2>Context</h2><p>{context}</p><h2>Answer: {band}, {score}</h2>{heatmap}<table>{claims}</table>"""
ROW = "<tr><td><b class='{verdict}'>{verdict}</b></td><td>{text}{instead}</td></tr>"


def heatmap_page() -> str:
    """The answer's heatmap with its verdicts, as the lane gives them."""
    lane = local_rag_lane(load_config(environment={}))
    try:
        request = LaneInput("picture", "picture", ANSWER, raw_context=CONTEXT, heatmap_format="html")
        answer = orjson.loads(asyncio.run(lane.score(request)).body)
    finally:
        lane.close()
    rows = []
    for claim in answer["claims"]:
        source = claim.get("source_value")
        instead = f" <i>The source says {html.escape(source['text'])}.</i>" if source else ""
        rows.append(ROW.format(verdict=claim["verdict"], text=html.escape(claim["text"]), instead=instead))
    return PAGE.format(
        context=html.escape(CONTEXT),
        band=answer["band"],
        score=f"{answer['score']:.2f}",
        heatmap=answer["heatmap_html"],
        claims="".join(rows),
    )


def photograph(address: str, picture: Path, width: int, height: int) -> None:
    """A picture of a page, by a browser without a window."""
    browser = shutil.which("chromium")
    if browser is None:
        raise SystemExit("no chromium: install Debian's package chromium")
    with tempfile.TemporaryDirectory() as profile:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-device-scale-factor=1.5",
        ]
        options += ["--virtual-time-budget=8000", f"--user-data-dir={profile}", f"--window-size={width},{height}"]
        subprocess.run([browser, *options, f"--screenshot={picture}", address], check=True, timeout=240)


def review_picture(folder: Path) -> None:
    """One conversation on the reviewer's page, from a server in this process."""
    from tests.serving.evals.eval_server import build
    from tests.serving.http_server import running
    from tests.serving.pages.conftest import play

    with running(build(folder)) as url:
        play(url)
        photograph(f"{url}/review", HERE / "review.png", 1100, 640)


def main() -> None:
    """Make both pictures."""
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "heatmap.html"
        page.write_text(heatmap_page(), encoding="utf-8")
        photograph(page.as_uri(), HERE / "heatmap.png", 700, 330)
        review_picture(Path(name))


if __name__ == "__main__":
    main()
