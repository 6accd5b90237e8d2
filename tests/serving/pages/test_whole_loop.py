"""The whole loop in one browser: a bad answer is labelled, becomes a case, and two runs show that it is fixed.

With ``GROUNDLANE_PICTURES=docs/pictures/loop`` the real RAG lane scores, and each step leaves
its picture there: those of docs/loop.md.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
import pytest

from serving.config.load import load_config
from serving.http.gateway import create_app
from serving.lanes.dispatch import Lanes
from serving.lanes.factory import local_rag_lane
from tests.serving.evals.eval_server import LetterEncoder, ReadyRollup
from tests.serving.http_server import running
from tests.serving.pages import test_labelling
from tests.serving.pages.conftest import play
from tests.serving.pages.fake_lane import build

CONVERSATION = "orchard-warranty-2304"
PICTURES = os.environ.get("GROUNDLANE_PICTURES")
GOOD = "The battery is a wear part and covered for six months; housing and electronics are covered for two years."


def _with_the_real_lane(folder):
    values = {"data_dir": str(folder), "observability.log_level": "error", "traces.settle_s": 0}
    config = load_config(None, values, environment={})
    lane = local_rag_lane(config)

    class Ready:
        async def score(self, request):
            return await lane.score(request)

        async def ready(self) -> None:
            """Loaded already."""

    return create_app(config, Lanes(rag=Ready(), code=Ready(), rollup=ReadyRollup()), {"minilm": LetterEncoder()})


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("loop")
    with running(_with_the_real_lane(folder) if PICTURES else build(folder)) as found:
        play(found)
        yield found


def test_a_bad_answer_becomes_a_case_that_shows_the_fix(browser, url):
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 860})
    page = context.new_page()

    def picture(name):
        if PICTURES:
            Path(PICTURES).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(PICTURES) / f"{name}.png")

    with httpx.Client(base_url=f"{url}/api/v1", limits=test_labelling.FRESH) as api:
        test_labelling.settled(api, CONVERSATION)
    page.goto(f"/review/conversation?id={CONVERSATION}")
    turn = page.locator("#turn-1")
    turn.locator("input[value=down]").check(force=True)
    turn.locator("input[value=wrong]").check(force=True)
    picture("1-label")
    turn.get_by_role("button", name="Save").click()
    turn.locator(".given").wait_for()

    page.goto("/review?label=down")
    page.get_by_label("Name of the eval set").fill("warranty failures")
    picture("2-eval-set")
    page.get_by_role("button", name="Create eval set").click()
    page.get_by_role("link", name="Check the drafts").click()
    page.locator(".rows a.open", has_text="TrailLight").first.click()
    name = page.url.partition("id=")[2]
    page.get_by_label("What a good answer does").fill("Says six months for the battery, as the manual does.")
    page.get_by_label("Reference answer").fill(GOOD)
    page.get_by_label("Graders (JSON)").fill(json.dumps([{"kind": "contains", "text": "six months"}]))
    picture("3-case")
    page.get_by_role("button", name="Save as a new revision").click()
    page.get_by_role("button", name="Make it CURATED").click()
    page.get_by_role("button", name="Make it ACTIVE").click()
    assert page.locator("main .badge").first.inner_text() == "ACTIVE"

    page.goto("/review/cases?status=ACTIVE")
    page.get_by_label("Name of the suite").fill("warranty")
    page.get_by_role("button", name="Freeze all active cases").click()
    failure = "Yes, the TrailLight headlamp including its battery is covered by our five-year warranty."
    for title, answer in (("prompt 7", failure), ("prompt 8", GOOD)):
        page.goto("/review/cases?status=ACTIVE")
        page.get_by_role("link", name="New run of warranty").click()
        page.get_by_label("Name of the experiment").fill(title)
        page.get_by_text("recorded answers", exact=True).click()
        page.get_by_label("Recorded answers, one JSON").fill(json.dumps({"task_id": name, "answer": answer}))
        page.get_by_role("button", name="Estimate").click()
        picture("4-estimate")
        page.get_by_role("button", name="Start the run").click()
        page.get_by_role("heading", name="Complete").wait_for()
        page.reload()
        picture("5-run")
    page.goto("/review/runs")
    page.get_by_label("prompt 7 as the baseline").check()
    page.get_by_label("prompt 8 as the candidate").check()
    page.get_by_role("button", name="Compare the two").click()
    assert "1 known failure fixed, no answer regressed" in page.locator("h1").inner_text()
    picture("6-comparison")
    context.close()
