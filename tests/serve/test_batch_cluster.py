"""The offline batch on a local cluster of two Ray nodes, with the bundled encoder."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from serving.batch.offline import score_lines
from serving.config.load import parse_config

_FACTS = (
    "Paris is the capital of France.",
    "The Nile is 6,650 km long.",
    "Water boils at 100 degrees at sea level.",
    "Mount Everest is 8,849 m high.",
    "The Rhine flows into the North Sea.",
    "The treaty was signed in 1648 in Osnabrück.",
)
_BAD = ("{not json", '{"response_text": "no premises"}', '{"response_text": "x", "raw_context": "y", "colour": 1}')
_DYING = """
import os, sys
from pathlib import Path
from serving.batch.run import BatchOptions, run_batch
from serving.batch.source import ScoringActor
from serving.config.load import parse_config

class Dying(ScoringActor):
    def __call__(self, table):
        if any(b"kill-the-worker" in body for body in table.column("body").to_pylist()):
            os._exit(1)
        return super().__call__(table)

options = BatchOptions(Path(sys.argv[1]), Path(sys.argv[2]), lane="rollup")
run_batch(options, parse_config({}), lambda progress: None, actor=Dying)
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes with one CPU each, in a folder of their own: Ray must not take them for the machine's cluster."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # the path of a socket must stay short
        node = {"num_cpus": 1, "object_store_memory": 100_000_000, "temp_dir": folder}
        nodes = Cluster(initialize_head=True, head_node_args=node)
        nodes.add_node(**node)
        try:
            yield nodes
        finally:
            nodes.shutdown()


def write_rows(path: Path, count: int) -> list[str]:
    dice = random.Random(7)
    lines = []
    for _ in range(count):
        context = dice.sample(_FACTS, 3)
        answer = f"{dice.choice(context)} {dice.choice(_FACTS)}"
        lines.append(json.dumps({"response_text": answer, "raw_context": " ".join(context)}))
    lines[5:5] = _BAD
    path.write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return lines


def start(cluster: Cluster, command: list[str], log: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "RAY_ADDRESS": cluster.address, "OMP_NUM_THREADS": "1"}
    with log.open("wb") as file:
        return subprocess.Popen([sys.executable, *command], env=environment, stdout=file, stderr=subprocess.STDOUT)


def parts(folder: Path) -> dict[str, bytes]:
    return {part.name: part.read_bytes() for part in sorted(folder.glob("part-*.jsonl"))}


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for content in parts(folder).values() for line in content.splitlines()]


def test_killed_run_resumes_on_two_nodes_with_the_numbers_of_the_lane(cluster: Cluster, tmp_path: Path) -> None:
    source, folder, log = tmp_path / "rows.jsonl", tmp_path / "out", tmp_path / "log"
    lines = write_rows(source, 240)
    command = ["-m", "serving.cli.main", "batch", str(source), "--output", str(folder), "--part-rows", "16", "--json"]

    killed = start(cluster, command, log)
    for _ in range(3_600):
        if len(parts(folder)) >= 2 or killed.poll() is not None:
            break
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(30) == -signal.SIGKILL, log.read_text()
    kept = parts(folder)
    kept_rows = len(rows_of(folder))
    assert 32 <= kept_rows < len(lines)

    assert start(cluster, command, log).wait(120) == 1, log.read_text()  # 1: some rows are error rows
    after = parts(folder)
    assert {name: after[name] for name in kept} == kept
    rows = rows_of(folder)
    assert sorted(row["row"] for row in rows) == list(range(1, len(lines) + 1))
    assert len({row["row_id"] for row in rows}) == len(lines)

    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["rows_resumed"], summary["rows_this_run"]) == (kept_rows, len(lines) - kept_rows)
    assert summary["failures"] == {"validation_error": len(_BAD)}
    assert summary["scored"] == sum(summary["bands"].values()) == sum(summary["score_histogram"]["counts"]) == 240
    assert len(summary["rows_by_node"]) == 2
    for plot in ("bands.svg", "scores.svg"):
        assert ElementTree.parse(folder / plot).getroot().tag.endswith("svg")

    by_row = {row["row"]: row for row in rows}
    wanted = (*range(1, 13), *range(232, 244))
    expected = map(json.loads, score_lines([lines[number - 1] for number in wanted], parse_config({})))
    for number, alone in zip(wanted, expected, strict=True):
        row = by_row[number]
        if "error" in row:
            assert row["error"]["error"] == alone["error"]
        else:
            assert row["result"]["score"] == pytest.approx(alone["score"], abs=1e-3)
            assert row["result"]["band"] == alone["band"]


def test_row_that_kills_its_worker_becomes_an_error_row_and_the_others_are_scored(
    cluster: Cluster, tmp_path: Path
) -> None:
    source, folder, log = tmp_path / "rows.jsonl", tmp_path / "out", tmp_path / "log"
    lines = [json.dumps({"turns": [{"score": 0.5, "band": "amber"}]}) for _ in range(20)]
    lines.insert(9, json.dumps({"turns": [{"score": 0.5, "band": "red"}], "session_id": "kill-the-worker"}))
    source.write_text("\n".join(lines), encoding="utf-8")
    script = tmp_path / "dying.py"
    script.write_text(_DYING)
    assert start(cluster, [str(script), str(source), str(folder)], log).wait(150) == 0, log.read_text()
    rows = {row["row"]: row for row in rows_of(folder)}
    assert sorted(rows) == list(range(1, len(lines) + 1))
    assert rows[10]["error"]["error"] == "internal_error"
    assert sum("result" in row for row in rows.values()) == 20
