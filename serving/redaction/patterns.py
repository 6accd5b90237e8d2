"""Secrets, and on request personal data, leave a text before anything is kept of it.

A table of patterns, tried in order; each match becomes ``[REDACTED:kind]``. The result is a fixed point: redacting it
again changes nothing. ``docs/decisions`` says why this is a table of our own and how it compares with detect-secrets.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Final

_MARK: Final = re.compile(r"\[REDACTED:[a-z_]+\]")
_MAX_JSON_DEPTH: Final = 64
_MOST_PASSES: Final = 12

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Rule:
    """One kind of secret. ``hints``: the rule runs only where one of them occurs in the lower-cased text.

    ``guard``: only where it is found in the lower-cased text; it is cheaper than the pattern, and found wherever that is.
    The group called ``secret`` is replaced, or the whole match without one. ``check`` has the last word.
    """

    kind: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()
    check: Check | None = None
    guard: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Redaction:
    """A text without its secrets, and how many of each kind it had."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)


Clean = Callable[[str], Redaction]


def _rule(
    kind: str,
    pattern: str,
    *hints: str,
    check: Check | None = None,
    flags: int = 0,
    guard: str | None = None,
) -> Rule:
    return Rule(kind, re.compile(pattern, flags), hints, check, None if guard is None else re.compile(guard))


def _looks_random(text: str) -> bool:
    """Long words of a language are below 3.2 bits a character and have no digits; tokens have both."""
    body = text.strip("=\"'")
    if len(body) < 16 or not any(map(str.isdigit, body)) or not any(map(str.isalpha, body)):
        return False
    counts = Counter(body)
    return -sum(n / len(body) * math.log2(n / len(body)) for n in counts.values()) >= 3.2


_NO_VALUE: Final = re.compile(
    r"x{3,}|\*{3,}|\.{3,}|<[^>]*>|\$\{?\w+\}?|\{\{?.*\}?\}|%\w+%?|#[0-9a-f]{6}|(?:your|my)[-_ ]?\w*|changeme|example\w*|"
    r"(?:none|null|nil|true|false|undefined|todo|string|int|bool|any|self|required|optional|hidden|redacted|invalid|"
    r"missing|expired|field|value|input|hash|bearer|basic|digest|secret|password|passwd|token|key)\w*|"
    r"(?:os|env|process|config|settings)\.\S*|get\w*|[A-Za-z_][\w.]*[(\[].*|(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*|"
    r"\w*(?:key|token|password|secret|credentials?)",
    re.IGNORECASE,
)


def _assigned_secret(value: str) -> bool:
    """Whether what stands after ``password =`` is a value: no placeholder, name, type, colour or sentence's word."""
    body = value.strip("\"'`,;.:%")
    if len(body) < 6 or _NO_VALUE.fullmatch(body):
        return False
    if value[:1] in "\"'`":
        return True
    return any(map(str.isdigit, body)) or not body.replace("_", "").replace("-", "").replace(".", "").isalpha()


def _luhn(text: str) -> bool:
    digits = [int(char) for char in text if char.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(text: str) -> bool:
    """ISO 13616: the rearranged number, letters as 10 to 35, is 1 modulo 97."""
    body = re.sub(r"\s", "", text).upper()
    if not 15 <= len(body) <= 34:
        return False
    number = "".join(str(int(char, 36)) for char in body[4:] + body[:4])
    return int(number) % 97 == 1


def _phone(text: str) -> bool:
    digits = [char for char in text if char.isdigit()]
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2


_KEY_BEGIN: Final = r"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_KEY_BODY: Final = r"(?:[A-Za-z0-9+/=\s\\:,]|-(?!-)){0,16384}"
_KEY_END: Final = r"(?:-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----)?"
_NAMING: Final = (
    r"(?:passwords?|passwd|passphrase|pwd|secrets?|tokens?|api[_\-]?keys?|access[_\-]?keys?|private[_\-]?keys?|"
    r"client[_\-]?secret|auth[_\-]?key|credentials?|encryption[_\-]?keys?|signing[_\-]?keys?)[A-Za-z0-9_]{0,64}"
)
_KEY_OF_SECRET: Final = re.compile(r"[\w.\-]{0,128}?" + _NAMING, re.IGNORECASE)

SECRETS: Final[tuple[Rule, ...]] = (
    _rule("private_key", _KEY_BEGIN + _KEY_BODY + _KEY_END, "private key"),
    _rule("putty_key", r"Private-Lines: \d+\r?\n(?:[A-Za-z0-9+/=]+\r?\n?)+", "private-lines"),
    _rule("age_key", r"AGE-SECRET-KEY-1[0-9A-Z]{50,}", "age-secret-key"),
    _rule(
        "url_password",
        r"\b[A-Za-z][A-Za-z0-9+.\-]{1,30}://[^\s:/@\"'<>]{0,256}:(?P<secret>[^\s/@\"'<>]{1,256})@",
        "://",
        check=lambda value: value[0] not in "[{$<%",
    ),
    _rule("jwt", r"(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]*+", "eyj"),
    _rule(
        "aws_access_key",
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
        "kia",
        "asia",
        "abia",
        "acca",
    ),
    _rule("github_token", r"\bgh[pousr]_[A-Za-z0-9]{30,255}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _rule("github_token", r"\bgithub_pat_[A-Za-z0-9_]{22,255}", "github_pat_"),
    _rule("gitlab_token", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[A-Za-z0-9_\-]{20,}", "gl"),
    _rule("groundlane_key", r"\bgl_[0-9a-f]{12}_[A-Za-z0-9_\-]{43}", "gl_"),
    _rule("slack_token", r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}", "xox"),
    _rule(
        "slack_webhook", r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[A-Za-z0-9/_\-]{20,})", "hooks.slack.com"
    ),
    _rule("discord_webhook", r"discord(?:app)?\.com/api/webhooks/(?P<secret>\d+/[A-Za-z0-9_\-]{20,})", "webhooks"),
    _rule("stripe_key", r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}", "k_live_", "k_test_"),
    _rule("stripe_webhook_secret", r"\bwhsec_[A-Za-z0-9+/=]{24,}", "whsec_"),
    _rule("anthropic_key", r"\bsk-ant-[A-Za-z0-9_\-]{20,}", "sk-ant-"),
    _rule("openai_key", r"\bsk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_\-]{20,}", "sk-", check=_looks_random),
    _rule("google_key", r"\bAIza[A-Za-z0-9_\-]{35}", "aiza"),
    _rule("google_oauth_token", r"\bya29\.[A-Za-z0-9_\-]{20,}", "ya29."),
    _rule("google_oauth_secret", r"\bGOCSPX-[A-Za-z0-9_\-]{20,}", "gocspx-"),
    _rule("huggingface_token", r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}", "hf_", "api_org_"),
    _rule("npm_token", r"\bnpm_[A-Za-z0-9]{30,}", "npm_"),
    _rule("pypi_token", r"\bpypi-[A-Za-z0-9_\-]{50,}", "pypi-"),
    _rule("sendgrid_key", r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}", "sg."),
    _rule("twilio_key", r"\b(?:SK|AC)[0-9a-f]{32}\b", "sk", "ac"),
    _rule("mailchimp_key", r"\b[0-9a-f]{32}-us\d{1,2}\b", "-us"),
    _rule("telegram_token", r"\b\d{8,10}:AA[A-Za-z0-9_\-]{32,}", ":aa"),
    _rule(
        "discord_token",
        r"[MNO](?<=\b[MNO])[A-Za-z0-9_\-]{23,25}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,}",
        ".",
    ),
    _rule("digitalocean_token", r"\bdo[opr]_v1_[0-9a-f]{64}", "_v1_"),
    _rule("shopify_token", r"\bshp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}", "shp"),
    _rule("square_secret", r"\bsq0[a-z]{3}-[A-Za-z0-9_\-]{22,}", "sq0"),
    _rule("databricks_token", r"\bdapi[0-9a-f]{32}", "dapi"),
    _rule("vault_token", r"\bhv[sbr]\.[A-Za-z0-9_\-]{24,}", "hv"),
    _rule("atlassian_token", r"\bATATT3[A-Za-z0-9_\-=]{50,}", "atatt3"),
    _rule("azure_key", r"AccountKey=(?P<secret>[A-Za-z0-9+/]{80,}={0,2})", "accountkey="),
    _rule("azure_signature", r"[?&]sig=(?P<secret>[A-Za-z0-9%+/=]{30,})", "sig="),
    _rule("pgp_passphrase", r"--passphrase[= ](?P<secret>\S+)", "--passphrase"),
    _rule(
        "authorization",
        r"\bauthorization[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|token|digest|apikey|negotiate)\s+)?"
        r"(?P<secret>[A-Za-z0-9_\-.=+/~]{12,})",
        "authorization",
        flags=re.IGNORECASE,
    ),
    _rule(
        "bearer_token",
        r"\bbearer\s+(?P<secret>[A-Za-z0-9_\-.=+/~]{16,})",
        "bearer",
        check=_looks_random,
        flags=re.IGNORECASE,
    ),
    _rule(
        "cookie",
        r"\b(?:set-)?cookie[\"']?\s*:\s*[\"']?(?P<secret>[\w.\-]{1,64}=[^\r\n\"']{8,4096})",
        "cookie:",
        'cookie"',
        flags=re.IGNORECASE,
    ),
    _rule(
        "curl_password",
        r"\s(?:-u|--user|--proxy-user)[= ]\s*[\"']?[^\s:\"']{1,128}:(?P<secret>[^\s\"']{3,})",
        "curl",
        "wget",
    ),
    _rule(
        "cli_password",
        r"\s--?(?:password|passwd|token|secret|api-key)[= ](?P<secret>[^\s\"'$<\[{-][^\s\"']{5,})",
        " -",
        check=_assigned_secret,
    ),
    _rule("mysql_password", r"\bmysql\w*\s[^\r\n]{0,200}?\s-p(?P<secret>[^\s\-][^\s]{3,})", "mysql"),
    _rule(
        "password",
        _NAMING
        + r"[\"']?\]?\s*(?:=>|:=|=(?!=)|:(?!:)|\bis\b)\s*(?P<secret>\"(?:[^\"\\\n]|\\.){6,512}\"|'(?:[^'\\\n]|\\.){6,512}'|"
        r"`[^`\n]{6,512}`|[^\s\"'`,;(){}\[\]<>]{6,512})",
        "passw",
        "passphrase",
        "pwd",
        "secret",
        "token",
        "key",
        "credential",
        check=_assigned_secret,
        flags=re.IGNORECASE,
        guard=r"(?:passw|passphrase|pwd|secret|token|key|credential)\w{0,160}[\"']?\]?\s*(?:[:=]|is\b)",
    ),
)

PERSONAL_DATA: Final[tuple[Rule, ...]] = (
    _rule(
        "email",
        r"(?<![\w.+\-])[A-Za-z0-9](?:[A-Za-z0-9._%+\-]{0,62}[A-Za-z0-9])?@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24}\b",
        "@",
    ),
    _rule("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", check=_iban),
    _rule("card", r"(?<![\d.\-])\d(?:[ \-]?\d){12,18}(?![\d\-])", check=_luhn),
    _rule(
        "phone",
        r"(?<![\w.+\-/])(?<!\d )(?:\+|00)[1-9]\d{0,2}[ .\-/]?(?:\(\d{1,5}\)[ .\-/]?)?\d(?:[ .\-/]?\d){5,13}(?![\w\-])",
        check=_phone,
    ),
    _rule("phone", r"(?<![\w.+\-/])(?<!\d )(?:\(\d{3}\)[ .\-]?|\d{3}[.\-])\d{3}[.\-]\d{4}(?![\w\-])", check=_phone),
    _rule("phone", r"(?<![\w.+\-/])(?<!\d )0\d{2,4}[ /\-]\d{3,}(?:[ \-]?\d{2,}){0,3}(?![\w\-])", check=_phone),
)

_CHAINED: Final[dict[str, re.Pattern[str]]] = {
    "aws_access_key": re.compile(r"(?<![A-Za-z0-9])(?:(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16})++(?![A-Za-z0-9])"),
    "google_key": re.compile(r"\b(?:AIza[A-Za-z0-9_\-]{35})++"),
    "digitalocean_token": re.compile(r"\b(?:do[opr]_v1_[0-9a-f]{64})++"),
    "shopify_token": re.compile(r"\b(?:shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32})++"),
    "databricks_token": re.compile(r"\b(?:dapi[0-9a-f]{32})++"),
    "groundlane_key": re.compile(r"\b(?:gl_[0-9a-f]{12}_[A-Za-z0-9_\-]{43})++"),
}
"""Tokens of a fixed length: many end to end ("dapi…dapi…") go as one, where each pass would find only the first of them."""

_FOLDED: Final = {ord("ſ"): "s", ord("ı"): "i", 0x307: None}
"""What lower-casing leaves of letters that a pattern without regard to case reads as s and i."""
_RARE: Final = "_-:.=@"
_HINTS: Final = frozenset(hint for rule in SECRETS + PERSONAL_DATA for hint in rule.hints)
_HINTS_BY_SIGN: Final = tuple(
    (sign, tuple(sorted(hint for hint in _HINTS if next((one for one in _RARE if one in hint), "") == sign)))
    for sign in ("", *_RARE)
)
"""Hints by a sign that each of them has and prose mostly has not, so that most are not even looked for."""


_RULES: Final = SECRETS + PERSONAL_DATA
_BY_HINT: Final[Mapping[str, tuple[int, ...]]] = {
    hint: tuple(place for place, rule in enumerate(_RULES) if hint in rule.hints) for hint in _HINTS
}
_ALWAYS: Final = frozenset(place for place, rule in enumerate(_RULES) if not rule.hints)


def _rules_for(lowered: str, privacy_mode: bool) -> Iterator[Rule]:
    """The rules that may find something, in the order of the table."""
    found = {hint for sign, hints in _HINTS_BY_SIGN if sign in lowered for hint in hints if hint in lowered}
    places = _ALWAYS.union(*(_BY_HINT[hint] for hint in found))
    for place in sorted(places):
        rule = _RULES[place]
        if place >= len(SECRETS) and not privacy_mode:
            return
        yield rule


def redact(text: str, *, privacy_mode: bool = False) -> Redaction:
    """``text`` without secrets and, in privacy mode, without personal data. Deterministic and idempotent.

    Repeats until nothing changes. A text made so that every pass uncovers another secret is not kept at all after
    ``_MOST_PASSES``: it goes whole, as kind ``unsettled``.
    """
    counts: Counter[str] = Counter()
    for _ in range(_MOST_PASSES):
        lowered = text.lower()
        lowered = lowered if lowered.isascii() else lowered.translate(_FOLDED)
        before = text
        for rule in _rules_for(lowered, privacy_mode):
            # a mark that another rule has set since may be what the guard looks for: "[REDACTED:curl_password] = …"
            if rule.guard is None or text != before or rule.guard.search(lowered) is not None:
                text = _apply(rule, text, counts)
        if text == before:
            return Redaction(text, dict(counts))
    return Redaction("[REDACTED:unsettled]", {**counts, "unsettled": 1})


def redact_json(value: Any, *, privacy_mode: bool = False, clean: Clean | None = None) -> tuple[Any, dict[str, int]]:
    """A JSON value with every text in it redacted, keys too, and how many secrets of each kind it had.

    A text under a key that names a secret (``{"password": "…"}``) goes whole. ``clean``: what redacts a text, for callers that
    remember texts; :func:`redact` without it. Raises ValueError past 64 levels.
    """
    counts: Counter[str] = Counter()
    return _walk(value, clean or partial(redact, privacy_mode=privacy_mode), counts, 0), dict(counts)


def merge_counts(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Counts by kind over several redactions, kinds in order of their names."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def _apply(rule: Rule, text: str, counts: Counter[str]) -> str:
    group = "secret" if "secret" in rule.pattern.groupindex else 0

    def replace(match: re.Match[str]) -> str:
        secret = match.group(group)
        if _MARK.search(secret) or (rule.check is not None and not rule.check(secret)):
            return match.group()
        counts[rule.kind] += 1
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        whole = match.group()
        quote = secret[0] if secret[0] in "\"'`" and secret[-1] == secret[0] and len(secret) > 1 else ""
        return f"{whole[:start]}{quote}[REDACTED:{rule.kind}]{quote}{whole[end:]}"

    chained = _CHAINED.get(rule.kind)
    return (chained or rule.pattern).sub(replace, text)


def _walk(value: Any, clean: Clean, counts: Counter[str], depth: int) -> Any:
    if depth > _MAX_JSON_DEPTH:
        raise ValueError(f"JSON is nested deeper than {_MAX_JSON_DEPTH} levels")
    if isinstance(value, str):
        done = clean(value)
        counts.update(done.counts)
        return done.text
    if isinstance(value, (dict, Mapping)):
        return {
            _walk(str(key), clean, counts, depth + 1): _walk_member(str(key), entry, clean, counts, depth)
            for key, entry in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_walk(entry, clean, counts, depth + 1) for entry in value]
    return value


@lru_cache(maxsize=4096)
def _names_a_secret(key: str) -> bool:
    """Asked for every member of every object, and the same few keys come again and again."""
    return _KEY_OF_SECRET.fullmatch(key) is not None


def _walk_member(key: str, value: Any, clean: Clean, counts: Counter[str], depth: int) -> Any:
    if isinstance(value, str) and _names_a_secret(key) and _assigned_secret(f'"{value}"'):
        counts["password"] += 1
        return "[REDACTED:password]"
    return _walk(value, clean, counts, depth + 1)
