"""For all tests: what hypothesis tries is the same at every run, and it measures no time (a shared machine would make a
failure of it); ``caplog`` sees our records."""

import logging
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("groundlane", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("groundlane")

HERE = Path(__file__).parent
TOGETHER = ("serve", "serving/store", "serving/pages", "live", "groundlane", "models")
"""Folders whose tests share something that is costly to start (a server, a database, a browser, models), the longest first."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test printed may hold half of a surrogate pair, which no worker could hand over."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


class _ByFolder(LoadScopeScheduling):
    """Hands each worker a folder of :data:`TOGETHER` whole, or any other file whole."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid.split("::", 1)[0].removeprefix("tests/"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFolder:
    """How ``make test`` shares the tests out."""
    return _ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folders of :data:`TOGETHER` come first: a worker that begins one late would be the last to end."""
    groups = {item: _group(item.path.relative_to(HERE).as_posix()) for item in items}
    items.sort(key=lambda item: TOGETHER.index(groups[item]) if groups[item] in TOGETHER else len(TOGETHER))


def _group(path: str) -> str:
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


@pytest.fixture(autouse=True)
def records_reach_caplog() -> None:
    """A gateway that another test built keeps the records of ``groundlane`` from the root logger; so does a shared server."""
    logger = logging.getLogger("groundlane")
    logger.propagate = True
    logger.disabled = False
    logger.setLevel(logging.NOTSET)
