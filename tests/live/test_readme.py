"""The ten lines of the README print what the README shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_ten_lines_print_what_is_shown(url: str) -> None:
    section = README.partition("## Ten lines")[2]
    program, shown = re.findall(r"```(?:python|text)\n(.*?)```", section, re.DOTALL)[:2]
    environment = {**os.environ, "GROUNDLANE_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == shown
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
