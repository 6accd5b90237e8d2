"""Cases and runs in the browser: a draft becomes active, a suite is frozen, two runs are read, asked about and compared."""

from __future__ import annotations

import asyncio
import html
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi import FastAPI

from serving.pages.plots import WIDTH, axis_of, difference_plot, share_plot
from tests.serving.http_server import running

FRESH = httpx.Limits(max_keepalive_connections=0)
COUNT = 12


def case(number):
    return {
        "task_id": f"sum-{number:02}",
        "input_messages": [{"role": "user", "content": f"What is {number} plus {number}? <b>"}],
        "expected_behavior": "Says the sum.",
        "reference_answer": f"It is {2 * number}.",
        "recorded_failure": "It is wrong.",
        "graders": [{"kind": "numeric", "value": 2 * number}],
        "failure_category": "sums",
        "track": "regression" if number % 2 else "golden",
    }


def answers(wrong):
    return [
        {"task_id": f"sum-{n:02}", "answer": "no idea" if n in wrong else f"It is {2 * n}.", "latency_ms": 100.0 + n}
        for n in range(COUNT)
    ]


@pytest.fixture(scope="module")
def runs(site):
    """Two runs of twelve cases: the released one gets 1, 3 and 5 wrong, the candidate 4."""
    with httpx.Client(base_url=f"{site.url}/api/v1", limits=FRESH) as api:
        api.post("/cases", json={"cases": [case(n) for n in range(COUNT)]}).raise_for_status()
        names = [f"sum-{n:02}" for n in range(COUNT)]
        for name in names:
            for status in ("CURATED", "ACTIVE"):
                api.post(f"/cases/{name}/status", json={"status": status}).raise_for_status()
        suite = api.post("/suites", json={"name": "sums", "task_ids": names}).json()["suite"]["suite_hash"]
        started = []
        for title, wrong in (("released", {1, 3, 5}), ("candidate", {4})):
            target = {"kind": "recorded", "answers": answers(wrong)}
            body = {"suite": suite, "target": target, "experiment_name": title}
            answer = api.post("/runs", json=body)
            assert answer.status_code == 202, answer.text
            started.append(answer.json()["run"]["run_id"])
        for run_id in started:
            for _ in range(300):
                if api.get(f"/runs/{run_id}").json()["run"]["status"] == "COMPLETED":
                    break
                time.sleep(0.1)
            else:
                raise AssertionError(f"{run_id} did not end")
    return started


@pytest.fixture
def open_page(browser, site):
    contexts = []

    def opened(path, **options):
        context = browser.new_context(base_url=site.url, **{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")], ids=["desk-light", "phone-dark"])
@pytest.mark.parametrize("which", ["cases", "case", "runs", "run", "comparison", "new", "trend"])
def test_axe_finds_nothing_and_nothing_sticks_out(open_page, runs, which, width, theme):
    path = {
        "cases": "/review/cases?status=ACTIVE",
        "case": "/review/case?id=sum-01",
        "runs": "/review/runs",
        "run": f"/review/run?id={runs[0]}",
        "trend": "/review/trend?name=released",
        "new": f"/review/runs/new?like={runs[0]}",
        "comparison": f"/review/comparison?baseline={runs[0]}&candidate={runs[1]}",
    }[which]
    page = open_page(path, viewport={"width": width, "height": 900}, color_scheme=theme)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_draft_becomes_active_once_its_graders_can_tell(open_page, site, script):
    name = f"life-{script}"
    draft = {**case(7), "task_id": name, "graders": [], "expected_behavior": "", "reference_answer": None}
    with httpx.Client(base_url=f"{site.url}/api/v1", limits=FRESH) as api:
        api.post("/cases", json={"cases": [draft]}).raise_for_status()
    page = open_page("/review/cases", java_script_enabled=script)
    page.locator(f".rows li:has-text('{name}') a.open").click()
    page.get_by_role("button", name="Make it CURATED").click()
    assert "write expected_behavior" in page.get_by_role("alert").inner_text()
    page.goto(f"/review/case?id={name}")
    page.get_by_label("What a good answer does").fill("Says fourteen")
    page.get_by_label("Reference answer").fill("It is 14.")
    page.get_by_label("Graders (JSON)").fill('[{"kind": "numeric", "value": 14}]')
    page.get_by_role("button", name="Save as a new revision").click()
    page.get_by_role("button", name="Make it CURATED").click()
    page.get_by_role("button", name="Make it ACTIVE").click()
    assert page.locator("main .badge").first.inner_text() == "ACTIVE"
    page.get_by_role("button", name="Make it ARCHIVED").click()
    assert page.locator("main .badge").first.inner_text() == "ARCHIVED"


def test_somebody_elses_change_is_not_overwritten(open_page, site):
    with httpx.Client(base_url=f"{site.url}/api/v1", limits=FRESH) as api:
        api.post("/cases", json={"cases": [{**case(8), "task_id": "shared"}]}).raise_for_status()
        page = open_page("/review/case?id=shared")
        changed = {**case(8), "task_id": "shared", "expected_behavior": "Says sixteen, politely."}
        api.post("/cases", json={"cases": [changed]}).raise_for_status()
        page.get_by_label("What a good answer does").fill("Mine")
        page.get_by_role("button", name="Save as a new revision").click()
        assert "changed by somebody else" in page.get_by_role("alert").inner_text()
        assert api.get("/cases/shared").json()["case"]["expected_behavior"] == "Says sixteen, politely."


def test_a_run_is_read_and_asked(open_page, runs):
    page = open_page("/review/runs")
    page.get_by_role("link", name="released", exact=True).click()
    progress = page.locator("#progress").inner_text()
    assert "Complete" in progress
    assert "12 of 12 calls done" in progress
    assert "75%" in progress
    assert "no idea" in page.get_by_role("region", name="Results").inner_text()
    page.get_by_role("button", name="Why do so many fail?").click()
    page.get_by_text("3 of 12 answers fail.").wait_for()
    page.get_by_text("such as sum-01").wait_for()
    assert page.url.endswith(f"/review/run?id={runs[0]}")
    page.get_by_label("In your words").fill("how good is the quality?")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_text("All cases: 9 of 12 pass").wait_for()


def test_a_question_without_javascript(open_page, runs):
    page = open_page(f"/review/run?id={runs[1]}", java_script_enabled=False)
    page.get_by_role("button", name="Quality?").click()
    assert "All cases: 11 of 12 pass" in page.locator("#answer").inner_text()
    page.locator("#answer a").first.click()
    assert "/review/run?id=" in page.url


def test_two_runs_are_compared_with_their_intervals(open_page, runs):
    page = open_page("/review/runs")
    page.get_by_label("released as the baseline").check()
    page.get_by_label("candidate as the candidate").check()
    page.get_by_role("button", name="Compare the two").click()
    assert "3 known failures fixed, 1 sums answer regressed" in page.locator("h1").inner_text()
    assert page.locator("h1 .badge").inner_text() in ("GO", "NO-GO", "INCONCLUSIVE")
    plots = page.locator("table svg.plot")
    assert plots.count() >= 4
    for at in range(plots.count()):
        low, dot, high = plots.nth(at).evaluate(
            "e => [e.querySelector('.range').x1.baseVal.value, e.querySelector('.dot').cx.baseVal.value,"
            " e.querySelector('.range').x2.baseVal.value]"
        )
        assert 0 <= low <= dot <= high <= WIDTH
    page.get_by_role("link", name="sum-04").click()
    assert "What is 4 plus 4? <b>" in page.locator("h1").inner_text()


@pytest.fixture(scope="module")
def slow_endpoint():
    """Speaks OpenAI's protocol; every answer takes a third of a second."""
    app = FastAPI()

    @app.post("/v1/chat/completions")
    async def complete() -> dict[str, Any]:
        await asyncio.sleep(0.33)
        return {"choices": [{"message": {"role": "assistant", "content": "It is 2."}}]}

    with running(app) as url:
        yield url


def test_progress_comes_by_itself_and_a_run_is_paused_resumed_cancelled(open_page, site, runs, slow_endpoint):
    with httpx.Client(base_url=f"{site.url}/api/v1", limits=FRESH) as api:
        suite = api.get(f"/runs/{runs[0]}").json()["run"]["suite_hash"]
        target = {"kind": "openai", "base_url": f"{slow_endpoint}/v1", "model": "stand-in"}
        body = {"suite": suite, "target": target, "experiment_name": "slow", "concurrency": 1, "repeats": 8}
        answer = api.post("/runs", json=body)
        assert answer.status_code == 202, answer.text
        run_id = answer.json()["run"]["run_id"]
    page = open_page(f"/review/run?id={run_id}")
    bar = page.get_by_role("progressbar")
    assert "Under way" in page.locator("#progress").inner_text()
    seen = bar.get_attribute("value")
    page.wait_for_function("seen => document.querySelector('progress').getAttribute('value') !== seen", arg=seen)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("heading", name="Paused").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("heading", name="Under way").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("heading", name="Cancelled").wait_for()
    assert page.get_by_role("button", name="Resume").count() == 0


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_run_is_estimated_then_started_from_a_page(open_page, site, runs, slow_endpoint, script):
    page = open_page("/review/runs", java_script_enabled=script)
    page.get_by_role("link", name="New run").click()
    page.get_by_label("Suite").select_option(index=1)
    page.get_by_label("Name of the experiment").fill(f"from the page {script}")
    assert page.get_by_label("Recorded answers, one JSON").is_hidden()
    page.get_by_label("Base URL", exact=False).first.fill(f"{slow_endpoint}/v1")
    page.get_by_label("Model", exact=True).fill("stand-in")
    page.get_by_label("Instructions before each case").fill("Be short.\nSay the sum.")
    page.get_by_label("US$ for a million tokens in").fill("100000")
    page.get_by_role("button", name="Estimate").click()
    estimate = page.locator("#estimate").inner_text()
    assert "12 calls" in estimate
    assert "80% power" in estimate
    assert "$" in estimate
    assert page.get_by_label("Model", exact=True).input_value() == "stand-in"
    page.get_by_label("Spend about").check()
    page.get_by_role("button", name="Start the run").click()
    assert f"from the page {script}" in page.locator("h1").inner_text()
    run_id = page.url.partition("id=")[2]
    with httpx.Client(base_url=f"{site.url}/api/v1", limits=FRESH) as api:
        for _ in range(300):
            run = api.get(f"/runs/{run_id}").json()["run"]
            if run["status"] == "COMPLETED":
                break
            time.sleep(0.1)
    assert (run["progress"]["done"], run["progress"]["passed"]) == (12, 1)
    page.get_by_role("link", name="New run like this").click()
    assert page.get_by_label("Instructions before each case").input_value() == "Be short.\nSay the sum."


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"suite": ""}, "Choose a suite", id="suite"),
        pytest.param({"repeats": "1.5"}, "'1.5' is no whole number", id="half"),
        pytest.param({"percent": "many"}, "'many' is no number", id="word"),
        pytest.param({"percent": "0"}, "is 1 to 100", id="nothing"),
        pytest.param({"answers": '{"task_id": "a", "answer": "b"}\n{'}, "line 2: no JSON", id="answers"),
        pytest.param({"answers": ""}, "Paste recorded answers", id="no_answers"),
        pytest.param({"kind": "openai", "base_url": "http://10.0.0.1/v1", "model": "m"}, "not allowed", id="host"),
        pytest.param({"kind": "openai", "base_url": "", "model": "m"}, "base_url: is required", id="no_url"),
        pytest.param({"kind": "http", "url": "http://127.0.0.1/", "body": "{"}, "Body: no JSON", id="body"),
        pytest.param({"judge_model": "m"}, "judge.base_url: is required", id="judge"),
    ],
)
def test_a_form_that_cannot_be_a_run_is_shown_again_with_what_is_wrong(site, runs, change, said):
    with httpx.Client(base_url=site.url, limits=FRESH) as browser:
        text = browser.get("/review/runs/new").text
        suite = browser.get(f"/api/v1/runs/{runs[0]}").json()["run"]["suite_hash"]
        form = {"csrf": re.search('name="csrf" value="([^"]+)"', text)[1], "suite": suite, "kind": "recorded"}
        form |= {"answers": '{"task_id": "sum-01", "answer": "It is 2."}', "experiment_name": "kept", **change}
        answer = browser.post("/review/runs/estimate", data=form)
    assert 400 <= answer.status_code < 500
    assert said in html.unescape(answer.text)
    assert 'value="kept"' in answer.text


def test_a_dear_run_is_not_started_without_the_tick(site, runs):
    with httpx.Client(base_url=site.url, limits=FRESH) as browser:
        text = browser.get(f"/review/runs/new?like={runs[0]}").text
        form = dict(re.findall('name="([a-z_]+)" value="([^"]*)"', text))
        form |= {"suite": browser.get(f"/api/v1/runs/{runs[0]}").json()["run"]["suite_hash"], "kind": "openai"}
        form |= {"base_url": "http://127.0.0.1:9/v1", "model": "m", "input_usd": "900000", "key_env": "", "answers": ""}
        form |= {"instructions": "", "body": "{}", "judge_key_env": ""}
        before = len(browser.get("/api/v1/runs").json()["runs"])
        answer = browser.post("/review/runs/start", data=form)
        assert answer.status_code == 409, answer.text
        assert "the run is estimated at" in answer.text
        assert len(browser.get("/api/v1/runs").json()["runs"]) == before


def test_an_experiment_over_time_on_the_page_and_as_a_file(open_page, site, runs):
    with httpx.Client(base_url=f"{site.url}/api/v1", limits=FRESH) as api:
        suite = api.get(f"/runs/{runs[0]}").json()["run"]["suite_hash"]
        for wrong in ({1, 2, 3, 4}, {1}):
            body = {
                "suite": suite,
                "target": {"kind": "recorded", "answers": answers(wrong)},
                "experiment_name": "trend <i>",
            }
            run_id = api.post("/runs", json=body).json()["run"]["run_id"]
            for _ in range(300):
                if api.get(f"/runs/{run_id}").json()["run"]["status"] == "COMPLETED":
                    break
                time.sleep(0.1)
        named = {one["name"]: one["runs"] for one in api.get("/experiments").json()["experiments"]}
        assert named["trend <i>"] == 2
        points = api.get("/experiments:trend", params={"name": "trend <i>"}).json()["points"]
        assert [point["passed"]["value"] for point in points] == [pytest.approx(8 / 12), pytest.approx(11 / 12)]
        assert all(point["passed"]["low"] < point["passed"]["value"] < point["passed"]["high"] for point in points)
        assert api.get("/experiments:trend", params={"name": "nobody"}).status_code == 404
    page = open_page("/review/runs")
    page.get_by_role("link", name="trend of trend <i>").first.click()
    assert page.get_by_role("img", name="Pass rate of trend <i>").locator("circle").count() == 2
    assert "67%" in page.get_by_role("region", name="Runs").inner_text()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Plot as SVG").click()
    assert "<circle" in Path(waiting.value.path()).read_text()


def test_one_run_twice_is_no_comparison(open_page, runs):
    page = open_page(f"/review/comparison?baseline={runs[0]}&candidate={runs[0]}")
    assert "two different runs" in page.get_by_role("alert").inner_text()


def test_plots_keep_order_and_stay_inside():
    half = axis_of([-0.4, 0.1, None])
    drawn = difference_plot(-0.4, 0.1, None, half)
    assert 0 < drawn.low < drawn.zero < drawn.value < drawn.high < WIDTH
    assert (drawn.cut_low, drawn.cut_high) == (False, True)
    assert axis_of([0.0]) == 0.1
    whole = share_plot(0.0, 0.5, 1.0)
    assert whole.value == WIDTH / 2
    assert whole.low + whole.high == WIDTH
