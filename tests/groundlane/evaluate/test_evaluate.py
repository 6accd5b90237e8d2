"""``groundlane evaluate`` as it is typed: in this process, through a server, again after an interruption, in CI."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groundlane.cli.main import run
from groundlane.evaluate import scoring
from groundlane.evaluate.scoring import RESULTS

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "answers.jsonl"
CHROMIUM = Path("/usr/bin/chromium")


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    try:
        code = run(["evaluate", *map(str, arguments)])
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_the_example_of_the_page_prints_what_it_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In this process, with the bundled models."""
    monkeypatch.delenv("GROUNDLANE_URL", raising=False)
    page = (ROOT / "docs" / "evaluate.md").read_text(encoding="utf-8")
    typed = re.search(r"^groundlane evaluate (.+)$", page, re.MULTILINE)
    shown = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert typed is not None
    assert shown is not None
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "answers.jsonl").write_bytes(EXAMPLE.read_bytes())
    monkeypatch.chdir(tmp_path)
    code, out, _ = evaluate(capsys, *typed.group(1).split())
    assert (code, out) == (0, shown.group(1))


@pytest.mark.usefixtures("environment")
def test_a_report_stands_beside_its_figures(capsys: pytest.CaptureFixture[str], output: Path) -> None:
    arguments = (EXAMPLE, "--by", "model", "--labels", "hallucinated", "-o", output, "--json", "--rule", "unsupported")
    code, out, said = evaluate(capsys, *arguments)
    assert code == 0
    assert "context: column 'contexts' (guessed)" in said
    report = json.loads(out)
    assert report == json.loads((output / "report.json").read_text(encoding="utf-8"))
    assert sum(report["overall"]["counts"].values()) == report["about"]["rows"] == 12
    rates = {group["name"]: group["hallucination_rate"]["value"] for group in report["by"]["model"]}
    assert rates["small"] > rates["large"]
    assert report["overall"]["counts"]["unknown"] == 1
    assert report["labels"]["auroc"]["value"] > 0.5
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "1,149 metres</mark>" in re.sub(r'<span class="unseen">.*?</span>', "", page)


@pytest.mark.usefixtures("environment")
def test_an_interrupted_evaluation_goes_on(
    capsys: pytest.CaptureFixture[str], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    score = scoring.Server.score

    def interrupted(server: scoring.Server, requests: Any) -> Iterator[Any]:
        for number, (key, outcome) in enumerate(score(server, requests)):
            if number == 5:
                raise KeyboardInterrupt
            asked.append(key)
            yield key, outcome

    monkeypatch.setattr(scoring.Server, "score", interrupted)
    code, _, said = evaluate(capsys, EXAMPLE, "-o", output)
    assert code == 1
    assert "the same command goes on from here" in said
    with (output / RESULTS).open("a", encoding="utf-8") as file:
        file.write('{"key": "cut off wi')
    monkeypatch.setattr(scoring.Server, "score", score)
    code, out, said = evaluate(capsys, EXAMPLE, "-o", output)
    assert code == 0
    assert "5 were scored before; going on" in said
    kept = [json.loads(line)["key"] for line in _lines(output) if "cut off" not in line]
    assert len(kept) == len(set(kept)) == 12
    code, again, said = evaluate(capsys, EXAMPLE, "-o", output)
    assert "12 were scored before" in said
    assert again == out


def _lines(output: Path) -> list[str]:
    return [line for line in (output / RESULTS).read_text(encoding="utf-8").splitlines() if line]


@pytest.mark.usefixtures("environment")
def test_numbers_of_two_scorers_do_not_meet(capsys: pytest.CaptureFixture[str], output: Path, server_url: str) -> None:
    assert evaluate(capsys, EXAMPLE, "-o", output)[0] == 0
    other = server_url.replace("127.0.0.1", "localhost")
    code, _, said = evaluate(capsys, EXAMPLE, "-o", output, "--url", other)
    assert code == 2
    assert "numbers of two scorers do not go together" in said
    assert evaluate(capsys, EXAMPLE, "-o", output, "--url", other, "--fresh")[0] == 0


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        pytest.param((), 0, "", id="no limit"),
        pytest.param(("--fail-over", "0.9"), 0, "", id="under"),
        pytest.param(("--fail-over", "0"), 1, "is above 0.0%", id="over"),
        pytest.param(("--fail-over", "10%"), 1, "the limit lies within the interval", id="in doubt"),
        pytest.param(
            ("--fail-over-unknown", "0.05"), 1, "the share of unknown answers 8.3% is above 5.0%", id="unknown"
        ),
        pytest.param(("--fail-over", "5"), 2, "is no share; write 0.05 or 5%", id="no share"),
    ],
)
def test_limits_for_ci(
    options: tuple[str, ...], code: int, reason: str, capsys: pytest.CaptureFixture[str], tmp_path_factory: Any
) -> None:
    output = tmp_path_factory.getbasetemp() / "limits"  # scored once for all of them
    found, _, said = evaluate(capsys, EXAMPLE, "-o", output, *options)
    assert found == code
    assert reason in said


@pytest.mark.usefixtures("environment")
def test_bad_rows_are_named_and_fail(capsys: pytest.CaptureFixture[str], output: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    good = {"context": "The bridge is 1,149 metres long.", "answer": "The bridge is 1,149 metres long."}
    refused = {"contexts": None, "context": "x", "answer": "y" * 70_000}
    rows = [json.dumps(good), "{", json.dumps(refused), json.dumps({**good, "context": ""})]
    file.write_text("\n".join(rows), encoding="utf-8")
    code, out, said = evaluate(capsys, file, "-o", output, "--context", "context")
    assert code == 1
    assert "bad row: line 2: not JSON" in said
    assert "1 could not be read, 1 not scored" in out
    assert "line 3: 413 payload_too_large" in out
    assert "1: no context: there is nothing to check against" in out
    assert "hallucination rate: 0.0%" in out
    assert evaluate(capsys, file, "-o", output, "--context", "context", "--max-bad", "2")[0] == 0


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str], output: Path) -> None:
    code, _, said = evaluate(capsys, EXAMPLE, "-o", output, "--url", "http://127.0.0.1:9", "--sample", "1")
    assert code == 1
    assert "Is a server running at http://127.0.0.1:9?" in said
    assert "The same command goes on from here" in said


def test_without_the_servers_packages(
    capsys: pytest.CaptureFixture[str], output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GROUNDLANE_URL", raising=False)
    monkeypatch.setattr(scoring, "SERVER_MODULES", ("torch_is_not_here",))
    code, _, said = evaluate(capsys, EXAMPLE, "-o", output)
    assert code == 1
    assert "pip install 'groundlane[server]', or name a running server with --url" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("missing.jsonl",), "no such file or folder", id="file"),
        pytest.param((EXAMPLE, "--by", "modle"), "--by 'modle': there is no such column", id="by"),
        pytest.param((EXAMPLE, "--labels", "model"), "no label", id="labels"),
        pytest.param((EXAMPLE, "--split", "train"), "this is one file", id="split"),
        pytest.param((EXAMPLE, "--url", "http://x", "--profile", "cpu"), "a server has its own", id="profile"),
    ],
)
def test_wrong_usage(
    arguments: tuple[Any, ...], message: str, capsys: pytest.CaptureFixture[str], output: Path
) -> None:
    code, _, said = evaluate(
        capsys, *arguments, "-o", output, *(() if "--url" in arguments else ("--url", "http://127.0.0.1:9"))
    )
    assert code != 0
    assert message in said


@pytest.mark.usefixtures("environment")
def test_the_report_in_a_browser(capsys: pytest.CaptureFixture[str], output: Path) -> None:
    """Axe finds nothing in light and dark, wide and narrow; nothing sticks out; nothing is fetched."""
    if os.environ.get("GROUNDLANE_NO_BROWSER") == "1":
        pytest.skip("GROUNDLANE_NO_BROWSER=1: pages are not looked at in a browser")
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    evaluate(capsys, EXAMPLE, "-o", output, "--by", "model", "--labels", "hallucinated", "--rule", "unsupported")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for theme, width in (("light", 1280), ("dark", 390)):
            page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme, bypass_csp=True)
            fetched: list[str] = []
            page.on("request", lambda request: fetched.append(request.url))  # noqa: B023
            page.goto((output / "report.html").as_uri())
            assert fetched == [(output / "report.html").as_uri()]
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert Axe().run(page).response["violations"] == []
        browser.close()
