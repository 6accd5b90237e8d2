"""``groundlane doctor``: what the machine has, which configured models load, and a timed self-test."""

from __future__ import annotations

import os
import platform
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import typer

from models.types import Encoder, Verifier
from models.weights import ModelLoadError
from serving.auth.keys import KeyFile
from serving.cli.common import (
    EXIT_FAILURE,
    ConfigOption,
    JsonOption,
    Printer,
    ProfileOption,
    SetOption,
    configured,
    reported,
)
from serving.config.load import Config, ConfigError

_CPU_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8")
_CONTEXT = "The bridge was opened in 1932. It is 503 metres long and carries eight lanes of traffic."
_RELATED = "The bridge opened in 1932."
_UNRELATED = "Photosynthesis turns light into sugar."
_WARM_RUNS = 5
_SHARED_CORES = 1.3
"""Cores of their own double a product's rate on two threads; below this ratio they are threads of one core."""
Model = TypeVar("Model", Encoder, Verifier)


@dataclass(frozen=True)
class Check:
    """One finding. ``ok`` is None for a fact that is neither good nor bad."""

    name: str
    ok: bool | None
    detail: str
    seconds: float | None = None


def doctor(
    config: ConfigOption = None, profile: ProfileOption = None, settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """Say what this machine has, load the configured models, and time a self-test. Exit code 1 if a check fails."""
    printer = Printer(as_json)
    with reported(printer):
        chosen = configured(config, profile, settings)
        checks: list[Check] = []
        for check in _all_checks(chosen):
            checks.append(check)
            if not as_json:
                typer.echo(_line(check))
        if as_json:
            healthy = all(check.ok is not False for check in checks)
            printer.result({"ok": healthy, "checks": [asdict(check) for check in checks]}, "")
        if any(check.ok is False for check in checks):
            raise typer.Exit(EXIT_FAILURE)


def _line(check: Check) -> str:
    mark = {True: "ok  ", False: "FAIL", None: "    "}[check.ok]
    timing = f" ({check.seconds:.3f} s)" if check.seconds is not None else ""
    return f"{mark} {check.name}: {check.detail}{timing}"


def _all_checks(config: Config) -> Iterator[Check]:
    yield from machine_checks()
    yield from place_checks(config)
    yield from _gpu_checks()
    yield from model_checks(config)
    yield from cpu_checks()


def machine_checks() -> Iterator[Check]:
    """Cores, memory and instruction sets; nothing here imports torch."""
    import psutil

    memory = psutil.virtual_memory()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    flags = cpu_flags()
    yield Check(
        "groundlane", None, f"{version('groundlane')} on Python {platform.python_version()}, {platform.platform()}"
    )
    yield Check("cores", None, f"{cores} usable of {os.cpu_count()}")
    yield Check("memory", None, f"{memory.available / 2**30:.1f} GiB free of {memory.total / 2**30:.1f} GiB")
    yield Check("cpu", None, ", ".join(flag for flag in _CPU_FLAGS if flag in flags) or "no known extension")


def cpu_flags(cpu_info: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """The instruction sets that Linux reports; none elsewhere."""
    if not cpu_info.is_file():
        return frozenset()
    for line in cpu_info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def place_checks(config: Config) -> Iterator[Check]:
    """Data folder, keys, port, and whether Ray's bookkeeping fits the cores."""
    yield _writable(config.data_dir)
    try:
        records = KeyFile(config.keys_path).read()
        valid = sum(record.revoked_at is None for record in records)
        yield Check("keys", True, f"{valid} valid of {len(records)} in {config.keys_path}")
    except ConfigError as error:
        yield Check("keys", False, str(error))
    yield _port(config.server.host, config.server.port)
    lanes = config.lanes
    parts = [config.server.gateway, lanes.rag, lanes.code, lanes.rollup, *config.encoders]
    parts += [config.verifier] if config.verifier else []
    asked = sum(part.num_cpus * (part.autoscaling.min if part.autoscaling else part.max_replicas) for part in parts)
    cores = os.cpu_count() or 1
    detail = f"replicas reserve {asked:g} of {cores} cores"
    advice = "; lower num_cpus or replicas, or the replicas will never be placed on this machine"
    yield Check("capacity", asked <= cores, detail if asked <= cores else detail + advice)


def _writable(folder: Path) -> Check:
    """Looks for the nearest existing parent: the doctor creates nothing."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    ok = existing.is_dir() and os.access(existing, os.W_OK)
    return Check("data_dir", ok, f"{folder}{'' if ok else f': {existing} cannot be written'}")


def _port(host: str, port: int) -> Check:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return Check("port", False, f"{host}:{port}: {error.strerror}; choose another with --set server.port=N")
    return Check("port", True, f"{host}:{port} is free")


def _gpu_checks() -> Iterator[Check]:
    import torch

    yield Check("torch", None, f"{torch.__version__}, {torch.get_num_threads()} threads")
    if not torch.cuda.is_available():
        yield Check("gpu", None, "none; models run on the CPU")
        return
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bf16"
        memory = properties.total_memory / 2**30
        yield Check(f"gpu {index}", None, f"{properties.name}, {memory:.0f} GiB, {precision}")


def cpu_checks() -> Iterator[Check]:
    """What was chosen for models on the CPU, and what it brings: products by precision on one thread and on all that are used."""
    from models.device import DTYPES, choose_threads, cpu_has_bfloat16, product_gflop_per_s, waiting_threads_sleep

    threads = choose_threads(None)
    waiting = "sleep" if waiting_threads_sleep() else "spin: set OMP_WAIT_POLICY=PASSIVE before the start"
    yield Check("threads", None, f"{threads} for a model; waiting threads {waiting}")
    for name in ("float32", "bfloat16") if cpu_has_bfloat16() else ("float32",):
        rates = {number: product_gflop_per_s(DTYPES[name], number) for number in sorted({1, threads})}
        shown = ", ".join(f"{rate:.0f} GFLOP/s on {number}" for number, rate in rates.items())
        shared = threads > 1 and rates[threads] < _SHARED_CORES * rates[1]
        note = "; the cores seem to share one core's units, or others use them now" if shared else ""
        yield Check(f"product {name}", None, f"{shown} thread{'s' if threads > 1 else ''}{note}")


def model_checks(config: Config) -> Iterator[Check]:
    """Load every configured model, then time it on a pair whose order is known."""
    from models.registry import load_encoder, load_verifier
    from serving.lanes.factory import encoder_spec, verifier_spec

    for settings in config.encoders:
        spec = encoder_spec(settings)
        yield from _checked(f"encoder {settings.name}", partial(load_encoder, spec), _encoder_self_test)
    if config.verifier is not None:
        judge = verifier_spec(config.verifier)
        yield from _checked("verifier", partial(load_verifier, judge), _verifier_self_test)


def _checked(name: str, load: Callable[[], Model], self_test: Callable[[Model], Check]) -> Iterator[Check]:
    """One check for loading, and one for the self-test if it loaded."""
    started = time.perf_counter()
    try:
        model = load()
    except (ModelLoadError, OSError) as error:
        yield Check(name, False, str(error))
        return
    info = model.info
    detail = f"{info.name} loaded, {info.dtype} on {info.device}, revision {info.revision[:12]}"
    yield Check(name, True, detail, time.perf_counter() - started)
    yield self_test(model)


def _encoder_self_test(encoder: Encoder) -> Check:
    """A sentence that repeats the context must match it better than one about something else."""
    from scoring.maxsim import match_units, pack_units

    context, related, unrelated = encoder.encode([_CONTEXT, _RELATED, _UNRELATED])
    packed = pack_units([context])
    near, far = (float(match_units(text.vectors, packed).best.mean()) for text in (related, unrelated))
    seconds = _median_seconds(lambda: encoder.encode([_CONTEXT, _RELATED]))
    by_rows = getattr(encoder, "by_rows", False)
    detail = (
        f"reverse MaxSim of a related text {near:.3f}, of an unrelated one {far:.3f}; two texts encoded, "
        f"{'in packs of rows' if by_rows else 'in padded batches'}"
    )
    return Check("encoder self-test", near > far, detail, seconds)


def _verifier_self_test(verifier: Verifier) -> Check:
    """The context must entail a sentence that it states more than one about something else."""
    pairs = [(_CONTEXT, _RELATED), (_CONTEXT, _UNRELATED)]
    near, far = (verdict.entail for verdict in verifier.verify(pairs))
    seconds = _median_seconds(lambda: verifier.verify(pairs))
    ok = near is not None and far is not None and near > far
    return Check("verifier self-test", ok, f"entailed {near}, unrelated {far}; two pairs judged", seconds)


def _median_seconds(work: Callable[[], object]) -> float:
    """Median of five runs after the one that warmed up."""
    times = []
    for _ in range(_WARM_RUNS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return sorted(times)[_WARM_RUNS // 2]
