"""Redaction against detect-secrets: ``python -m benchmarks.redaction [TEXTS.jsonl.gz] [--json OUT]``.

Three questions of each: how many planted secrets are gone, how often text without secrets is changed, how fast it is.
The planted ones are random instances of documented token formats, in sentences and in code; the texts without are the
sources of Python's standard library and, if given, texts of agent sessions.
"""

from __future__ import annotations

import argparse
import json
import random
import string
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.provenance import provenance, save_figures
from benchmarks.rows import read_json_lines
from serving.redaction.patterns import redact

_WORD = string.ascii_letters + string.digits
_FORMATS: dict[str, tuple[str, Callable[[random.Random], str]]] = {}


def _format(name: str, template: str, *parts: tuple[str, int]) -> None:
    def make(chance: random.Random) -> str:
        return "".join(prefix + "".join(chance.choices(_WORD, k=length)) for prefix, length in parts)

    _FORMATS[name] = (template, make)


for _name, _prefix, _length in (
    ("github", "ghp_", 36),
    ("gitlab", "glpat-", 20),
    ("slack", "xoxb-", 48),
    ("stripe", "sk_live_", 24),
    ("npm", "npm_", 36),
    ("openai", "sk-proj-", 48),
    ("anthropic", "sk-ant-api03-", 90),
    ("google", "AIza", 35),
    ("huggingface", "hf_", 34),
    ("pypi", "pypi-AgEIcHlwaS5vcmc", 80),
):
    _format(_name, "Please use {} for the deployment.", (_prefix, _length))
_format("sendgrid", "MAIL={}", ("SG.", 22), (".", 43))
_format("jwt", "Authorization: Bearer {}", ("eyJ", 30), (".eyJ", 60), (".", 43))
_format("database url", "connect to postgresql://app:{}@db.internal:5432/prod first", ("", 16))
_format("basic url", "git clone https://oauth2:{}@git.internal/x.git", ("", 24))
_format("yaml password", "db:\n  password: {}\n", ("", 14))
_format("python password", 'client = connect(host, password="{}")', ("", 14))
_format("json secret", '{{"client_secret": "{}", "id": 3}}', ("", 32))
_format("environment", "export API_KEY={}", ("", 32))
_format("command line", "deploy --token {} --now", ("", 24))
_format("private key", "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----", ("", 64), ("\n", 64))


def planted(each: int) -> Iterator[tuple[str, str, str]]:
    """(format, text, secret)."""
    for name, (template, make) in _FORMATS.items():
        for number in range(each):
            secret = make(random.Random(f"{name} {number}"))
            yield name, "Here is what I did.\n" + template.format(secret) + "\nIt works now.", secret


def with_detect_secrets(text: str) -> str:
    """The text with what detect-secrets finds in each of its lines replaced; its entropy plugins are left out.

    They flag ordinary words when they are run on lines that are not of a diff.
    """
    from detect_secrets.core.scan import scan_line

    lines = []
    for line in text.split("\n"):
        for found in scan_line(line):
            if found.secret_value and "Entropy" not in found.type:
                line = line.replace(found.secret_value, "[REDACTED]")
        lines.append(line)
    return "\n".join(lines)


def measure(clean: Callable[[str], str], texts: dict[str, list[str]], each: int) -> dict[str, Any]:
    """Share of planted secrets gone, by format where not all are; changed texts and speed by corpus."""
    missed: dict[str, int] = {}
    total = 0
    for name, text, secret in planted(each):
        total += 1
        missed[name] = missed.get(name, 0) + (secret in clean(text) or secret[-12:] in clean(text))
    figures: dict[str, Any] = {
        "planted": total,
        "gone": round(1.0 - sum(missed.values()) / total, 4),
        "missed_by_format": {name: count for name, count in missed.items() if count},
    }
    for corpus, members in texts.items():
        size = sum(map(len, members))
        started = time.process_time()
        changed_lines = 0
        for text in members:
            after = clean(text)
            if after != text:
                before_lines, after_lines = text.split("\n"), after.split("\n")
                changed_lines += sum(a != b for a, b in zip(before_lines, after_lines, strict=False))
                changed_lines += abs(len(before_lines) - len(after_lines))
        seconds = time.process_time() - started
        figures[corpus] = {
            "megabytes": round(size / 1e6, 2),
            "changed_lines_per_megabyte": round(changed_lines / size * 1e6, 2),
            "megabytes_per_cpu_s": round(size / 1e6 / seconds, 2),
        }
    return figures


def corpora(sessions: Path | None) -> dict[str, list[str]]:
    """Texts that hold no secret."""
    library = Path(sysconfig.get_paths()["stdlib"])
    sources = sorted(path for path in library.glob("*.py"))
    texts = {"standard_library": [path.read_text(encoding="utf-8", errors="replace") for path in sources]}
    if sessions is not None:
        rows = read_json_lines(sessions)
        texts["agent_sessions"] = [event["content"] for row in rows for event in row["events"]]
    return texts


def main() -> None:
    """Measure both, print, and write the JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path, nargs="?", help="agent sessions, one JSON object with events a line")
    parser.add_argument("--json", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    from detect_secrets.settings import default_settings

    texts = corpora(arguments.texts)
    figures: dict[str, Any] = {"provenance": provenance(), "groundlane": measure(lambda t: redact(t).text, texts, 20)}
    with default_settings():
        figures["detect_secrets"] = measure(with_detect_secrets, texts, 20)
    print(json.dumps(figures, indent=2))
    save_figures(figures, arguments.json)


if __name__ == "__main__":
    main()
