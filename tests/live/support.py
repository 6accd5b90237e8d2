"""The real gateway around the real rag lane, in this process: what clients and integrations talk to in these tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving.config.load import load_config
from serving.http.gateway import create_app
from serving.lanes.dispatch import Lanes
from serving.lanes.rollup import RollupLane
from tests.serving.http_server import running

CONTEXT = (
    "The Lindau Bridge opened on 4 May 1932 after six years of construction. It is 1,149 metres long and carries eight "
    "lanes of road traffic. The bridge was designed by the engineer Clara Hoffmann. A toll of 2 euros is charged on weekends."
)


class ReadyRollup(RollupLane):
    """The rollup lane, always ready."""

    async def ready(self) -> None:
        return None


@contextmanager
def gateway(lane: Any, folder: Path, **settings: Any) -> Iterator[str]:
    """The address of a gateway; ``settings`` by dotted key."""
    config = load_config(overrides={"data_dir": str(folder), **settings}, environment={})
    with running(create_app(config, Lanes(rag=lane, code=lane, rollup=ReadyRollup()))) as url:
        yield url
