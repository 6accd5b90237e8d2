"""The offline batch without a cluster: reading, committing, scoring rows, summing up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from serving.api.errors import ConflictError, InternalError, ValidationFailedError
from serving.batch.inputs import Row, cut, read_blocks, row_id, scan_input
from serving.batch.parts import OutputFolder, error_line, output_line
from serving.batch.plots import bar_chart
from serving.batch.source import RowSource, open_rows
from serving.batch.summary import write_summary
from serving.batch.worker import LaneWorker
from serving.cli.main import app
from serving.config.load import parse_config

REQUESTS = [{"response_text": f"Answer {number}.", "raw_context": "Context."} for number in range(11)]


def write_jsonl(folder: Path) -> Path:
    lines = [json.dumps(request) for request in REQUESTS]
    path = folder / "rows.jsonl"
    path.write_text("\n\n".join(lines) + "\n   \n", encoding="utf-8")
    return path


def write_gzip(folder: Path) -> Path:
    path = folder / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(write_jsonl(folder).read_bytes()))
    return path


def write_parquet(folder: Path) -> Path:
    path = folder / "rows.parquet"
    table = pa.Table.from_pylist([{**request, "query_text": None} for request in REQUESTS])
    parquet.write_table(table, path, row_group_size=4)
    return path


@pytest.mark.parametrize("block_rows", [1, 3, 64])
@pytest.mark.parametrize("at_most", [1, 2, 100])
@pytest.mark.parametrize("write", [write_jsonl, write_gzip, write_parquet])
def test_every_row_is_read_once_however_it_is_cut(
    tmp_path: Path, write: Callable[[Path], Path], at_most: int, block_rows: int
) -> None:
    (file,) = scan_input(write(tmp_path), block_rows)
    pieces = list(cut(file, file.blocks, at_most))
    assert list(chain.from_iterable(pieces)) == list(file.blocks)
    rows = [row for piece in pieces for block in read_blocks(file, piece) for row in block]
    assert file.rows == len(REQUESTS)
    assert [json.loads(row.body) for row in rows] == REQUESTS
    assert [row.position for row in rows] == sorted({row.position for row in rows})
    assert all(row.row_id == row_id(file.name, row.position, row.body) for row in rows)


@given(data=st.binary(max_size=300), block_rows=st.integers(1, 5))
def test_any_bytes_are_rows(tmp_path_factory: pytest.TempPathFactory, data: bytes, block_rows: int) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_bytes(b"x\n" + data)
    (file,) = scan_input(path, block_rows)
    bodies = [row.body for block in read_blocks(file, file.blocks) for row in block]
    assert bodies == [line.strip() for line in (b"x\n" + data).split(b"\n") if line.strip()]
    assert len(bodies) == file.rows


def test_folder_is_read_whole_and_names_are_relative(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_jsonl(tmp_path / "a")
    write_parquet(tmp_path)
    (tmp_path / "notes.txt").write_text("no input")
    assert [file.name for file in scan_input(tmp_path, 8)] == ["a/rows.jsonl", "rows.parquet"]


UNUSABLE = [
    pytest.param("missing.jsonl", None, "no such file", id="missing"),
    pytest.param("rows.csv", b"a,b\n", "unknown kind", id="csv"),
    pytest.param("rows.jsonl", b"\n \n", "no rows", id="blank"),
    pytest.param("rows.jsonl.gz", b"no gzip", "damaged", id="damaged gzip"),
    pytest.param("rows.parquet", b"no parquet", "no readable Parquet", id="damaged parquet"),
]


@pytest.mark.parametrize(("name", "content", "message"), UNUSABLE)
def test_unusable_input_is_named(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValidationFailedError, match=message):
        scan_input(tmp_path / name, 8)


def line_of(row: Row) -> bytes:
    return output_line(row, {"result": {"score": 0.5, "band": "amber"}})


def test_committed_rows_are_not_read_again(tmp_path: Path) -> None:
    files = scan_input(write_jsonl(tmp_path), 2)
    last = {"rows.jsonl": files[0].blocks[-1].last}
    folder = OutputFolder(tmp_path / "out", {"lane": "rag"})
    rows = list(open_rows(files, folder.done(last)))
    folder.commit([line_of(row) for row in rows[:5]])
    folder.commit([line_of(rows[7])])
    done = folder.done(last)
    assert list(open_rows(files, done)) == [*rows[5:7], *rows[8:]]
    tables = [table for task in RowSource(files, done).get_read_tasks(1) for table in task()]
    read = [Row(**values) for table in tables for values in table.to_pylist()]
    assert read == [*rows[5:7], *rows[8:]]
    folder.close()


def test_half_a_part_is_no_part(tmp_path: Path) -> None:
    OutputFolder(tmp_path, {"lane": "rag"}).close()
    (tmp_path / "part-000001.jsonl.tmp").write_bytes(b'{"row_id":')
    folder = OutputFolder(tmp_path, {"lane": "rag"})
    assert folder.parts() == []
    assert folder.commit([b"{}"]).name == "part-000001.jsonl"
    folder.close()
    again = OutputFolder(tmp_path, {"lane": "rag"})
    assert again.commit([b"{}"]).name == "part-000002.jsonl"
    assert not list(tmp_path.glob("*.tmp"))
    again.close()


def test_folder_of_another_batch_is_refused(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path / "out", {"lane": "rag", "input": 1})
    with pytest.raises(ConflictError, match="in use"):
        OutputFolder(tmp_path / "out", {"lane": "rag", "input": 1})
    folder.close()
    with pytest.raises(ConflictError, match="other input"):
        OutputFolder(tmp_path / "out", {"lane": "rag", "input": 2})
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "part-000001.jsonl").touch()
    with pytest.raises(ConflictError, match="no manifest"):
        OutputFolder(tmp_path / "foreign", {})


def test_summary_counts_what_is_committed(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path, {})
    rows = [Row(str(number), "rows.jsonl", number, b"") for number in range(1, 6)]
    results = [
        {"result": {"score": 0.0, "band": "red"}},
        {"result": {"score": 1.0, "band": "green"}},
        {"result": {"band": "unknown"}},
        {"result": {"turns_processed": 3}},
    ]
    folder.commit([output_line(row, result) for row, result in zip(rows, results, strict=False)])
    folder.commit([error_line(rows[4], InternalError("no"))])
    summary = write_summary(folder, {"workers": 2})
    folder.close()
    assert summary == json.loads((tmp_path / "summary.json").read_text())
    assert (summary["rows"], summary["scored"], summary["failed"], summary["workers"]) == (5, 4, 1, 2)
    assert summary["bands"] == {"green": 1, "amber": 0, "red": 1, "unknown": 1}
    assert summary["failures"] == {"internal_error": 1}
    assert summary["score_histogram"]["counts"] == [1, *[0] * 18, 1]
    assert summary["score"]["mean"] == 0.5


def test_plot_escapes_its_texts() -> None:
    chart = bar_chart("<script>", [('"&', 3, "#123456")])
    assert "<script>" not in chart
    assert "&quot;&amp;" in chart


LIMITS = {"body_bytes": 10_000, "context_characters": 1_000, "response_characters": 1_000}
BODIES = {
    "result": b'{"turns": [{"score": 0.9, "band": "green"}]}',
    "validation_error": b'{"turns": []}',
    "payload_too_large": b'{"turns": [{"score": 0.9, "session_id": "%b"}]}' % (b"x" * 20_000),
}


def test_rows_become_results_or_errors_one_for_one() -> None:
    worker = LaneWorker(parse_config({"limits": LIMITS}), "rollup")
    bodies = [*BODIES.values(), b"\xff", b"[]", b'{"turns": [{"score": 1}], "return_job": true}']
    rows = [Row(f"id-{place}", "rows.jsonl", place, body) for place, body in enumerate(bodies, 1)]
    outcomes = [orjson.loads(line) for line in worker.score(rows)]
    worker.close()
    assert [outcome["row_id"] for outcome in outcomes] == [row.row_id for row in rows]
    kinds = [outcome["error"]["error"] if "error" in outcome else "result" for outcome in outcomes]
    assert kinds == [*BODIES, *["validation_error"] * 3]


def test_parquet_value_that_json_cannot_carry_fails_its_row_alone(tmp_path: Path) -> None:
    table = pa.table({"response_text": ["a", "b"], "raw_context": [b"\xff", None]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    (file,) = scan_input(tmp_path / "rows.parquet", 8)
    rows = [json.loads(row.body) for block in read_blocks(file, file.blocks) for row in block]
    assert rows == [{"raw_context: bytes has no JSON form": True}, {"response_text": "b"}]


def test_command_names_what_it_cannot_use(tmp_path: Path) -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["batch", str(tmp_path / "none.jsonl"), "--output", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "no such file" in done.output
    done = runner.invoke(app, ["batch", str(write_jsonl(tmp_path)), "--output", str(tmp_path / "o"), "--lane", "poem"])
    assert done.exit_code == 1
    assert "known are rag, code, rollup" in done.output
