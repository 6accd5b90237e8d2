"""Requests to answers, each written down as it comes: what was scored before an interruption is not scored again.

``results.jsonl`` in the output folder has one line for each different request, ``{"key", "answer"}`` or ``{"key", "error"}``;
``scorer.json`` says what scored them, so that numbers of two scorers are never mixed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from groundlane.cli.commands import SERVER_MODULES
from groundlane.cli.common import EXIT_USAGE, CommandError, nobody_there

RESULTS: Final = "results.jsonl"
SCORER: Final = "scorer.json"
EXIT_CONFIG: Final = 3
_ATTEMPTS: Final = 8
_DEADLINE_S: Final = 600.0

Request = tuple[str, Mapping[str, Any]]
"""Key and body."""
Outcomes = Iterator[tuple[str, dict[str, Any]]]
"""Key and ``{"answer": …}`` or ``{"error": …}``."""


@dataclass(frozen=True)
class Server:
    """A running server, asked for ``concurrency`` answers at once."""

    url: str
    concurrency: int

    def identity(self) -> dict[str, str]:
        """What must be the same for numbers to go together; a server's versions come with its answers."""
        return {"scorer": self.url}

    def score(self, requests: Sequence[Request]) -> Outcomes:
        """The outcomes as they come. A refused request is an error of its own; a lost server ends the command."""
        from groundlane.errors import AnswerError, ConnectionFailedError, GroundlaneError, UnauthorizedError
        from groundlane.retries import RetryPolicy
        from groundlane.sync import Groundlane

        retry = RetryPolicy(attempts=_ATTEMPTS, deadline_s=_DEADLINE_S)
        with ExitStack() as stack:
            client = stack.enter_context(Groundlane(base_url=self.url, retry=retry, timeout_s=_DEADLINE_S / 4))
            pool = ThreadPoolExecutor(self.concurrency)
            stack.callback(pool.shutdown, wait=True, cancel_futures=True)
            try:
                for key, future in _as_completed(pool, lambda body: client.rag(**body).raw, requests, self.concurrency):
                    try:
                        yield key, {"answer": dict(future.result())}
                    except AnswerError as error:
                        if isinstance(error, UnauthorizedError) or error.status in (429, 503):
                            raise
                        yield key, {"error": str(error)}
            except ConnectionFailedError as error:
                raise CommandError(f"{error}. {nobody_there(self.url)} The same command goes on from here.") from None
            except GroundlaneError as error:
                raise CommandError(f"{error} The same command goes on from here.") from None


def _as_completed(
    pool: ThreadPoolExecutor, call: Callable[[Mapping[str, Any]], Any], requests: Sequence[Request], at_once: int
) -> Iterator[tuple[str, Future[Any]]]:
    """Calls in the order in which they end, never more of them waiting than twice ``at_once``."""
    left = iter(requests)
    running: dict[Future[Any], str] = {}
    while True:
        while len(running) < 2 * at_once and (request := next(left, None)) is not None:
            running[pool.submit(call, request[1])] = request[0]
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future


@dataclass(frozen=True)
class InProcess:
    """The bundled models, or those of a configuration, in this process: what ``groundlane score`` runs."""

    config: Path | None
    profile: str | None

    def identity(self) -> dict[str, str]:
        """As :meth:`Server.identity`; versions of models and calibration come with the answers."""
        return {"scorer": "this process", "config": str(self.config), "profile": str(self.profile)}

    def score(self, requests: Sequence[Request]) -> Outcomes:
        """The outcomes in order. Raises CommandError without the server's packages, or for a bad configuration."""
        missing = [module for module in SERVER_MODULES if not _is_there(module)]
        if missing:
            raise CommandError(
                f"scoring in this process needs groundlane[server] ({missing[0]} is missing). Install it: "
                "pip install 'groundlane[server]', or name a running server with --url or GROUNDLANE_URL"
            )
        # By name: the client must not depend on the server, and import-linter holds it to that.
        loading = import_module("serving.config.load")
        offline = import_module("serving.batch.offline")
        try:
            config = loading.read_config(self.config, {}, profile=self.profile)
        except loading.ConfigError as error:
            raise CommandError(f"{error}", EXIT_CONFIG) from None
        failures = (import_module("models.weights").ModelLoadError,)
        lines = (json.dumps(body) for _, body in requests)
        try:
            with closing(offline.score_lines(lines, config)) as answers:
                for (key, _), line in zip(requests, answers, strict=True):
                    answer = json.loads(line)
                    failed = answer.get("success") is False
                    yield key, {"error": answer["message"]} if failed else {"answer": answer}
        except failures as error:
            raise CommandError(str(error)) from None


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


class Kept:
    """The outcomes in an output folder."""

    def __init__(self, folder: Path, identity: Mapping[str, str], *, fresh: bool) -> None:
        """Open the folder, emptied if ``fresh``. Raises CommandError where something else has scored what it holds."""
        self._path = folder / RESULTS
        self._folder = folder
        self._identity = {**identity, "groundlane": version("groundlane")}
        if fresh:
            self._path.unlink(missing_ok=True)
            (folder / SCORER).unlink(missing_ok=True)
        self.outcomes = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        scorer = self._folder / SCORER
        if not scorer.is_file():
            if self._path.exists():
                raise CommandError(f"{self._path} is there without {SCORER}; give another --output", EXIT_USAGE)
            return {}
        found = json.loads(scorer.read_text(encoding="utf-8"))
        if found != self._identity:
            raise CommandError(
                f"{self._folder} was scored by {found}, now it would be {self._identity}; numbers of two scorers do not go "
                "together. Give another --output, or --fresh to score anew",
                EXIT_USAGE,
            )
        outcomes = {}
        for line in self._path.read_text(encoding="utf-8").splitlines() if self._path.is_file() else ():
            try:
                kept = json.loads(line)
            except ValueError:  # the line that an interruption cut
                continue
            if "answer" in kept:  # what failed is tried again
                outcomes[kept["key"]] = kept
        return outcomes

    def add(self, outcomes: Outcomes) -> Iterator[int]:
        """Write down what comes, and count it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self._folder / SCORER).write_text(json.dumps(self._identity, indent=2) + "\n", encoding="utf-8")
        with self._path.open("a", encoding="utf-8") as file:
            if file.tell():
                file.write("\n")  # ends a line that an interruption cut
            for count, (key, outcome) in enumerate(outcomes, 1):
                self.outcomes[key] = outcome
                file.write(json.dumps({"key": key, **outcome}) + "\n")
                file.flush()
                yield count
