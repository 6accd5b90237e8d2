"""Where a model runs, in which precision, on how many threads."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray

from models.weights import ModelLoadError

DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_KEPT_BYTES = 256 * 1024 * 1024
OPERATION_CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
"""Environment variables that bound what oneDNN, and torch's layer over it, keep prepared."""
_KEPT_OPERATIONS = 64
_HEAP_BLOCK_BYTES = 32 * 1024 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_BFLOAT16_FLAGS = frozenset({"amx_bf16", "avx512_bf16"})


def choose_device(requested: str = "auto") -> torch.device:
    """``auto`` is the current CUDA device if there is one, else the CPU; anything else must exist.

    Raises :class:`ModelLoadError` for an unknown name or a device that this machine has not.
    """
    if requested == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(requested)
    except RuntimeError as error:
        raise ModelLoadError(f"device {requested!r} is unknown; use auto, cpu, cuda or cuda:N.") from error
    if device.type not in ("cpu", "cuda"):
        raise ModelLoadError(f"device {requested!r} is not supported; use auto, cpu, cuda or cuda:N.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ModelLoadError(
            f"device {requested!r} is not there: {torch.cuda.device_count()} CUDA devices are visible. "
            "Use device: auto or cpu, or install a CUDA build of torch."
        )
    return device


def choose_dtype(
    requested: str, device: torch.device, agrees: Callable[[torch.dtype], bool] = lambda dtype: True
) -> torch.dtype:
    """The precision to compute in.

    ``auto``: on CUDA bfloat16 where the card has it, else float16; on a CPU bfloat16 where the CPU multiplies it in
    hardware (AMX or AVX512-BF16) and ``agrees`` finds its scores equal to those of float32, else float32.
    """
    if requested != "auto":
        if requested not in DTYPES:
            raise ModelLoadError(f"dtype {requested!r} is unknown; use auto, {', '.join(DTYPES)}.")
        return DTYPES[requested]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if cpu_has_bfloat16() and agrees(torch.bfloat16):
        return torch.bfloat16
    return torch.float32


def dtype_name(dtype: torch.dtype) -> str:
    """``torch.bfloat16`` -> ``bfloat16``."""
    return str(dtype).removeprefix("torch.")


def cpu_has_bfloat16(cpu_info: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU multiplies bfloat16 matrices in hardware. Only Linux tells; elsewhere False."""
    if not cpu_info.is_file():
        return False
    for line in cpu_info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return not _BFLOAT16_FLAGS.isdisjoint(line.partition(":")[2].split())
    return False


def available_cores() -> int:
    """Cores that this process may use: its affinity, and the container's quota where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup/cpu.max"))
    return max(1, min(cores, quota) if quota else cores)


def prepare_cpu(threads: int) -> None:
    """Settings of the whole process for models on a CPU: torch's threads, and freed memory stays with the process."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    keep_freed_memory()


def keep_freed_memory() -> bool:
    """Let glibc keep up to 256 MiB of freed memory for the next tensor; False where there is no glibc.

    Otherwise each tensor above 128 KiB is mapped, its pages cleared one by one, and unmapped again: half of the time of the
    operations that only read and write (docs/performance.md).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _HEAP_BLOCK_BYTES) and mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES))


def to_device(array: NDArray[Any], device: torch.device) -> torch.Tensor:
    """An array as a tensor there; to a GPU through pinned memory, so that the copy waits for nothing and nothing for it."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def product_gflop_per_s(dtype: torch.dtype, threads: int, side: int = 768) -> float:
    """How fast this CPU multiplies square matrices: the fastest of five runs, some 50 ms. Leaves torch's threads as they were."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        square = torch.ones(side, side, dtype=dtype)
        times = []
        for _ in range(5):
            started_s = time.perf_counter()
            torch.mm(square, square)
            times.append(time.perf_counter() - started_s)
    finally:
        torch.set_num_threads(before)
    return 2.0 * side**3 / min(times) / 1e9


def choose_threads(requested: int | None, cores: int | None = None) -> int:
    """Threads for one model: as asked, else every core where waiting threads sleep, else half of the cores.

    Whether they sleep is set by :func:`thread_environment` before torch is imported. Spinning threads on every core
    collapse as soon as another process wants one (docs/models.md has the figures).
    """
    if requested is not None and requested < 1:
        raise ModelLoadError(f"threads must be at least 1, not {requested}.")
    cores = cores or available_cores()
    return requested or (cores if waiting_threads_sleep() else max(1, cores // 2))


def waiting_threads_sleep() -> bool:
    """Whether this process was started with a passive OpenMP wait policy."""
    return os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE" or os.environ.get("GOMP_SPINCOUNT") == "0"


def thread_environment(threads: int) -> dict[str, str]:
    """Environment for a process that computes beside others; it must be set before torch is imported.

    Waiting threads sleep instead of spinning: with all cores busy, spinning makes an 8 ms forward take up to a second. And
    oneDNN, and torch's layer over it (in each thread), keep few of the operations that they prepare for a shape: of texts
    every length is another shape, and the thousand that they would keep hold gigabytes (docs/performance.md).
    """
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "0",
        "TOKENIZERS_PARALLELISM": "false",
        **dict.fromkeys(OPERATION_CACHES, str(_KEPT_OPERATIONS)),
    }


def _cgroup_quota(path: Path) -> int | None:
    if not path.is_file():
        return None
    quota, _, period = path.read_text(encoding="ascii").strip().partition(" ")
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return max(1, int(quota) // int(period))
