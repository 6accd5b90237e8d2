"""Runs a batch: reads what is not done, scores it on a pool of actors, commits parts, sums up."""

from __future__ import annotations

import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, Final

import orjson
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset, from_arrow, read_datasource
from ray.exceptions import RayError

from models.device import thread_environment
from serving.api.errors import InternalError, OverloadedError, ValidationFailedError
from serving.batch.inputs import BLOCK_ROWS, InputFile, scan_input
from serving.batch.parts import OutputFolder, error_line
from serving.batch.source import RowSource, ScoringActor, open_rows, row_table
from serving.batch.summary import write_summary
from serving.config.load import Config

LANES: Final = {"rag": True, "code": True, "rollup": False}
"""The lanes, and whether they run models that a GPU serves."""

_READERS: Final = 2
_RETRIES: Final = 1
_START_S: Final = 900
_SAID: Final = re.compile(r"[\w.]*(Error|Exception)\b: ")
_RESUME: Final = "See the workers' logs of Ray, then run the same command again: what is committed is kept."
_MAX_LOST: Final = 10_000
_GPU_BATCH_ROWS: Final = 128
# Ray Data cuts and joins blocks by bytes; at this size some tens of answers leave a worker together.
_LEAST_BLOCK_BYTES: Final = 1 << 17


@dataclass(frozen=True)
class BatchOptions:
    """What to run and where. ``workers`` None: one on each GPU, or one on every ``threads`` CPUs where there is none.

    A part is committed after ``part_rows`` rows or ``part_s`` seconds; what is not committed at a kill is scored again.
    """

    input: Path
    output: Path
    lane: str = "rag"
    workers: int | None = None
    address: str | None = None
    part_rows: int = 2_000
    part_s: float = 5.0


@dataclass(frozen=True)
class Progress:
    """Where a run stands: ``committed`` of ``total`` rows, ``resumed`` of them by earlier runs.

    ``rows_per_s``: since the first rows came; None before.
    """

    committed: int
    total: int
    resumed: int
    rows_per_s: float | None


@dataclass(frozen=True)
class _Pool:
    """Workers, and what each takes of a machine."""

    workers: int
    num_cpus: float
    num_gpus: float
    threads: int

    @property
    def batch_rows(self) -> int:
        """Rows that a worker takes at a time."""
        return _GPU_BATCH_ROWS if self.num_gpus else BLOCK_ROWS


def run_batch(
    options: BatchOptions, config: Config, report: Callable[[Progress], None], actor: type = ScoringActor
) -> dict[str, Any]:
    """Score every row of the input that the output folder lacks; the summary of all rows.

    Raises ValidationFailedError for an input or a lane that cannot be used, ConflictError for a folder of another
    batch, OverloadedError where the cluster is away or lost more rows with its workers than can be tried one by one.
    """
    if options.lane not in LANES:
        raise ValidationFailedError(f"lane: {options.lane!r} is not scored offline; known are {', '.join(LANES)}")
    began_s = time.monotonic()
    files = scan_input(options.input, BLOCK_ROWS)
    folder = OutputFolder(options.output, _manifest(options, files, config))
    try:
        run = _Run(options, config, files, folder)
        figures = run.score(report, actor) if run.open else {}
        figures["wall_s"] = round(time.monotonic() - began_s, 3)
        return write_summary(folder, {"lane": options.lane, "input_rows": run.total, **figures})
    finally:
        folder.close()


class _Pace:
    """Rows per second from the first rows that came to the last ones; loading the models is not in it."""

    def __init__(self) -> None:
        self._first_s = self._last_s = 0.0
        self._rows = -1

    def count(self, rows: int, now_s: float) -> None:
        """Rows have come."""
        self._last_s = now_s
        if self._rows < 0:
            self._first_s, self._rows = now_s, 0
        else:
            self._rows += rows

    @property
    def rows_per_s(self) -> float | None:
        """None before rows have come twice."""
        return self._rows / (self._last_s - self._first_s) if self._last_s > self._first_s else None


class _Run:
    """One run over the rows that are left."""

    def __init__(self, options: BatchOptions, config: Config, files: list[InputFile], folder: OutputFolder) -> None:
        self._options, self._config, self._files, self._folder = options, config, files, folder
        self._last = {file.name: max((block.last for block in file.blocks), default=0) for file in files}
        self._done = folder.done(self._last)
        self.total = sum(file.rows for file in files)
        self._resumed = sum(int(each.sum()) for each in self._done.values())
        self._committed = self._resumed
        self._pace = _Pace()
        self._nodes: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """Rows that are left."""
        return self.total - self._committed

    def score(self, report: Callable[[Progress], None], actor: type) -> dict[str, Any]:
        """Score and commit; the run's figures."""
        with _cluster(self._options.address):
            pool = _pool(self._options, self._config)
            report(self._progress())
            started_s = time.monotonic()
            source = RowSource(self._files, self._done)
            _shape_blocks(self._files, pool.batch_rows)
            rows = read_datasource(source, override_num_blocks=source.tasks, num_cpus=0, concurrency=_READERS)
            try:
                self._commit_all(self._scored(rows, pool, pool.batch_rows, actor), report)
                if self.open:
                    self._retry_lost(pool, actor, report)
            except RayError as error:
                raise OverloadedError(f"Ray gave up: {_said(error)}", _RESUME) from error
            scoring_s = time.monotonic() - started_s
        scored = self._committed - self._resumed
        return {
            "workers": pool.workers,
            "rows_by_node": {node[:12]: rows for node, rows in self._nodes.most_common()},
            "rows_resumed": self._resumed,
            "rows_this_run": scored,
            "scoring_s": round(scoring_s, 3),
            "rows_per_s": round(scored / scoring_s, 3),
            "steady_rows_per_s": round(self._pace.rows_per_s, 3) if self._pace.rows_per_s else None,
        }

    def _retry_lost(self, pool: _Pool, actor: type, report: Callable[[Progress], None]) -> None:
        """Rows whose block was lost with its worker, once more and each alone; one that is lost again is an error row."""
        if self.open > _MAX_LOST:
            raise self._gone()
        lost = list(open_rows(self._files, self._folder.done(self._last)))
        alone = from_arrow([row_table([row]) for row in lost])
        self._commit_all(self._scored(alone, pool, 1, actor), report)
        if self._committed == self._resumed:
            raise self._gone()  # nothing could be scored: the fault is not the rows'
        died = InternalError("its worker died each time", "See the worker's log of Ray; the row may be too large.")
        lines = [error_line(row, died) for row in open_rows(self._files, self._folder.done(self._last))]
        if lines:
            self._folder.commit(lines)
            self._committed += len(lines)

    def _gone(self) -> OverloadedError:
        return OverloadedError(
            f"{self.open} rows were lost with their workers; what was scored is kept",
            _RESUME,
        )

    def _commit_all(self, blocks: Iterator[list[bytes]], report: Callable[[Progress], None]) -> None:
        for rows in self._commits(blocks):
            self._committed += rows
            report(self._progress())

    def _progress(self) -> Progress:
        return Progress(self._committed, self.total, self._resumed, self._pace.rows_per_s)

    def _scored(self, rows: Dataset, pool: _Pool, batch_rows: int, actor: type) -> Iterator[list[bytes]]:
        """Output rows as they come from the pool."""
        scored = rows.map_batches(
            actor,
            batch_size=batch_rows,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=pool.workers, max_tasks_in_flight_per_actor=2),
            fn_constructor_args=(
                _with_threads(self._config, pool.threads),
                self._options.lane,
                thread_environment(pool.threads),
            ),
            num_cpus=pool.num_cpus,
            num_gpus=pool.num_gpus,
            ray_remote_args_fn=_actor_options,
        )
        for table in scored.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1):
            self._pace.count(table.num_rows, time.monotonic())
            self._nodes.update(table.column("node").to_pylist())
            yield [bytes(line) for line in table.column("line").to_pylist()]

    def _commits(self, blocks: Iterator[list[bytes]]) -> Iterator[int]:
        """Commit what comes, in parts; the rows of each. What has come is committed even if the run is interrupted."""
        waiting: list[bytes] = []
        since_s = time.monotonic()
        try:
            for block in blocks:
                waiting += block
                if len(waiting) >= self._options.part_rows or time.monotonic() - since_s >= self._options.part_s:
                    count, lines = len(waiting), waiting
                    waiting, since_s = [], time.monotonic()
                    self._folder.commit(lines)
                    yield count
        finally:
            if waiting:
                self._folder.commit(waiting)
        if waiting:
            yield len(waiting)


def _actor_options() -> dict[str, int]:
    """By default Ray Data repeats a task that kills its actor without end."""
    return {"max_task_retries": _RETRIES}


def _said(error: RayError) -> str:
    """What a worker said last, without its traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return next((line for line in reversed(lines) if _SAID.match(line)), lines[0]).rstrip(".")


def _shape_blocks(files: list[InputFile], batch_rows: int) -> None:
    """Ray Data's settings for this process: blocks small enough that rows come, and are committed, as they are scored."""
    bytes_per_row = sum(file.path.stat().st_size for file in files) / sum(file.rows for file in files)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.wait_for_min_actors_s = _START_S  # a model that cannot be loaded then fails the run, not every row
    context.max_errored_blocks = -1  # what is lost with a worker is tried again by this module
    context.target_max_block_size = max(_LEAST_BLOCK_BYTES, ceil(bytes_per_row * batch_rows))


def _manifest(options: BatchOptions, files: list[InputFile], config: Config) -> Mapping[str, Any]:
    """What numbers depend on: a run resumes only where all of it is as it was."""
    scoring = config.model_dump(mode="json", include={"encoders", "default_encoder", "verifier", "artifacts", "limits"})
    return {
        "lane": options.lane,
        "input": {file.name: {"sha256": file.digest, "rows": file.rows} for file in files},
        "configuration": orjson.loads(orjson.dumps(scoring)),
    }


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Joins the cluster at ``address`` or of ``RAY_ADDRESS``, else starts Ray on this machine; stops what it started."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    try:
        # "local": without an address Ray would join whatever cluster was started on this machine last.
        ray.init(
            address=address or os.environ.get("RAY_ADDRESS") or "local",
            include_dashboard=None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except ConnectionError as error:
        raise OverloadedError(f"no Ray cluster at {address or os.environ.get('RAY_ADDRESS')}: {error}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _pool(options: BatchOptions, config: Config) -> _Pool:
    resources = ray.cluster_resources()
    gpus, cpus = int(resources.get("GPU", 0)), int(resources.get("CPU", 0))
    threads = config.encoder(config.default_encoder_name).threads or 1
    if LANES[options.lane] and gpus:
        return _Pool(options.workers or gpus, 1.0, min(1.0, gpus / (options.workers or gpus)), threads)
    workers = options.workers or max(1, cpus // threads)
    return _Pool(workers, min(float(threads), max(1, cpus) / workers), 0.0, threads)


def _with_threads(config: Config, threads: int) -> Config:
    """The configuration for one of several workers on a machine: no model takes every core."""
    encoders = tuple(each.model_copy(update={"threads": each.threads or threads}) for each in config.encoders)
    verifier = config.verifier and config.verifier.model_copy(update={"threads": config.verifier.threads or threads})
    return config.model_copy(update={"encoders": encoders, "verifier": verifier})
