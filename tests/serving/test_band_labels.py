"""``groundlane calibrate``: labels in, an artefact that the server reads out."""

import gzip
import json
import lzma
import os
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scoring.calibration import parse_rag_artifact
from serving.api.errors import ValidationFailedError
from serving.batch import band_labels
from serving.batch.band_labels import MIN_LABELS, read_labels, refit
from serving.cli.main import app
from serving.config.artifacts import rag_artifacts, rag_fits, read_artifact
from serving.config.load import parse_config

VERSION = read_artifact("rag_verified")["version"]


def line(number: int, **fields) -> dict:
    """An answer of the server with a label: the higher its score, the likelier it is grounded."""
    random = np.random.default_rng(number)
    score = float(random.random())
    return {
        "score": round(score, 4),
        "hallucinated": bool(random.random() > score**0.3 if score > 0.3 else random.random() < 0.95),
        "source_id": f"source {number // 2}",
        "versions": {"calibration": VERSION},
    } | fields


def labelled(path: Path, count: int = 600, **fields) -> Path:
    path.write_text("".join(json.dumps(line(n, **fields)) + "\n" for n in range(count)), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Calls the command with a data folder of its own."""
    for name in [name for name in os.environ if name.startswith("GROUNDLANE__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GROUNDLANE__DATA_DIR", str(tmp_path / "data"))
    return lambda *arguments: CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def test_the_server_reads_what_the_command_writes(run, tmp_path):
    result = run(labelled(tmp_path / "labels.jsonl"), "--json")
    assert result.exit_code == 0, result.output
    rows = {(row["stratum"], row["band"]): row for row in json.loads(result.stdout)}
    folder = tmp_path / "data" / "artifacts"
    config = parse_config({"artifacts": {"directory": str(folder)}})
    verified = rag_artifacts(config.artifacts.directory)[1]
    assert verified.version.startswith(f"{VERSION.split('+')[0]}+bands-")
    assert verified.bands["overall"].green_at == rows["overall", "green"]["cut"] is not None
    assert verified.bands["overall"].green.n == rows["overall", "green"]["n"]
    packaged = rag_artifacts()[1]
    assert verified.fusion == packaged.fusion, "the weights stay"
    assert rag_fits(folder, config.bands.targets).targets == config.bands.targets


def test_a_second_refit_takes_answers_of_the_first_and_names_only_the_last(tmp_path):
    first = refit(read_labels(labelled(tmp_path / "a.jsonl")), parse_config({})).document
    (tmp_path / "rag_verified.json").write_text(json.dumps(first), encoding="utf-8")
    config = parse_config({"artifacts": {"directory": str(tmp_path)}})
    labels = labelled(tmp_path / "b.jsonl", 500, versions={"calibration": first["version"]})
    second = refit(read_labels(labels), config).document
    assert second["version"].count("+bands-") == 1
    assert second["version"] != first["version"]
    assert second["bands_from"]["labels"] == 500


def test_targets_come_from_the_configuration(run, tmp_path):
    labels = labelled(tmp_path / "labels.jsonl")
    loose = json.loads(run(labels, "--dry-run", "--json", "--set", "bands.green_precision=0.8").stdout)
    tight = json.loads(run(labels, "--dry-run", "--json", "--set", "bands.green_precision=0.9").stdout)
    assert loose[0]["cut"] < tight[0]["cut"]
    assert not (tmp_path / "data" / "artifacts").exists(), "a dry run writes nothing"


def test_strata_of_the_labels_get_bands_or_borrow(tmp_path):
    rows = [line(n, stratum="many" if n % 10 else "few") for n in range(600)]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    bands = parse_rag_artifact(refit(read_labels(path), parse_config({})).document).bands
    assert bands["many"].red.borrowed_from is None
    assert bands["few"].green is None or bands["few"].green.borrowed_from == "overall"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param([line(n) for n in range(MIN_LABELS - 1)], f"{MIN_LABELS} are needed", id="too-few"),
        pytest.param([line(n, hallucinated=False) for n in range(300)], "0 hallucinated", id="one-class"),
        pytest.param([line(n, source_id="s") for n in range(300)], "1 different contexts", id="one-source"),
        pytest.param([line(n, score=None) for n in range(300)], "0 answers that can be judged", id="no-scores"),
        pytest.param(
            [line(n, versions={"calibration": "other"}) for n in range(300)], "not by", id="other-calibration"
        ),
        pytest.param([line(0, versions=None)], "versions.calibration", id="no-version"),
        pytest.param([line(0, hallucinated="no")], "labels.jsonl:1: 'hallucinated'", id="label-not-boolean"),
        pytest.param([line(0), line(1, score=1.5)], "labels.jsonl:2: score", id="score-out-of-range"),
        pytest.param([line(0, score=True)], "score must be", id="score-boolean"),
        pytest.param([line(0, stratum="overall")], "stratum", id="reserved-stratum"),
        pytest.param([[1]], "one JSON object", id="not-an-object"),
    ],
)
def test_labels_that_would_mislead_are_refused(tmp_path, rows, says):
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(ValidationFailedError, match=says):
        refit(read_labels(path), parse_config({}))


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"], ids=["not-json", "not-utf8"])
def test_a_file_that_is_no_json_lines_has_its_exit_code(run, tmp_path, content):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(content)
    result = run(path)
    assert result.exit_code == 1
    assert "labels.jsonl" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        pytest.param("", bytes, id="plain"),
        pytest.param(".gz", gzip.compress, id="gzip"),
        pytest.param(".xz", lzma.compress, id="xz"),
    ],
)
def test_labels_are_read_packed_or_not(tmp_path, suffix, pack):
    path = tmp_path / f"labels.jsonl{suffix}"
    path.write_bytes(pack("".join(json.dumps(line(n)) + "\n\n" for n in range(3)).encode()))
    assert [label.line for label in read_labels(path)] == [1, 3, 5]


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_a_damaged_packed_file_is_named(tmp_path, suffix):
    path = tmp_path / f"labels.jsonl{suffix}"
    path.write_bytes(b"not packed at all")
    with pytest.raises(ValidationFailedError, match="cannot be read"):
        read_labels(path)


def test_texts_are_scored_by_the_configured_models(tmp_path, monkeypatch):
    """Real models on a few texts; the least number is lowered, since 200 texts would take a minute."""
    for name in ("MIN_LABELS", "MIN_OF_EACH", "MIN_SOURCES"):
        monkeypatch.setattr(band_labels, name, 1)
    rows = [
        {"context": "The bridge opened in 1932.", "response": "The bridge opened in 1932.", "hallucinated": 0},
        {"raw_context": "The mill is old.", "response_text": "Its owner sings opera in Milan.", "hallucinated": True},
    ]
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = refit(read_labels(path), parse_config({}))
    assert (found.name, found.judged) == ("rag_verified", 2)
    counts = found.document["curves"]["strata"]["overall"]
    assert found.document["curves"]["low"][0] < found.document["curves"]["high"][-1]
    assert np.sum(counts["hallucinated"]) == np.sum(counts["grounded"]) == 1


def test_a_text_that_no_request_could_hold_names_its_line(tmp_path, monkeypatch):
    for name in ("MIN_LABELS", "MIN_OF_EACH", "MIN_SOURCES"):
        monkeypatch.setattr(band_labels, name, 0)
    path = tmp_path / "labels.jsonl"
    path.write_text('\n{"context": "a b c", "hallucinated": true}', encoding="utf-8")
    with pytest.raises(ValidationFailedError, match=r"line 2: .*response_text"):
        refit(read_labels(path), parse_config({}))
