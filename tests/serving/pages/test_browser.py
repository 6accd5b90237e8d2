"""The pages in a real browser: every page by axe in both themes and two widths, every key, and without JavaScript."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
CONVERSATION = "/review/conversation?id=orchard-warranty-2304"


@pytest.fixture
def open_page(browser, site):
    """Opens pages, each in a window of its own, and holds that none of them logs an error."""
    contexts = []

    def opened(path, base=None, **options):
        context = browser.new_context(base_url=base or site.url, **{"viewport": DESK, **options})
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("console", lambda line: page.faults.append(line.text) if line.type in ("error", "warning") else None)
        page.goto(path)
        return page

    yield opened
    faults = [fault for context in contexts for page in context.pages for fault in page.faults]
    for context in contexts:
        context.close()
    assert faults == []


def span_of(page, kind="llm"):
    """The address of a call on a conversation's page."""
    return page.locator(f".calls li:has(.kind:text-is('{kind}')) a").first.get_attribute("href")


PAGES = {
    "list": "/review",
    "filtered": "/review?text=warranty&status=error&project=nothing",
    "conversation": CONVERSATION,
    "code": "/review/conversation?id=ide-python-5512",
    "failed": "/review/conversation?id=orchard-stock-2377",
    "start": "/review/start",
    "sign-in": "/review/sign-in",
}


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"])
@pytest.mark.parametrize("path", [*PAGES.values(), "call"], ids=[*PAGES, "call"])
def test_axe_finds_nothing_and_nothing_sticks_out(open_page, path, size, theme):
    page = open_page(CONVERSATION if path == "call" else path, viewport=size, color_scheme=theme)
    if path == "call":
        page.goto(span_of(page))
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) > 384) == (theme == "light")


def test_a_stranger_finds_the_raw_answer(open_page):
    page = open_page("/review")
    page.get_by_role("searchbox").fill("battery headlamp")
    page.get_by_role("button", name="Show").click()
    assert page.url.endswith("/review?text=battery+headlamp")
    page.get_by_role("link", name="Is the battery of the TrailLight headlamp covered by warranty?").click()
    first = page.locator("#turn-1")
    assert "five-year warranty" in first.locator(".answer").inner_text()
    assert "covered for six months" in first.locator(".evidence").inner_text()
    first.get_by_text("3 calls").click()
    first.get_by_role("link", name="llm answer").click()
    properties = page.locator(".properties").inner_text()
    for text in ("gpt-4o-mini-2025-07-18", "short question, one topic", "support-small"):
        assert text in properties
    assert '"role": "user"' in page.get_by_label("Raw request").inner_text()
    assert "five-year warranty" in page.get_by_label("Raw response").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="All of it as a file").first.click()
    assert download.value.suggested_filename.endswith(".json")
    page.get_by_role("link", name="← The conversation").click()
    assert (
        page.url.endswith("?text=battery+headlamp&id=orchard-warranty-2304") or "id=orchard-warranty-2304" in page.url
    )
    page.get_by_role("link", name="← Filtered conversations").click()
    assert page.get_by_role("searchbox").input_value() == "battery headlamp"


def test_filters_narrow_and_come_off(open_page):
    page = open_page("/review?tag=deutsch&text=Umzug")
    assert page.locator(".item").count() == 1
    page.get_by_role("link", name="Remove the filter Words: Umzug").click()
    assert page.locator(".item").count() == 2
    assert page.get_by_label("Tag", exact=True).input_value() == "deutsch"


def test_keys_walk_through_the_list(open_page):
    page = open_page("/review?project=orchard-support")
    rows = page.locator("[data-item]")
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        assert "current" in rows.nth(at).get_attribute("class")
        assert page.locator(".current").count() == 1
    title = rows.nth(0).locator("a.open").inner_text()
    page.keyboard.press("Enter")
    page.wait_for_url("**/review/conversation?**")
    assert page.locator("h1").inner_text() == title
    names = [page.url]
    page.keyboard.press("ArrowRight")
    page.wait_for_url(lambda url: url != names[0])
    assert "project=orchard-support" in page.url
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(names[0])


def test_evidence_help_and_escape(open_page):
    page = open_page(CONVERSATION)
    assert "current" in page.locator("#turn-1").get_attribute("class")
    shown = page.locator("#turn-1 .evidence details[open]")
    assert shown.count() == 1
    page.keyboard.press("e")
    assert shown.count() == 0
    page.keyboard.press("e")
    assert shown.count() == 1
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_keys_are_off_when_they_are_switched_off_and_in_a_field(open_page):
    page = open_page("/review?project=orchard-support")
    page.get_by_role("searchbox").focus()
    page.keyboard.type("jjk?")
    assert page.get_by_role("searchbox").input_value() == "jjk?"
    assert page.locator(".current").count() == 0
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_label("Single keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert page.locator(".current").count() == 0
    page.reload()
    page.keyboard.press("j")
    assert page.locator(".current").count() == 0
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys are on").check()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator(".current").count() == 1


def test_without_javascript_all_is_read(open_page):
    page = open_page("/review", java_script_enabled=False)
    page.get_by_role("searchbox").fill("Lisbon")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="My card was stolen in Lisbon an hour ago, what now??").click()
    assert page.locator(".turn").count() == 3
    assert "5 working days" in page.locator("#turn-1 .evidence").inner_text()
    page.locator("#turn-1 .calls summary").click()
    page.locator("#turn-1 .calls a").last.click()
    assert "Raw" in page.locator(".raw summary").first.inner_text()
    assert page.locator("#keys-help").is_visible() is False


def test_sign_in_with_a_key(open_page, locked_site):
    page = open_page("/review?label=down", base=locked_site.url)
    page.get_by_label("API key").fill("gl_wrong")
    page.get_by_role("button", name="Sign in").click()
    assert "not known" in page.get_by_role("alert").inner_text()
    page.faults.clear()
    page.get_by_label("API key").fill(locked_site.key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/review?label=down")
    cookies = page.context.cookies()
    assert [(one["httpOnly"], one["sameSite"], one["path"]) for one in cookies] == [(True, "Strict", "/review")]
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out ines").click()
    assert page.get_by_label("API key").is_visible()
