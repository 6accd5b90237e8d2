"""Every format, every shape of a context, every way in which a row can be bad."""

from __future__ import annotations

import builtins
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from groundlane.cli.common import CommandError
from groundlane.evaluate.reading.columns import map_columns
from groundlane.evaluate.reading.files import Record, read_records
from groundlane.evaluate.reading.values import UnreadableError, context_of, label_of, text_of
from groundlane.evaluate.rows import BadRow, Row, Wanted, open_rows

ROWS: list[dict[str, Any]] = [
    {"question": "Wann?", "contexts": ["Größe, 5 m\nund mehr", "Zwei"], "response": 'Er sagte "fünf"'},
    {"question": "Who?", "contexts": ["Three"], "response": "Clara"},
]
NOTHING = Wanted({"question": None, "context": None, "answer": None}, (), None)


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n\n" for row in rows).encode()


def as_csv(rows: list[dict[str, Any]], separator: str = ",", write: Callable[[Any], str] = json.dumps) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator)
    writer.writerow(rows[0])
    writer.writerows([[write(cell) if isinstance(cell, list) else cell for cell in row.values()] for row in rows])
    return text.getvalue().encode()


def write_parquet(path: Path, rows: list[dict[str, Any]] = ROWS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.Table.from_pylist(rows), path)


def write_saved(folder: Path, rows: list[dict[str, Any]] = ROWS) -> None:
    """As ``Dataset.save_to_disk`` writes it with one row a shard."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{number:05}-of-{len(rows):05}.arrow" for number in range(len(rows))]
    for name, row in zip(names, rows, strict=True):
        table = arrow.Table.from_pylist([row])
        with arrow.OSFile(str(folder / name), "wb") as file, arrow.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "data-00009-of-00009.arrow").write_bytes(b"left over from an earlier saving")


FILES: dict[str, bytes] = {
    "a.jsonl": as_lines(ROWS),
    "a.ndjson": b"\xef\xbb\xbf" + as_lines(ROWS),
    "a.jsonl.gz": gzip.compress(as_lines(ROWS)),
    "a.jsonl.xz": lzma.compress(as_lines(ROWS)),
    "list.json": json.dumps(ROWS).encode(),
    "lines.json": as_lines(ROWS),
    "a.csv": as_csv(ROWS),
    "a.csv.gz": gzip.compress(as_csv(ROWS)),
    "excel.csv": b"\xef\xbb\xbf" + as_csv(ROWS, ";"),
    "python.csv": as_csv(ROWS, write=repr),
    "numpy.csv": as_csv(ROWS, write=lambda cell: "[" + "\n ".join(map(repr, cell)) + "]"),
    "a.tsv": as_csv(ROWS, "\t"),
}


def expect_rows(source: Path, split: str | None = None, expected: list[dict[str, Any]] = ROWS) -> None:
    _, _, rows = open_rows(read_records(str(source), split), NOTHING)
    found = [row.request for row in rows if isinstance(row, Row)]
    assert found == [
        {
            "response_text": row["response"],
            "query_text": row["question"],
            "support_units": [{"text": text} for text in row["contexts"]],
        }
        for row in expected
    ]


@pytest.mark.parametrize("name", FILES)
def test_text_files(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    expect_rows(tmp_path / name)


def test_parquet(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet")
    expect_rows(tmp_path / "a.parquet")


def test_a_saved_dataset(tmp_path: Path) -> None:
    write_saved(tmp_path / "saved")
    expect_rows(tmp_path / "saved")


def test_a_saved_dataset_with_splits(tmp_path: Path) -> None:
    write_saved(tmp_path / "train", ROWS[:1])
    write_saved(tmp_path / "test", ROWS[1:])
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    expect_rows(tmp_path, "test", ROWS[1:])
    with pytest.raises(CommandError, match=r"splits test, train; choose one with --split"):
        expect_rows(tmp_path)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        pytest.param("data/train-00000-of-00001.parquet", "data/test-00000-of-00001-9f1c2a.parquet", id="data"),
        pytest.param("default/train/0000.parquet", "default/test/0000.parquet", id="converted"),
        pytest.param("train.parquet", "test.parquet", id="bare"),
        pytest.param("en/train-00000-of-00001.parquet", "en/test-00000-of-00001.parquet", id="configuration"),
    ],
)
def test_a_clone_from_a_hub(train: str, test: str, tmp_path: Path) -> None:
    write_parquet(tmp_path / train, ROWS[:1])
    write_parquet(tmp_path / test, ROWS[1:])
    (tmp_path / "README.md").write_text("# A data set")
    expect_rows(tmp_path, "test", ROWS[1:])
    with pytest.raises(CommandError, match="--split 'dev' is none of"):
        expect_rows(tmp_path, "dev")


def test_shards_are_read_in_order(tmp_path: Path) -> None:
    for number, row in enumerate(ROWS):
        write_parquet(tmp_path / f"data/train-{number:05}-of-00002.parquet", [row])
    expect_rows(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("a.docx", b"", "does not say what it holds", id="unknown"),
        pytest.param("a.jsonl", b"", "no rows", id="empty"),
        pytest.param("a.jsonl", "ä".encode("latin-1"), "not UTF-8", id="latin"),
        pytest.param("a.jsonl.gz", b"plain", "damaged", id="no gzip"),
        pytest.param("a.jsonl.gz", gzip.compress(as_lines(ROWS))[:-9], "damaged", id="cut gzip"),
        pytest.param("a.parquet", b"PAR", "no readable Parquet", id="no parquet"),
        pytest.param("a.json", b"[{]", "not JSON", id="no json"),
        pytest.param("a.jsonl", b"{\n", "no row can be read: line 1: not JSON", id="only bad rows"),
        pytest.param("a.csv", b"\n", "must name the columns", id="no header"),
        pytest.param("a.csv", b"a,b\n1,2\n", "no column looks like the answer.*There are 'a', 'b'", id="columns"),
    ],
)
def test_what_cannot_be_read_is_said(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CommandError, match=message):
        list(open_rows(read_records(str(tmp_path / name), None), NOTHING)[2])


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parquet(tmp_path / "a.parquet")
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CommandError, match=r"pip install 'groundlane\[evaluate\]'"):
        list(read_records(str(tmp_path / "a.parquet"), None))


def test_bad_rows_keep_their_place(tmp_path: Path) -> None:
    lines = [
        '{"question": "q", "context": "c", "answer": "fine"}',
        "not json",
        "[1, 2]",
        "",
        '{"question": "q", "context": "c", "answer": ""}',
        '{"question": "q", "context": "c"}',
        '{"question": "q", "context": "c", "answer": {"text": "x"}}',
        '{"question": {"a": 1}, "context": "c", "answer": "fine"}',
        '{"question": "q", "context": null, "answer": "without context"}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    _, _, rows = open_rows(read_records(str(tmp_path / "a.jsonl"), None), NOTHING)
    found = list(rows)
    bad = {row.place: row.problem for row in found if isinstance(row, BadRow)}
    assert list(bad) == ["line 2", "line 3", "line 5", "line 6", "line 7", "line 8"]
    assert bad["line 2"].startswith("not JSON")
    assert bad["line 7"] == "column 'answer': expected a text, found an object with text"
    good = [row for row in found if isinstance(row, Row)]
    assert [(row.place, row.request is None) for row in good] == [("line 1", False), ("line 9", True)]


def test_bad_rows_of_a_csv_file_are_named_by_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('context,answer\n"two\nlines",fine\nonly one\nc,"broken" quote\nc,last\n')
    _, _, rows = open_rows(read_records(str(tmp_path / "a.csv"), None), NOTHING)
    assert [(row.place, isinstance(row, Row)) for row in rows] == [
        ("line 2", True),
        ("line 4", False),
        ("line 5", False),
        ("line 6", True),
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["question", "contexts", "answer"], ("question", "contexts", "answer"), id="ragas 0.1"),
        pytest.param(
            ["user_input", "retrieved_contexts", "response", "reference"],
            ("user_input", "retrieved_contexts", "response"),
            id="ragas",
        ),
        pytest.param(
            ["input", "actual_output", "expected_output", "retrieval_context"],
            ("input", "retrieval_context", "actual_output"),
            id="deepeval",
        ),
        pytest.param(["Query", "Documents", "Output"], ("Query", "Documents", "Output"), id="capitals"),
        pytest.param(
            ["userInput", "source-text", "model response"], ("userInput", "source-text", "model response"), id="case"
        ),
        pytest.param(["article", "summary"], (None, "article", "summary"), id="summaries"),
        pytest.param(["premise", "hypothesis", "label"], (None, "premise", "hypothesis"), id="pairs"),
        pytest.param(
            ["prompt", "context", "rag_answer", "reference_answer"], ("prompt", "context", "rag_answer"), id="ending"
        ),
        pytest.param(
            ["query_text", "raw_context", "response_text"], ("query_text", "raw_context", "response_text"), id="ours"
        ),
    ],
)
def test_columns_are_guessed(names: list[str], expected: tuple[str | None, str, str]) -> None:
    columns = map_columns(names, {})
    question = columns.question.name if columns.question else None
    assert (question, columns.context.name, columns.answer.name) == expected


def test_a_guess_says_what_else_it_could_have_been() -> None:
    columns = map_columns(["context", "response", "answer"], {})
    assert columns.answer.line() == "answer: column 'response' (guessed; also possible: 'answer')"
    chosen = map_columns(["context", "response", "answer"], {"answer": "answer"})
    assert chosen.answer.line() == "answer: column 'answer'"


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [
        pytest.param(["knowledge", "right_answer", "hallucinated_answer"], {}, "the answer: name it", id="references"),
        pytest.param(["knowledge", "first_answer", "second_answer"], {}, "the answer: name it", id="two are no guess"),
        pytest.param(["answer", "text"], {}, "the context: name it", id="no context"),
        pytest.param(["answer", "context"], {"answer": "respnse"}, "--answer 'respnse': there is no", id="wrong name"),
    ],
)
def test_columns_that_cannot_be_told(names: list[str], chosen: dict[str, str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        map_columns(names, chosen)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("plain", "plain", id="text"),
        pytest.param(["a", " ", None, "b"], [{"text": "a"}, {"text": "b"}], id="list"),
        pytest.param('["a", "b"]', [{"text": "a"}, {"text": "b"}], id="JSON in a text"),
        pytest.param("['it''s', 'b']", [{"text": "it"}, {"text": "s"}, {"text": "b"}], id="neighbours stay apart"),
        pytest.param("[see page 5]", "[see page 5]", id="brackets in prose"),
        pytest.param("[1, 2, 3]", "[1, 2, 3]", id="numbers stay a text"),
        pytest.param('{"name": "Bella", "text": "x"}', '{"name": "Bella", "text": "x"}', id="a record stays whole"),
        pytest.param([{"page_content": "a", "metadata": {}}], [{"text": "a"}], id="langchain"),
        pytest.param([{"text": "a", "id": 7}], [{"text": "a", "source_id": "7"}], id="documents with ids"),
        pytest.param([["One.", "Two."], ["Three."]], [{"text": "One. Two."}, {"text": "Three."}], id="sentences"),
        pytest.param(
            {"title": ["A", "B"], "sentences": [["One.", "Two."], ["Three."]]},
            [{"text": "One. Two.", "source_id": "A"}, {"text": "Three.", "source_id": "B"}],
            id="columns of documents",
        ),
        pytest.param({"question": "q", "passages": "text"}, [{"text": "text"}], id="passages"),
        pytest.param({"stars": 4, "name": "Bella"}, [{"text": '{"stars": 4, "name": "Bella"}'}], id="a record"),
        pytest.param(None, "", id="null"),
        pytest.param([], [], id="nothing"),
        pytest.param(5, "5", id="number"),
    ],
)
def test_contexts(value: Any, expected: Any) -> None:
    assert context_of(value) == expected


@pytest.mark.parametrize("value", [[5], [[1, 2]], True], ids=str)
def test_contexts_that_say_nothing(value: Any) -> None:
    with pytest.raises(UnreadableError):
        context_of(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True), (0, False), (1.0, True), ("Yes", True), ("grounded", False), ("", None), (None, None), ("unknown", None),
        ([], False), ([{"start": 1}], True), (float("nan"), None), ("FAIL", True),
    ],
    ids=str,
)  # fmt: skip
def test_labels(value: Any, expected: bool | None) -> None:
    assert label_of(value) is expected


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        pytest.param("hallucinated", True, True, id="hallucinated"),
        pytest.param("label", "1", True, id="label"),
        pytest.param("faithful", "1", False, id="faithful-one"),
        pytest.param("is_grounded", True, False, id="grounded-true"),
        pytest.param("isFaithful", "no", True, id="faithful-no"),
        pytest.param("supported", 0, True, id="supported-zero"),
        pytest.param("faithful", "hallucinated", True, id="a-word-says-it-itself"),
        pytest.param("grounded", "", None, id="no-label"),
        pytest.param("faithful", ["a span"], True, id="spans"),
    ],
)
def test_what_yes_says_follows_from_the_columns_name(column: str, cell: Any, expected: bool | None) -> None:
    records = [Record("line 1", {"answer": "a", "context": "c", column: cell})]
    _, _, rows = open_rows(records, Wanted({"question": None, "context": None, "answer": None}, (), column))
    assert [row.label for row in rows if isinstance(row, Row)] == [expected]


@pytest.mark.parametrize("value", [2, "maybe", 0.7], ids=str)
def test_labels_are_not_guessed(value: Any) -> None:
    with pytest.raises(UnreadableError, match="is no label"):
        label_of(value)


@pytest.mark.parametrize(("value", "expected"), [(4, "4"), (["one"], "one"), (None, "")], ids=str)
def test_texts(value: Any, expected: str) -> None:
    assert text_of(value) == expected
