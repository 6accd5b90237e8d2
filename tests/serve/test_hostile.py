"""Hostile input: every one gets a typed answer within the deadline, and the next caller never notices."""

from __future__ import annotations

import json
import random
import string
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from serving.api.responses import TraceResponse
from tests.serve.support import RAG, ROLLUP, Rag, check_envelope, rag_body

DEEP = 10_000
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:x'>y</a>\"'&amp;--></div><style>"


def settled(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """A scored answer, or a typed refusal; and the server goes on as before."""
    if answer.status_code == 200:
        document: dict[str, Any] = answer.json()
        TraceResponse.model_validate(document)
    else:
        assert answer.status_code in {400, 413, 504}
        document = check_envelope(answer, answer.status_code)
    assert client.get("/healthz").status_code == 200
    return document


def nested(opening: str, closing: str, core: str) -> str:
    return opening * DEEP + core + closing * DEEP


TEXTS = {
    "one-letter-without-space": {"raw_context": "a" * 400_000, "raw_context_chunk_tokens": 512},
    "letters-without-space": {"raw_context": string.ascii_lowercase[:10] * 40_000},
    "newlines-before-context": {"raw_context": "\n" * 100_000 + "Paris is in France."},
    "newlines-in-response": {"response_text": "Paris." + "\n" * 60_000 + "Lyon."},
    "nul": {"response_text": "Pa\0ris\0 is in France.", "raw_context": "\0Paris\0 is in\0France."},
    "controls": {"response_text": "".join(map(chr, range(1, 32))) + "Paris.", "raw_context": "\x7f\x80\x9f Paris"},
    "right-to-left": {"response_text": "باريس هي عاصمة فرنسا. \u202eabc\u202c", "raw_context": "عاصمة فرنسا هي باريس."},
    "combining": {"response_text": "e" + "\u0301" * 5_000, "raw_context": "Z\u0351\u036b" * 2_000},
    "emoji": {"response_text": "👩‍👩‍👧‍👦🇫🇷 " * 100, "raw_context": "👩‍👩‍👧‍👦 \U0010ffff \ufeff family"},
    "noncharacters": {"response_text": "\ufffe\uffff \ufdd0 Paris.", "raw_context": "\u2028Paris\u2029\u0085 x"},
    "deep-list-context": {"raw_context": nested("[", "]", "1"), "content_type": "application/json"},
    "deep-object-context": {"raw_context": nested('{"a":', "}", "1"), "content_type": "application/json"},
    "deep-html-context": {
        "raw_context": nested("<table><tr><td>", "</td></tr></table>", "1"),
        "content_type": "text/html",
    },
    "wide-table": {"raw_context": "|" + "a|" * 40_000 + "\n", "content_type": "text/markdown"},
    "quotes-csv": {"raw_context": '"' * 50_001 + ",\n", "content_type": "text/csv"},
    "digits": {"response_text": "1 " * 10_000, "raw_context": "1 " * 3_000},
    "punctuation": {"response_text": ". " * 10_000, "raw_context": "!?" * 3_000},
    "dates": {"response_text": "2024-01-01 " * 1_000, "raw_context": "01.02.2023 " * 3_000},
}


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts_are_scored_or_refused(rag: Rag, name: str) -> None:
    document = settled(rag.client, rag.post(**TEXTS[name]))
    if name.startswith(("nul", "right", "combining", "emoji", "controls", "non")):
        assert document["success"] is True


def test_only_newlines_is_blank(rag: Rag) -> None:
    assert "raw_context is blank" in rag.refused(raw_context="\n" * 100_000)["message"]
    assert "response_text is blank" in rag.refused(response_text="\n" * 60_000)["message"]


def test_an_answer_of_64000_characters_is_scored_whole(rag: Rag) -> None:
    text = ("Paris is the capital of France, and the city proper has many inhabitants. " * 900)[:64_000]
    answer = rag.score(response_text=text)
    assert answer["heatmap"]["spans"][-1]["end"] == 64_000
    assert answer["claims"][-1]["char_end"] == len(text.rstrip())
    assert rag.refused(413, response_text=text + "x")["error"] == "payload_too_large"


def test_a_text_past_the_deadline_does_not_hold_up_the_next(rag: Rag) -> None:
    letters = random.Random(1).choices(string.ascii_lowercase + string.digits, k=400_000)
    with httpx.Client(base_url=rag.client.base_url, timeout=3.0) as impatient, pytest.raises(httpx.ReadTimeout):
        impatient.post(RAG, json=rag_body(raw_context="".join(letters), raw_context_chunk_tokens=1024))
    assert rag.score(request_id="next")["request_id"] == "next"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"response_text": "\\ud800 Paris", "raw_context": "a"}', id="high-surrogate"),
        pytest.param(b'{"response_text": "Paris", "raw_context": "\\udfff"}', id="low-surrogate"),
        pytest.param(
            b'{"response_text": "a", "support_units": [{"text": "a", "source_id": "\\udc00"}]}', id="in-source"
        ),
        pytest.param(b'{"response_text": "a", "raw_context": "a", "\\ud800": 1}', id="in-a-key"),
        pytest.param(b'{"response_text": "\xff\xfe", "raw_context": "a"}', id="not-utf8"),
        pytest.param(b'{"response_text": "\xed\xa0\x80", "raw_context": "a"}', id="utf8-of-a-surrogate"),
        pytest.param(b'{"response_text": "\xc0\xaf", "raw_context": "a"}', id="overlong"),
        pytest.param(b'{"response_text": "a\x00", "raw_context": "a"}', id="raw-nul"),
        pytest.param(b"[" * DEEP + b"]" * DEEP, id="deep-lists"),
        pytest.param(b'{"a":' * DEEP + b"1" + b"}" * DEEP, id="deep-objects"),
        pytest.param(b'{"response_text": ' + b"[" * DEEP + b"]" * DEEP + b', "raw_context": "a"}', id="deep-field"),
        pytest.param(
            b'{"response_text": "a", "support_units": [{"text": "a", "metadata": '
            + b'{"a":' * DEEP
            + b"1"
            + b"}" * DEEP
            + b"}]}",
            id="deep-metadata",
        ),
        pytest.param(b'{"response_text": "a", "raw_context": "b", "coverage_threshold": NaN}', id="nan"),
        pytest.param(b'{"response_text": "a", "raw_context": "b", "coverage_threshold": 1e999}', id="infinity"),
        pytest.param(
            b'{"response_text": "a", "raw_context": "b", "evidence_limit": ' + b"9" * 5_000 + b"}", id="digits"
        ),
        pytest.param(
            b'{"response_text": "a", "support_units": [{"text": "a", "metadata": {"n": 99999999999999999999999}}]}',
            id="metadata-beyond-64-bits",
        ),
        pytest.param(
            b'{"response_text": "a", "support_units": [{"text": "a", "metadata": {"n": [1e999]}}]}',
            id="metadata-infinity",
        ),
        pytest.param(b'{"' + b"k" * 1_000_000 + b'": 1, "response_text": "a", "raw_context": "b"}', id="huge-key"),
        pytest.param(
            json.dumps({"response_text": "a", "raw_context": "b"} | {f"k{i}": i for i in range(50_000)}).encode(),
            id="many-keys",
        ),
    ],
)
def test_hostile_bodies_are_refused(client: httpx.Client, body: bytes) -> None:
    envelope = check_envelope(client.post(RAG, content=body), 400)
    assert len(envelope["message"]) < 2_000
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(b'{"score": NaN}', id="nan"),
        pytest.param(b'{"score": 1e400}', id="infinity"),
        pytest.param(b'{"timestamp": ' + b"9" * 400 + b"}", id="huge-number"),
        pytest.param(b'{"session_signals": ' + b"[" * DEEP + b"]" * DEEP + b"}", id="deep"),
        pytest.param(b'{"risk_band": "\\ud800"}', id="surrogate"),
    ],
)
def test_hostile_turns_are_refused(client: httpx.Client, turn: bytes) -> None:
    check_envelope(client.post(ROLLUP, content=b'{"turns": [' + turn + b"]}"), 400)


def test_a_surrogate_pair_is_one_character(client: httpx.Client) -> None:
    body = b'{"response_text": "Paris \\ud83d\\ude00 is big.", "raw_context": "Paris is big."}'
    answer = client.post(RAG, content=body).json()
    assert answer["heatmap"]["spans"][-1]["end"] == len("Paris 😀 is big.")


class Fragment(HTMLParser):
    """Collects what a browser would make of a heatmap."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.depth = 0
        self.roots = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.roots += self.depth == 0
        self.depth += 1
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        self.depth -= 1

    def handle_data(self, data: str) -> None:
        assert self.depth > 0
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")


def parsed(html: str) -> Fragment:
    fragment = Fragment()
    fragment.feed(html)
    fragment.close()
    assert (fragment.depth, fragment.roots, fragment.tags[0]) == (0, 1, "div")
    assert set(fragment.tags) <= {"div", "span"}
    assert fragment.attributes <= {"class", "role", "aria-label", "style", "title"}
    return fragment


def test_markup_in_every_field_stays_text_in_the_heatmap(rag: Rag) -> None:
    response = f"Paris {MARKUP} is the capital. {MARKUP}"
    answer = rag.score(
        response_text=response,
        raw_context=...,
        query_text=MARKUP,
        support_units=[
            {
                "text": f"{MARKUP} Paris is the capital.",
                "source_id": MARKUP,
                "speaker": MARKUP,
                "metadata": {MARKUP: MARKUP},
            }
        ],
        verification_samples=[MARKUP],
        risk_band_stratum=MARKUP[:60],
        runtime_head_features={MARKUP: 1.0},
        heatmap_format="html",
    )
    html = answer["heatmap_html"]
    assert parsed(html).text == response
    assert "url(" not in html
    assert answer["support_units"][0]["source_id"] == MARKUP


def test_markup_in_turns_stays_text_in_the_rollups_heatmap(client: httpx.Client) -> None:
    turn = {"score": 0.5, "band": "red", "timestamp": MARKUP, "reason_codes": {MARKUP: 1}}
    turn["file_attribution"] = {
        "files": [{"path": MARKUP, "owner_share": 1.0, "units": 1, "used_units": 0, "reason_codes": [MARKUP]}],
        "reason_codes": {MARKUP: 1},
        "dead_files": [MARKUP],
    }
    answer = client.post(ROLLUP, json={"turns": [turn] * 3, "heatmap_format": "html"})
    if answer.status_code == 400:
        check_envelope(answer, 400)
        answer = client.post(ROLLUP, json={"turns": [turn | {"timestamp": "2024-05-01"}] * 3, "heatmap_format": "html"})
    assert answer.status_code == 200, answer.text
    parsed(answer.json()["heatmap_html"])
