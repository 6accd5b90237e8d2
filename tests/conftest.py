"""For all tests: hypothesis measures no time, a shared machine would make a failure of it; logging is as each test found it."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("groundlane", deadline=None)
settings.load_profile("groundlane")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A gateway that a test builds sends the records of ``groundlane`` to stderr alone; the next test's ``caplog`` wants them."""
    logger = logging.getLogger("groundlane")
    handlers, level, propagate = list(logger.handlers), logger.level, logger.propagate
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    logger.propagate = propagate
