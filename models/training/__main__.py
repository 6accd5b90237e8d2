"""Start training in an environment that keeps it in bounds: ``python -m models.training --config FILE --out FOLDER``.

The arguments are those of :mod:`models.training.train`, which this becomes: what oneDNN and the heap read at their start cannot
be set later.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from models.device import available_cores, thread_environment

_KEPT_BLOCK_BYTES, _KEPT_BYTES = 2_000_000_000, 4_000_000_000


def training_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: what ``given`` sets stays.

    oneDNN keeps few prepared operations (of batches every shape is another; a run grew to 9 GB in 40 minutes without it), waiting
    threads sleep, and freed memory stays with the process: faulting it in again cost 15% of the processor time.
    """
    bounds = thread_environment(available_cores()) | {
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(_KEPT_BLOCK_BYTES),
        "MALLOC_TRIM_THRESHOLD_": str(_KEPT_BYTES),
    }
    return bounds | dict(given)


def main() -> None:
    """Become the trainer."""
    command = [sys.executable, "-m", "models.training.train", *sys.argv[1:]]
    os.execve(sys.executable, command, training_environment(os.environ))  # noqa: S606 - our own interpreter and module


if __name__ == "__main__":
    main()
