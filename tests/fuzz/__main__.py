"""Fuzz with random inputs for as long as wanted: ``make fuzz MINUTES=10``, or ``python -m tests.fuzz --target tables``.

What fails is made small, printed as a line that reproduces it, and kept in ``tests/fuzz/corpus``, which ``make test`` repeats.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import time
import traceback
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from tests.fuzz.running import check, keep_input
from tests.fuzz.targets import TARGETS, Target

_BATCH = 200
_STUCK_S = 300
"""An input takes far less than a second: one that takes this long hangs, and the trace says where."""


def fuzz(target: Target, minutes: float, number: int) -> tuple[int, Any]:
    """(inputs tried, smallest one that failed with its error; None) within about ``minutes``, at least one batch."""
    tried = 0
    failed: list[tuple[Any, BaseException]] = []
    until_s = time.monotonic() + minutes * 60.0
    while True:

        @seed(number)
        @settings(
            max_examples=_BATCH,
            deadline=None,
            derandomize=False,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(target.inputs)
        def run(one: Any) -> None:
            nonlocal tried
            tried += 1
            faulthandler.dump_traceback_later(_STUCK_S, exit=True)
            try:
                check(target, one)
            except BaseException as error:
                failed.append((one, error))
                raise

        try:
            run()
        except KeyboardInterrupt:
            raise
        except BaseException:  # noqa: BLE001 - whatever a target raises is what is looked for
            return tried, failed[-1]
        finally:
            faulthandler.cancel_dump_traceback_later()
        number += 1
        if time.monotonic() > until_s:
            return tried, None


def main() -> int:
    """1 where an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all targets together")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="leaves out the others; repeatable")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9, help="of the first batch")
    options = parser.parse_args()
    targets = [TARGETS[name] for name in options.target or TARGETS]
    print(f"seed {options.seed}, {len(targets)} targets", flush=True)
    failures = 0
    for target in targets:
        tried, failure = fuzz(target, options.minutes / len(targets), options.seed)
        print(f"{target.name}: {tried} inputs{'' if failure is None else ', FAILED'}", flush=True)
        if failure is not None:
            failures += 1
            one, error = failure
            traceback.print_exception(error)
            path = keep_input(target.name, one)
            print(f"Reproduce: python -m pytest tests/fuzz -k {path.stem}   (the input is {path})\n", flush=True)
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
