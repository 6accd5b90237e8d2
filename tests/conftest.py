"""For all tests: what hypothesis tries is the same at every run, and it measures no time (a shared machine would make a
failure of it); ``caplog`` sees our records."""

import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("groundlane", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("groundlane")

HERE = Path(__file__).parent
TOGETHER = ("serve", "serving/store", "serving/pages", "live", "groundlane", "models")
"""Folders whose tests share something that is costly to start (a server, a database, a browser, models), the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers (``make test``) one takes a folder of :data:`TOGETHER` whole, and any other file whole."""
    groups = {item: _group(item.path.relative_to(HERE).as_posix()) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
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
