from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.redaction.patterns import PERSONAL_DATA, SECRETS, merge_counts, redact, redact_json

RANDOM = random.Random(7)


def _letters(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choices(alphabet, k=count - 2)) + "a7"


HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + string.digits
PEM = "\n".join(_letters(64) for _ in range(6))
PLANTED = [
    pytest.param("private_key", "", f"-----BEGIN RSA PRIVATE KEY-----\n{PEM}\n-----END RSA PRIVATE KEY-----", id="pem"),
    pytest.param("private_key", '"key": "', f"-----BEGIN PRIVATE KEY-----\\n{_letters(300)}\\n", id="pem-in-json"),
    pytest.param(
        "private_key", "cut off: ", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{_letters(70)}", id="pem-without-end"
    ),
    pytest.param("url_password", "postgres://app:", _letters(12), id="database-url"),
    pytest.param("url_password", "git clone https://oauth2:", _letters(30), id="git-url"),
    pytest.param("jwt", "token ", f"eyJ{_letters(30)}.eyJ{_letters(60)}.{_letters(43)}", id="jwt"),
    pytest.param("aws_access_key", "id ", "AKIA" + _letters(16, UPPER).upper(), id="aws-id"),
    pytest.param("password", "aws_secret_access_key = ", _letters(40), id="aws-secret"),
    pytest.param("github_token", "use ", "ghp_" + _letters(36), id="github"),
    pytest.param("github_token", "use ", "github_pat_" + _letters(60), id="github-fine"),
    pytest.param("gitlab_token", "use ", "glpat-" + _letters(20), id="gitlab"),
    pytest.param("groundlane_key", "use ", f"gl_{_letters(12, HEX)[:10]}a7_{_letters(43)}", id="own-key"),
    pytest.param("slack_token", "use ", "xoxb-" + _letters(40), id="slack"),
    pytest.param(
        "slack_webhook", "https://hooks.slack.com/services/", f"T{_letters(8)}/B{_letters(8)}/{_letters(24)}", id="hook"
    ),
    pytest.param("stripe_key", "use ", "sk_live_" + _letters(24), id="stripe"),
    pytest.param("anthropic_key", "use ", "sk-ant-api03-" + _letters(80), id="anthropic"),
    pytest.param("openai_key", "use ", "sk-proj-" + _letters(48), id="openai"),
    pytest.param("google_key", "use ", "AIza" + _letters(35), id="google"),
    pytest.param("huggingface_token", "use ", "hf_" + _letters(34), id="huggingface"),
    pytest.param("npm_token", "use ", "npm_" + _letters(36), id="npm"),
    pytest.param("pypi_token", "use ", "pypi-" + _letters(80), id="pypi"),
    pytest.param("sendgrid_key", "use ", f"SG.{_letters(22)}.{_letters(43)}", id="sendgrid"),
    pytest.param("telegram_token", "bot ", f"123456789:AA{_letters(33)}", id="telegram"),
    pytest.param("databricks_token", "use ", "dapi" + _letters(32, HEX), id="databricks"),
    pytest.param("vault_token", "use ", "hvs." + _letters(30), id="vault"),
    pytest.param("azure_key", "AccountKey=", _letters(86) + "==", id="azure"),
    pytest.param("authorization", "Authorization: Basic ", _letters(24), id="basic"),
    pytest.param("authorization", '"authorization": "Bearer ', _letters(40), id="bearer-json"),
    pytest.param("cookie", "Set-Cookie: ", f"session={_letters(40)}", id="cookie"),
    pytest.param("curl_password", "curl -u admin:", _letters(12), id="curl"),
    pytest.param("cli_password", "deploy --password ", _letters(14), id="option"),
    pytest.param("password", "password: ", "hunter2hunter2", id="yaml"),
    pytest.param("password", 'DB_PASSWORD="', "correct horse battery", id="shell-quoted"),
    pytest.param("password", "the password is ", "S3same-Open!", id="prose"),
    pytest.param("password", "config['api_key'] = '", _letters(20), id="python"),
    pytest.param("password", '{"client_secret":"', _letters(20), id="json"),
    pytest.param("password", "export STRIPE_TOKEN=", _letters(20), id="export"),
]

HARMLESS = [
    pytest.param("def get_token(self, password: str) -> Token:", id="signature"),
    pytest.param("password = os.environ['DB_PASSWORD']", id="environment"),
    pytest.param("token = response.json()['token']", id="call"),
    pytest.param("api_key=settings.api_key, token=self.token", id="attributes"),
    pytest.param("PASSWORD=<your password>  TOKEN=${TOKEN} key=xxxx", id="placeholders"),
    pytest.param("the token is invalid. The password is required.", id="prose"),
    pytest.param("max_tokens: 2000, total_tokens=4096", id="token-counts"),
    pytest.param("commit 3f2a9c0d1b4e5f60718293a4b5c6d7e8f9012345", id="git-hash"),
    pytest.param("id 550e8400-e29b-41d4-a716-446655440000", id="uuid"),
    pytest.param("https://example.org:8080/path?page=2", id="port"),
    pytest.param("if token is Token.Name.Function or token is Number.Oct:", id="is"),
    pytest.param("sk-learn-compatible-estimators-are-listed-here", id="sk-words"),
    pytest.param("Comment.Token: '#d0d0d0'", id="colour"),
]


@pytest.mark.parametrize(("kind", "before", "secret"), PLANTED)
def test_a_planted_secret_goes_and_its_surroundings_stay(kind, before, secret):
    closing = next(
        (quote for quote in "\"'" if before.endswith(quote)),
        "@host/x" if "://" in before[:30] and kind == "url_password" else "",
    )
    text = f"first line\n{before}{secret}{closing}\nlast line"
    done = redact(text)
    assert secret not in done.text
    assert secret[-12:] not in done.text
    assert f"[REDACTED:{kind}]" in done.text
    assert done.counts == {kind: 1}
    assert done.text.startswith("first line\n")
    assert done.text.endswith("last line") or kind == "private_key"
    assert redact(done.text).text == done.text


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text):
    assert redact(text).text == text


@pytest.mark.parametrize(
    ("kind", "text", "gone"),
    [
        pytest.param("email", "write to jane.doe+x@mail.example.org today", "jane.doe", id="email"),
        pytest.param("phone", "call +49 30 1234 5678 now", "1234", id="phone-international"),
        pytest.param("phone", "call (415) 555-2671 now", "2671", id="phone-us"),
        pytest.param("iban", "pay to DE89 3704 0044 0532 0130 00 please", "3704", id="iban"),
        pytest.param("card", "card 4111 1111 1111 1111 exp 12/30", "1111 1111", id="card"),
    ],
)
def test_personal_data_goes_in_privacy_mode_only(kind, text, gone):
    assert redact(text).text == text
    done = redact(text, privacy_mode=True)
    assert gone not in done.text
    assert done.counts == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("order 4111 1111 1111 1112", id="no-luhn"),
        pytest.param("DE89 3704 0044 0532 0130 01", id="no-iban"),
        pytest.param("version 10.2.33.4 took 12345 ms on 2026-11-21", id="numbers"),
        pytest.param("id 550e8400-e29b-41d4-a716-446655440000", id="uuid"),
    ],
)
def test_numbers_that_are_no_personal_data_stay(text):
    assert redact(text, privacy_mode=True).text == text


def test_json_is_redacted_by_value_key_and_name():
    token = "ghp_" + _letters(36)
    value, counts = redact_json({"password": "correcthorse", token: [token, 3, None, True], "port": 5432})
    assert value == {
        "password": "[REDACTED:password]",
        "[REDACTED:github_token]": ["[REDACTED:github_token]", 3, None, True],
        "port": 5432,
    }
    assert counts == {"password": 1, "github_token": 2}
    assert merge_counts([counts, {"jwt": 1}]) == {"github_token": 2, "jwt": 1, "password": 1}


def test_json_nested_without_end_is_refused():
    deep: object = "x"
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ValueError, match="64 levels"):
        redact_json(deep)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.sampled_from([f"{case.values[1]}{case.values[2]}" for case in PLANTED]),
            st.sampled_from(
                ["password: ", "token=", "://u:", "@h", "\n", '"', " ", "[REDACTED:", "-----BEGIN PRIVATE KEY-----"]
            ),
            st.from_regex(r"[A-Za-z0-9_\-.]{8,60}", fullmatch=True),
        ),
        max_size=12,
    ).map("".join)
)
def test_redacting_twice_changes_nothing(text):
    once = redact(text, privacy_mode=True)
    assert redact(text, privacy_mode=True) == once
    assert redact(once.text, privacy_mode=True).text == once.text
    assert redact(once.text, privacy_mode=True).counts == {}


@pytest.mark.parametrize(
    "unit", ["a", "password=", "://a:", "-----BEGIN PRIVATE KEY-----", "a@", "0 ", "key.", "eyJ", "4", "\\"]
)
def test_long_runs_cost_linear_time(unit):
    """Steps of the regular expressions grow with the text, not with its square: 200,000 characters end at all."""
    text = unit * (200_000 // len(unit))
    assert isinstance(redact(text, privacy_mode=True).text, str)


def test_every_rule_names_its_kind_as_marks_are_read():
    for rule in SECRETS + PERSONAL_DATA:
        assert set(rule.kind) <= set(string.ascii_lowercase + "_")
        assert all(hint == hint.lower() for hint in rule.hints)


_NAMES = ("password", "API_KEY", "ToKen", "pwd", "ſecret", "credentials", "İ", "K", "_9")
_SIGNS = (" is ", "=", ": ", ":=", "=>", "']", '"', " ", "hunter2x9", "'q9w8e7r6'", "\n")
_PARTS = st.sampled_from((*_NAMES, *_SIGNS))


@settings(max_examples=400, deadline=None)
@given(st.lists(_PARTS, max_size=9).map("".join))
def test_a_guard_is_found_wherever_its_pattern_is(text):
    """Each rule alone, without hints and guards, against the table as it is run."""
    for rule in SECRETS:
        if rule.guard is None or rule.pattern.search(text) is None:
            continue
        lowered = text.lower().translate({ord("ſ"): "s", ord("ı"): "i", 0x307: None})
        assert rule.guard.search(lowered), (rule.kind, text)
        secrets = [found for found in rule.pattern.finditer(text) if rule.check is None or rule.check(found["secret"])]
        assert bool(secrets) <= bool(redact(text).counts)
