"""The pages over plain HTTP: who gets in, what a form needs, what every answer carries, and that text stays text."""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx
import pytest

from serving.api.errors import UnauthorizedError
from serving.auth.browser import SESSION_S, BrowserSessions
from serving.auth.keys import Authenticator, KeyFile
from serving.pages.web import COOKIE, local_address

FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> {{7*7}} </pre></textarea>"


@pytest.fixture
def guest(site):
    with httpx.Client(base_url=site.url) as client:
        yield client


@pytest.fixture
def locked(locked_site):
    with httpx.Client(base_url=locked_site.url) as client:
        yield client


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


PATHS = (
    "/review",
    "/review/start",
    "/review/sign-in",
    "/review/conversation?id=ide-go-5530",
    "/review/nothing",
    "/review/call?span=1",
)


@pytest.mark.parametrize("path", PATHS)
def test_every_page_forbids_all_but_its_own_files(guest, path):
    answer = guest.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"<[^>]+\s(?:style|on[a-z]+)=", answer.text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", answer.text)


def test_the_first_page_with_all_its_files_is_small(guest):
    page = guest.get("/review")
    size = len(page.content)
    files = re.findall(r"(?:src|href)=\"(/review/assets/[^\"]+)\"", page.text)
    assert len(files) == 4
    for path in files:
        answer = guest.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        size += len(answer.content)
    assert size <= 150_000


def test_without_keys_everybody_here_is_in_and_is_told_so(guest):
    answer = guest.get("/review")
    assert "no sign-in: this machine only" in answer.text
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "nobody has to sign in" in guest.get("/review/sign-in").text


def test_a_name_that_was_pointed_here_is_refused(guest):
    answer = guest.get("/review", headers={"host": "rebound.example"})
    assert answer.status_code == 403
    assert "groundlane keys create" in answer.text


def test_a_key_opens_and_the_address_is_kept(locked, locked_site):
    closed = locked.get("/review?label=down")
    assert closed.status_code == 303
    form = locked.get(closed.headers["location"])
    assert 'name="key" type="password"' in form.text
    to = re.search(r'name="to" value="([^"]+)"', form.text)[1]
    wrong = locked.post("/review/sign-in", data={"key": "gl_000000000000_nothing", "to": to})
    assert wrong.status_code == 401
    assert "not known" in wrong.text
    assert COOKIE not in locked.cookies
    opened = locked.post("/review/sign-in", data={"key": f" {locked_site.key} ", "to": to})
    assert (opened.status_code, opened.headers["location"]) == (303, "/review?label=down")
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert locked_site.key.rpartition("_")[2] not in opened.headers["set-cookie"]
    page = locked.get("/review?label=down")
    assert page.status_code == 200
    assert "Sign out ines" in page.text
    out = locked.post("/review/sign-out", data={"csrf": csrf_of(page.text)})
    assert out.status_code == 303
    assert locked.get("/review").status_code == 303


def test_the_first_start_shows_the_address_and_where_the_key_goes(locked, locked_site):
    locked.post("/review/sign-in", data={"key": locked_site.key})
    page = locked.get("/review").text
    for text in (
        "Send your first conversation",
        f"curl {locked_site.url}/api/v1/traces",
        f"{locked_site.url}/v1/traces",
    ):
        assert text in page
    assert page.count("YOUR_API_KEY") >= 4
    assert locked_site.key not in page


@pytest.mark.parametrize(
    ("headers", "data"),
    [
        pytest.param({}, {"note": "x"}, id="no-token"),
        pytest.param({}, {"csrf": "0" * 64}, id="wrong-token"),
        pytest.param({"origin": "https://evil.example"}, None, id="other-origin"),
        pytest.param({"sec-fetch-site": "cross-site"}, None, id="other-site"),
        pytest.param({"sec-fetch-site": "same-site"}, None, id="other-port"),
    ],
)
def test_a_form_of_another_page_is_refused(locked, locked_site, headers, data):
    locked.post("/review/sign-in", data={"key": locked_site.key})
    good = {"csrf": csrf_of(locked.get("/review").text)}
    answer = locked.post("/review/sign-out", data=good if data is None else data, headers=headers)
    assert answer.status_code == 403
    assert locked.get("/review").status_code == 200


def test_a_form_is_bounded(guest):
    guest.get("/review")
    assert guest.post("/review/sign-in", content=b"key=" + b"x" * 70_000, headers=FORM).status_code == 413
    assert guest.post("/review/sign-in", content=(b"k" for _ in range(70_000)), headers=FORM).status_code == 413
    assert guest.post("/review/sign-in", json={"key": "x"}).status_code == 400
    assert guest.post("/review/sign-in", content=b"key=%ff%fe", headers=FORM).status_code in (200, 303, 400, 401)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("/review?label=down", "/review?label=down", id="filters"),
        pytest.param("/review/conversation?id=a", "/review/conversation?id=a", id="page"),
        pytest.param("//evil.example", "/review", id="other-host"),
        pytest.param("https://evil.example/review", "/review", id="absolute"),
        pytest.param("/review\\@evil.example", "/review", id="backslash"),
        pytest.param("/reviewer", "/review", id="longer-name"),
        pytest.param("/review?a=b\r\nset-cookie: x", "/review", id="line-end"),
        pytest.param(None, "/review", id="none"),
    ],
)
def test_sign_in_leads_to_pages_of_this_server_only(given, kept):
    assert local_address(given) == kept


def test_text_of_a_trace_stays_text(guest):
    call = {
        "conversation_id": f"hostile {HOSTILE}"[:200],
        "question": HOSTILE,
        "answer": f"Answer {HOSTILE}",
        "model": HOSTILE,
        "route_reason": HOSTILE,
        "error": HOSTILE,
        "tags": [HOSTILE],
        "project": f"hostile{HOSTILE}"[:100],
        "documents": [{"id": HOSTILE, "content": HOSTILE}],
        "span_id": "00f067aa0ba902b7",
    }
    guest.post("/api/v1/traces", json=call).raise_for_status()
    for path in (
        "/review?text=onerror",
        str(httpx.URL("/review/conversation", params={"id": call["conversation_id"]})),
        "/review/call?span=00f067aa0ba902b7",
        str(httpx.URL("/review", params={"text": HOSTILE, "model": HOSTILE})),
        str(httpx.URL("/review/conversation", params={"id": HOSTILE})),
    ):
        page = guest.get(path).text
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "alert(1)" in page or "alert(2)" in page, path
    guest.delete(f"/api/v1/conversations/{quote(call['conversation_id'], safe='')}").raise_for_status()


@pytest.mark.parametrize(
    ("query", "says"),
    [
        pytest.param("since=yesterday", "is no time", id="time"),
        pytest.param("min_charge_usd=cheap", "is no number", id="number"),
        pytest.param("max_latency_ms=nan", "is no number", id="nan"),
        pytest.param("min_latency_ms=-1", "is no number", id="negative"),
        pytest.param("cursor=abc", "cursor", id="cursor"),
        pytest.param(f"text={'x' * 600}", "at most 512", id="long"),
    ],
)
def test_a_wrong_address_says_what_is_wrong(guest, query, says):
    answer = guest.get(f"/review?{query}")
    assert answer.status_code == 400
    assert says in answer.text
    assert answer.headers["content-type"].startswith("text/html")


def test_an_address_is_as_short_as_its_filters(guest):
    answer = guest.get("/review?text=&label=&band=red&min_charge_usd=")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review?band=red")
    assert guest.get("/review?text=Lisbon").text.count('class="item"') == 1


def test_pages_of_the_list_join(guest):
    for number in range(35):
        call = {"conversation_id": f"paged-{number}", "project": "paged", "question": f"q {number}", "answer": "a"}
        guest.post("/api/v1/traces", json=call).raise_for_status()
    first = guest.get("/review?project=paged").text
    following = re.search(r'rel="next" href="([^"]+)"', first)[1].replace("&amp;", "&")
    names = [
        re.findall(r"conversation\?project=paged&amp;id=(paged-\d+)", page)
        for page in (first, guest.get(following).text)
    ]
    assert [len(of_page) for of_page in names] == [30, 5]
    assert len({name for of_page in names for name in of_page}) == 35


class TestTokens:
    def sessions(self, path, now_s=1_000_000.0):
        keys = KeyFile(path / "keys.json")
        record, key = keys.create("acme", "ines")
        clock = [now_s]
        return keys, record, key, clock, BrowserSessions(Authenticator(keys), lambda: clock[0])

    def test_a_token_stands_for_its_key_until_it_ends(self, tmp_path):
        _, record, key, clock, sessions = self.sessions(tmp_path)
        visitor = sessions.sign_in(key)
        assert (visitor.principal.tenant, visitor.name) == ("acme", "ines")
        again = sessions.visitor(visitor.token, "127.0.0.1")
        assert (again.principal.key_id, again.csrf) == (record.key_id, visitor.csrf)
        clock[0] += SESSION_S
        with pytest.raises(UnauthorizedError):
            sessions.visitor(visitor.token, "127.0.0.1")

    def test_it_ends_with_the_key(self, tmp_path):
        keys, record, key, _, sessions = self.sessions(tmp_path)
        token = sessions.sign_in(key).token
        keys.revoke(record.key_id)
        with pytest.raises(UnauthorizedError):
            sessions.visitor(token, "127.0.0.1")

    @pytest.mark.parametrize("place", [0, 5, 14, 20, 30, -1])
    def test_a_changed_one_is_worth_nothing(self, tmp_path, place):
        _, _, key, _, sessions = self.sessions(tmp_path)
        token = sessions.sign_in(key).token
        changed = list(token)
        changed[place] = "0" if changed[place] != "0" else "1"
        with pytest.raises(UnauthorizedError):
            sessions.visitor("".join(changed), "127.0.0.1")

    def test_one_of_the_time_before_the_first_key_opens_nothing(self, tmp_path):
        keys = KeyFile(tmp_path / "keys.json")
        sessions = BrowserSessions(Authenticator(keys))
        token = sessions.visitor(None, "127.0.0.1").token
        assert sessions.visitor(token, "127.0.0.1").anonymous
        keys.create("acme", "ines")
        with pytest.raises(UnauthorizedError):
            sessions.visitor(token, "127.0.0.1")

    def test_two_visitors_have_two_tokens_for_forms(self, tmp_path):
        _, _, key, _, sessions = self.sessions(tmp_path)
        assert sessions.sign_in(key).csrf != sessions.sign_in(key).csrf
