"""For all tests: what hypothesis tries is the same at every run, and it measures no time (a shared machine would make a
failure of it); ``caplog`` sees our records."""

import logging

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("groundlane", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("groundlane")


@pytest.fixture(autouse=True)
def records_reach_caplog() -> None:
    """A gateway that another test built keeps the records of ``groundlane`` from the root logger; so does a shared server."""
    logger = logging.getLogger("groundlane")
    logger.propagate = True
    logger.disabled = False
    logger.setLevel(logging.NOTSET)
