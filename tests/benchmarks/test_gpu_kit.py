"""The kit carries the embeddings exactly as bfloat16 has them, keeps data as they are, and refuses to grow too large."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks import gpu_kit
from benchmarks.gpu_session import SHARES, Session, recipe_here
from models.shipped import load_shipped_verifier
from models.weights import BUNDLED_SOURCE, locate

PAIRS = [
    ("The bridge was opened in 1932 and is 503 metres long.", "The bridge opened in 1932."),
    ("Revenue rose.", "It fell."),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kit")
    (made / "rows.jsonl").write_text('{"a": 1}\n', encoding="utf-8")
    gpu_kit.pack(made / "kit", [made / "rows.jsonl"])
    gpu_kit.unpack(made / "kit", made / "work")
    return made


def test_embeddings_are_those_of_the_bundled_encoder_in_bfloat16(folder: Path) -> None:
    bundled = load_file(locate("all-MiniLM-L6-v2", BUNDLED_SOURCE) / "model.safetensors")
    carried = load_file(folder / "work" / "encoder" / "model.safetensors")
    for name in ("word", "position", "token_type"):
        key = f"embeddings.{name}_embeddings.weight"
        assert torch.equal(carried[key], bundled[key].to(torch.bfloat16).float()), name


def test_the_verifier_there_judges_as_the_one_here(folder: Path) -> None:
    here = load_shipped_verifier(dtype="float32").verify(PAIRS)
    there = load_shipped_verifier(folder / "work" / "verifier", dtype="float32").verify(PAIRS)
    for one, other in zip(here, there, strict=True):
        assert one.entail == pytest.approx(other.entail, abs=0.005)


def test_data_come_through(folder: Path) -> None:
    assert (folder / "work" / "data" / "rows.jsonl").read_text(encoding="utf-8") == '{"a": 1}\n'


@pytest.mark.parametrize(("limit", "status"), [(10**12, 0), (1_000, 1)], ids=["fits", "too large"])
def test_the_sum_is_held_against_what_can_be_carried(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], limit: int, status: int
) -> None:
    monkeypatch.setattr(gpu_kit, "CARRIED_BYTES", limit)
    assert gpu_kit.main(["pack", "--out", str(folder / "again"), "--shared", str(folder / "kit")]) == status
    assert "shared data" in capsys.readouterr().out
    assert sum(path.stat().st_size for path in (folder / "again" / "encoder").iterdir()) < 23_000_000


def test_what_does_not_match_its_card_is_not_adopted(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors.00").write_bytes(b"half")
    (tmp_path / "card.json").write_text(json.dumps({"weights_sha256": "0"}), encoding="utf-8")
    with pytest.raises(SystemExit, match="the card says 0"):
        gpu_kit.adopt(tmp_path, tmp_path / "out")


def test_a_recipe_keeps_what_is_there_and_gets_the_machine(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "data:\n- {path: there.jsonl.gz, kind: nli, sources: {own: 9}}\n- {path: away.jsonl.gz, kind: prepared}\nmax_steps: 3\n",
        encoding="utf-8",
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "there.jsonl").write_text("", encoding="utf-8")
    found = recipe_here(Session(tmp_path, tmp_path, recipe, "cuda", 12, 32_768, False))
    assert found["data"] == [{"path": "there.jsonl", "kind": "nli", "sources": {"own": None}}]
    assert found["encoder_source"] == str(tmp_path / "encoder")
    assert "max_steps" not in found


def test_the_shares_are_one_whole() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
