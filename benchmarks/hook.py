"""How long a coding agent waits for ``groundlane hook``: ``python -m benchmarks.hook [--url URL] [--edits N] [--json OUT]``.

In a clone of this repository, the hook is told N times that ten lines of a random Python file have just been written, which
are the lines that stand there: the code is right, so that every finding is a false alarm. Each call is a process of its own, as
an agent starts it; the clock runs from its start to its end. The first edit of every file makes the server read its context
(cold); the second is what an agent waits for while it works on the file (warm). Beside it the same process with nothing to
judge, and importing httpx alone. Without ``--url`` a server of its own is started.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.provenance import provenance, save_figures
from benchmarks.server import running_server

_ROOT = Path(__file__).resolve().parents[1]
_LINES = 10
_HOOK = (sys.executable, "-m", "groundlane", "hook")


def run_hook(payload: dict[str, Any], url: str) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Milliseconds from start to end of one hook, those of the processor in its process, and what it said."""
    environment = {**os.environ, "GROUNDLANE_URL": url}
    before_s, started_s = _children_s(), time.perf_counter()
    done = subprocess.run(
        _HOOK, input=json.dumps(payload), env=environment, capture_output=True, text=True, check=False
    )
    return (time.perf_counter() - started_s) * 1000.0, (_children_s() - before_s) * 1000.0, done


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def edit_of(file: Path, folder: Path, dice: random.Random) -> dict[str, Any]:
    """A payload that says that lines of the file have just been written."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    first = dice.randrange(max(1, len(lines) - _LINES))
    written = "".join(lines[first : first + _LINES])
    edit = {"file_path": str(file), "old_string": "", "new_string": written}
    return {"hook_event_name": "PostToolUse", "tool_name": "Edit", "cwd": str(folder), "tool_input": edit}


def import_ms(statement: str) -> float:
    """Milliseconds of a process that imports something."""
    started_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (time.perf_counter() - started_s) * 1000.0


def measure(url: str, edits: int, seed: int) -> dict[str, Any]:
    """The figures, on a fresh clone."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="groundlane-hook-") as name:
        folder = Path(name)
        subprocess.run(
            ["git", "clone", "--quiet", "--depth", "1", _ROOT.as_uri(), name], check=True, capture_output=True
        )
        files = [
            file for file in sorted(folder.rglob("*.py")) if file.read_text(encoding="utf-8").count("\n") >= 2 * _LINES
        ]
        chosen = dice.sample(files, min(edits, len(files)))
        cold, warm, own, nothing, alarms, failed = [], [], [], [], [], 0
        for file in chosen:
            for times in (cold, warm):
                took_ms, own_ms, done = run_hook(edit_of(file, folder, dice), url)
                times.append(took_ms)
                own.append(own_ms)
                failed += "not checked" in done.stderr
                if done.returncode == 2:
                    alarms.append(done.stderr.splitlines()[0])
            nothing.append(run_hook({}, url)[0])
    return {
        "files": len(chosen),
        "edits": 2 * len(chosen),
        "false_alarms": alarms,
        "not_checked": failed,
        "cold_ms": quantiles(cold),
        "warm_ms": quantiles(warm),
        "processor_ms_of_the_hook": quantiles(own),
        "nothing_to_judge_ms": quantiles(nothing),
        "import_httpx_ms": quantiles([import_ms("import httpx") for _ in range(20)]),
        "python_ms": quantiles([import_ms("pass") for _ in range(20)]),
    }


def quantiles(times_ms: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the median's 95% interval by resampling."""
    values = np.array(times_ms)
    resampled = np.median(np.random.default_rng(0).choice(values, (2000, len(values))), axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return {
        "p50": round(float(np.median(values)), 1),
        "p50_low": round(float(low), 1),
        "p50_high": round(float(high), 1),
        "p95": round(float(np.quantile(values, 0.95)), 1),
        "n": len(values),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--edits", type=int, default=60, help="files that are edited, twice each")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with nullcontext((options.url, 0.0)) if options.url else running_server() as (url, _):
        figures = {"provenance": provenance(), **measure(url, options.edits, options.seed)}
    print(json.dumps(figures, indent=2))
    save_figures(figures, options.json)


if __name__ == "__main__":
    main()
