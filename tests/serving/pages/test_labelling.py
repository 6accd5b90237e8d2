"""Labels in the browser: by keys, by mouse, without JavaScript; suggestions, causes, the queue, eval sets."""

from __future__ import annotations

import time

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe

FRESH = httpx.Limits(max_keepalive_connections=0)
"""A connection for each call: the server closes one that rests while the browser works."""


@pytest.fixture
def open_page(browser, site):
    contexts = []

    def opened(path, **options):
        context = browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.faults = []
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(path)
        return page

    yield opened
    faults = [fault for context in contexts for page in context.pages for fault in page.faults]
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def api(site):
    with httpx.Client(base_url=f"{site.url}/api/v1", limits=FRESH) as client:
        yield client


def timeline(api, name):
    answer = api.get(f"/conversations/{name}")
    answer.raise_for_status()
    return answer.json()["conversation"]["timeline"]


def labels(api, name):
    """By turn: (thumb, reason) as the API has them."""
    found = []
    for turn in timeline(api, name):
        scores = api.get("/scores", params={"trace_id": turn["trace_id"], "name": "thumb"}).json()["scores"]
        found.append([(score["value"], score.get("reason")) for score in scores])
    return found


def settled(api, name):
    """Wait until the conversation's turns have been read as reactions."""
    for _ in range(200):
        if all(turn["score_state"] in ("scored", "skipped", "failed") for turn in timeline(api, name)):
            return
        time.sleep(0.1)
    raise AssertionError(f"{name} was not settled")


def send(api, name, *turns, project="labelling"):
    for number, (question, answer) in enumerate(turns):
        call = {
            "conversation_id": name,
            "project": project,
            "trace_id": f"{name} {number}",
            "question": question,
            "answer": answer,
            "started_at": 1_790_000_000 + number,
        }
        api.post("/traces", json=call).raise_for_status()


def address(name):
    return f"/review/conversation?id={name}"


def test_two_keys_label_and_one_takes_it_back(open_page, api):
    page = open_page(address("northbank-fees-88"))
    assert "current" in page.locator("#turn-1").get_attribute("class")
    page.keyboard.press("1")
    assert "now the reason" in page.get_by_role("status").inner_text()
    page.keyboard.press("1")
    page.locator("#turn-1 .given").wait_for()
    assert page.locator("#turn-1 .given").inner_text().startswith("good: satisfied")
    assert "Labelled good: satisfied." in page.get_by_role("status").inner_text()
    page.keyboard.press("n")
    assert "current" in page.locator("#turn-2").get_attribute("class")
    page.keyboard.press("2")
    page.keyboard.press("3")
    page.locator("#turn-2 .given").wait_for()
    assert labels(api, "northbank-fees-88") == [[("up", "satisfied")], [("down", "incomplete")]]
    page.keyboard.press("u")
    page.locator("#turn-2 .given").wait_for(state="detached")
    assert labels(api, "northbank-fees-88") == [[("up", "satisfied")], []]
    page.keyboard.press("3")
    page.locator("#turn-2 .given").wait_for()
    assert labels(api, "northbank-fees-88")[1] == [("unknown", None)]


def test_escape_takes_a_first_key_back(open_page, api):
    page = open_page(address("ide-go-5530"))
    page.keyboard.press("2")
    assert page.locator("form[data-thumb]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("form[data-thumb]").count() == 0
    page.keyboard.press("9")
    assert page.locator("form[data-thumb]").count() == 0
    assert labels(api, "ide-go-5530") == [[], []]


def test_by_mouse_with_a_note_and_a_cause(open_page, api):
    page = open_page(address("legal-brief-56"))
    turn = page.locator("#turn-1")
    turn.get_by_text("bad", exact=False).locator("xpath=ancestor-or-self::label").first.click()
    turn.get_by_text("wrong", exact=False).locator("xpath=ancestor-or-self::label").first.click()
    turn.get_by_label("Note (optional)").fill("Indirect damage is excluded, see 11.3 <b>")
    turn.get_by_role("button", name="Save").click()
    turn.locator(".given").wait_for()
    assert "see 11.3 <b>" in turn.locator(".note-text").inner_text()
    assert "Proposed cause" in turn.locator(".cause").inner_text()
    turn.get_by_label("Why did it go wrong?").select_option(label="made up: not in the documents")
    turn.get_by_role("button", name="Keep this cause").click()
    turn.get_by_text("decided by local").wait_for()
    trace = timeline(api, "legal-brief-56")[0]["trace_id"]
    kept = [one for one in api.get("/triages").json()["triages"] if one["trace_id"] == trace]
    assert [(one["cause"], one["triage_by"]) for one in kept] == [("HALLUCINATION", "local")]
    assert Axe().run(page).response["violations"] == []


def test_a_label_without_its_reason_says_so_beside_the_page(open_page, api):
    page = open_page(address("clinic-leaflet-12"))
    form = page.locator("#turn-1 form[data-label]")
    form.locator("input[value=down]").check(force=True)
    form.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("Choose a reason too").wait_for()
    assert page.locator("#turn-1 form[data-label]").count() == 1
    assert labels(api, "clinic-leaflet-12") == [[], []]


def test_a_suggestion_shows_its_evidence_and_counts_when_it_is_accepted(open_page, api):
    settled(api, "stadtwerke-umzug-19")
    page = open_page(address("stadtwerke-umzug-19"))
    box = page.locator("#turn-1 .suggestion")
    said = box.inner_text()
    assert "Suggestion, not a label: perhaps bad" in said
    assert "% sure" in said
    assert "Das stimmt nicht, auf Ihrer Webseite steht" in said
    assert labels(api, "stadtwerke-umzug-19") == [[], []]
    box.get_by_role("button", name="Accept: label it bad").click()
    page.locator("#turn-1 .given").wait_for()
    assert box.count() == 0
    assert labels(api, "stadtwerke-umzug-19")[0] == [("down", "user corrected")]


def test_a_suggestion_is_put_aside(open_page, api):
    settled(api, "orchard-returns-2291")
    page = open_page(address("orchard-returns-2291"))
    box = page.locator("#turn-2 .suggestion")
    assert "perhaps good" in box.inner_text()
    box.get_by_role("button", name="Put aside").click()
    box.wait_for(state="detached")
    assert labels(api, "orchard-returns-2291") == [[], [], []]
    page.reload()
    assert page.locator("#turn-2 .suggestion").count() == 0


def test_without_javascript_a_label_is_given_changed_and_taken_back(open_page, api):
    page = open_page(address("claims-extract-740"), java_script_enabled=False)
    turn = page.locator("#turn-1")
    turn.locator("input[value=down]").check(force=True)
    turn.locator("input[value='invalid JSON']").check(force=True)
    turn.get_by_role("button", name="Save").click()
    assert page.url.endswith("#turn-1")
    assert turn.locator(".given").inner_text().startswith("bad: invalid JSON")
    assert labels(api, "claims-extract-740") == [[("down", "invalid JSON")]]
    turn.get_by_text("Change my label").click()
    turn.locator("input[value=unknown]").check(force=True)
    turn.get_by_role("button", name="Save").click()
    turn.get_by_role("button", name="Undo").click()
    turn.get_by_role("button", name="Undo").click()
    assert turn.locator(".given").count() == 0
    assert labels(api, "claims-extract-740") == [[]]
    turn.locator("input[value=down]").check(force=True)
    turn.get_by_role("button", name="Save").click()
    assert "Choose a reason too" in page.get_by_role("alert").inner_text()


def test_an_answer_is_coloured_by_what_its_documents_support(open_page, api):
    settled(api, "orchard-warranty-2304")
    documents = [
        {"id": "a.md", "content": "The bridge is 1149 metres long and has eight lanes, says this page."},
        {"id": "b.md", "content": "It opened in 1932, as this other page says in more words."},
    ]
    call = {"conversation_id": "coloured", "trace_id": "coloured", "question": "When?", "documents": documents}
    api.post("/traces", json={**call, "answer": "It opened in 1932. It cost 77 million."}).raise_for_status()
    settled(api, "coloured")
    page = open_page(address("coloured"))
    turn = page.locator("#turn-1")
    assert "supported" in turn.locator("header .badge").inner_text()
    marks = turn.locator(".answer mark")
    shown = [(mark.get_attribute("class"), mark.text_content()) for mark in marks.all()]
    assert [name for name, _ in shown] == ["s-supported", "s-unsupported"]
    assert "It opened in 1932." in shown[0][1]
    assert "[unsupported: " in shown[1][1]
    lines = {mark.evaluate("e => getComputedStyle(e).textDecorationStyle") for mark in marks.all()}
    assert lines == {"solid", "wavy"}
    quoted = turn.locator(".evidence mark")
    assert quoted.count() == 1
    assert quoted.text_content().startswith("[quoted: It opened in 1932, as this other page")
    turn.get_by_text("2 statements checked against the documents").click()
    assert "no document has these numbers" in turn.locator(".claims").inner_text()
    assert Axe().run(page).response["violations"] == []
    turn.locator(".calls summary").click()
    turn.locator(".calls a").first.click()
    assert page.locator(".answer mark").count() == 2
    page.goto("/review?band=red&text=million")
    assert page.locator(".rows .badge").first.inner_text().startswith("not supported")


def test_a_turn_far_down_is_labelled_on_its_own_page(open_page, api):
    send(api, "long-talk", *((f"question {number}", f"answer {number}") for number in range(45)), project="long")
    page = open_page(address("long-talk"))
    assert page.locator(".turn").count() == 20
    page.get_by_role("link", name="Later turns").click()
    page.get_by_role("link", name="Later turns").click()
    assert page.locator(".turn h2").first.inner_text() == "Turn 41"
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.locator("#turn-41 .given").wait_for()
    assert labels(api, "long-talk")[40] == [("up", "satisfied")]
    page.get_by_role("link", name="Earlier turns").click()
    assert page.locator(".turn h2").first.inner_text() == "Turn 21"


@pytest.fixture
def crew(browser, locked_site):
    """Two reviewers of one tenant, whose three turns wait: (API of the tenant, page of rita, page of rolf)."""
    headers = {"authorization": f"Bearer {locked_site.reviewers[0]}"}
    with httpx.Client(base_url=f"{locked_site.url}/api/v1", headers=headers, limits=FRESH) as api:
        for one in api.get("/conversations").json()["conversations"]:
            api.delete(f"/conversations/{one['conversation_id']}").raise_for_status()
        for number in range(3):
            name = f"parcel-{number}"
            send(api, name, (f"Where is parcel {number}?", "It left."), ("No, that is wrong.", "Sorry."))
            settled(api, name)
        pages = []
        for key in locked_site.reviewers:
            context = browser.new_context(base_url=locked_site.url)
            pages.append(context.new_page())
            pages[-1].goto("/review/queue")
            pages[-1].get_by_label("API key").fill(key)
            pages[-1].keyboard.press("Enter")
            pages[-1].wait_for_url("**/review/queue")
        yield (api, *pages)
        for page in pages:
            page.context.close()


def waiting(api):
    """Questions that wait with a sign of trouble."""
    return sorted(one["question"] for one in api.get("/queue").json()["items"] if one["risk"] > 0.1)


def test_the_queue_goes_from_label_to_next_by_keys(crew):
    api, page, _ = crew
    everything = waiting(api)
    assert len(everything) == 3
    assert Axe().run(page).response["violations"] == []
    page.keyboard.press("n")
    page.wait_for_url("**/review/queue/item?trace=*")
    assert Axe().run(page).response["violations"] == []
    assert "No, that is wrong." in page.locator("article").inner_text()
    first, question = page.url, page.locator(".question .text").first.inner_text()
    page.keyboard.press("2")
    page.keyboard.press("2")
    page.get_by_role("status").get_by_text("Here is the next one").wait_for()
    assert page.url != first
    assert page.evaluate("document.activeElement.tagName") == "H1"
    assert waiting(api) == [one for one in everything if one != question]
    page.keyboard.press("u")
    page.get_by_role("status").get_by_text("taken back").wait_for()
    assert page.locator(".question .text").first.inner_text() == question
    assert waiting(api) == everything
    while page.locator("h1").inner_text() != "All done":
        before = page.url
        page.keyboard.press("1")
        page.keyboard.press("1")
        page.wait_for_url(lambda url, before=before: url != before)
    assert waiting(api) == []
    page.goto("/review/queue")
    assert "of all answers are good" in page.locator(".panel").inner_text()


def test_two_reviewers_never_hold_one_answer(crew):
    _, rita, rolf = crew
    for page in (rita, rolf):
        page.get_by_role("button", name="Take the next answer").click()
    assert rita.locator(".question .text").first.inner_text() != rolf.locator(".question .text").first.inner_text()
    rita.get_by_role("button", name="Give it back").click()
    assert "held by rolf" in rita.locator(".rows").inner_text()
    assert "held by rita" not in rita.locator(".rows").inner_text()


def test_the_queue_without_javascript(crew, browser):
    api, signed_in, _ = crew
    context = browser.new_context(java_script_enabled=False, storage_state=signed_in.context.storage_state())
    page = context.new_page()
    page.goto(signed_in.url)
    page.get_by_role("button", name="Take one by chance").click()
    assert "order=chance" in page.url
    question = page.locator(".question .text").first.inner_text()
    page.locator("input[value=down]").check(force=True)
    page.locator("input[value=wrong]").check(force=True)
    page.get_by_role("button", name="Save").click()
    assert page.locator(".question .text").first.inner_text() != question
    assert "order=chance" in page.url
    assert question not in waiting(api)
    page.get_by_role("button", name="Undo my last label").click()
    assert page.locator(".question .text").first.inner_text() == question
    assert question in waiting(api)
    context.close()


def test_bad_answers_stand_in_groups_and_lead_to_their_turn(open_page, api):
    send(api, "group-1", ("How long?", "9 km."), ("And how wide?", "No idea."), project="groups")
    for turn in timeline(api, "group-1"):
        body = {"thumb": "down", "reason": "wrong", "author": "mara"}
        api.post(f"/spans/{turn['answer_span_id']}/labels", json=body).raise_for_status()
    page = open_page("/review/causes?project=groups")
    assert Axe().run(page).response["violations"] == []
    groups = page.locator("section.panel").all_inner_texts()
    assert sum(int(group.split(" answer")[0].split()[-1]) for group in groups) == 2
    assert not any(turn["trace_id"] in group for turn in timeline(api, "group-1") for group in groups)
    page.get_by_role("link", name="And how wide?").click()
    assert page.url.endswith("/review/conversation?id=group-1#turn-2")
    page.goto("/review/causes?project=nothing")
    assert "Nobody has called an answer bad yet" in page.locator("main").inner_text()


def test_an_eval_set_is_made_of_a_filtered_list(open_page, api):
    send(api, "set-1", ("How long is the bridge?", "1,149 metres."), project="evalset")
    send(api, "set-2", ("Who designed it?", "Clara Hoffmann."), project="evalset")
    page = open_page("/review?project=evalset")
    page.get_by_label("Name of the eval set").fill("bridge answers")
    page.get_by_role("button", name="Create eval set").click()
    text = page.locator("main").inner_text()
    assert "2 answers selected by Project: evalset" in text
    assert "2 new cases drafted" in text
    assert Axe().run(page).response["violations"] == []
    assert len(api.get("/cases", params={"status": "DRAFT"}).json()["cases"]) >= 2
    page.goto("/review?project=evalset")
    page.get_by_label("Name of the eval set").fill("again")
    page.get_by_role("button", name="Create eval set").click()
    assert "2 answers made no new case" in page.locator("main").inner_text()
    page.goto("/review?project=evalset&text=nothingofthekind")
    assert page.get_by_role("button", name="Create eval set").count() == 0
