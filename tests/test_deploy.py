from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.config.load import PROFILES, Config, parse_config
from serving.config.sources import parse_document, unwrap_serve_document

REPOSITORY = Path(__file__).parents[1]
RAY_SERVICE = REPOSITORY / "deploy" / "rayservice.yaml"
NETWORK_POLICY = REPOSITORY / "deploy" / "networkpolicy.yaml"
COMPOSE = REPOSITORY / "deploy" / "compose.yaml"
DOCKERFILE = REPOSITORY / "Dockerfile.gpu"
LOCK, CONSTRAINTS = REPOSITORY / "requirements.lock", REPOSITORY / "constraints.txt"
_LOCKED = re.compile(r"(?m)^([A-Za-z0-9_.-]+)==([^\s;]+)((?:.*\\\n)(?:\s+--hash=.*\n)+)")


def ray_service() -> dict[str, Any]:
    return yaml.safe_load(RAY_SERVICE.read_text(encoding="utf-8"))


def serve_documents() -> list[Any]:
    files = [REPOSITORY / "deploy" / "groundlane.yaml"]
    files += [REPOSITORY / "serving" / "config" / "profiles" / f"{profile}.yaml" for profile in PROFILES]
    documents = [pytest.param(path.read_text(encoding="utf-8"), id=path.stem) for path in files]
    return [*documents, pytest.param(ray_service()["spec"]["serveConfigV2"], id="rayservice")]


def configuration(text: str) -> Config:
    return parse_config(unwrap_serve_document(parse_document(text, "file")), environment={})


def pods() -> list[Any]:
    cluster = ray_service()["spec"]["rayClusterConfig"]
    groups = [("head", cluster["headGroupSpec"])]
    groups += [(group["groupName"], group) for group in cluster["workerGroupSpecs"]]
    return [pytest.param(group["template"]["spec"], id=name) for name, group in groups]


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    parts = (line.split(" ", 1) for line in joined.splitlines() if line.strip())
    return [(instruction, arguments) for instruction, arguments in parts]


@pytest.mark.parametrize("text", serve_documents())
def test_a_serve_file_loads_into_the_typed_configuration(text):
    config = configuration(text)
    options = yaml.safe_load(text)["http_options"]
    assert (config.server.host, config.server.port) == (options["host"], options["port"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import
@pytest.mark.parametrize("text", serve_documents())
def test_ray_serve_accepts_the_file(text):
    from ray.serve.schema import ServeDeploySchema

    document = ServeDeploySchema.model_validate(yaml.safe_load(text))
    assert [(app.import_path, app.route_prefix) for app in document.applications] == [("serving.app:build_app", "/")]


@pytest.mark.parametrize("text", serve_documents())
def test_what_listens_beyond_loopback_asks_for_a_key(text):
    config = configuration(text)
    assert config.server.host == "127.0.0.1" or config.auth.required


@pytest.mark.parametrize(
    "path", [RAY_SERVICE, NETWORK_POLICY, COMPOSE, REPOSITORY / "deploy" / "groundlane.yaml"], ids=lambda p: p.name
)
def test_the_yaml_is_clean(path):
    command = [sys.executable, "-m", "yamllint", "--strict", "-c", str(REPOSITORY / ".yamllint.yaml"), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_the_ray_service_has_the_structure_that_kuberay_reads():
    document = ray_service()
    assert (document["apiVersion"], document["kind"]) == ("ray.io/v1", "RayService")
    assert set(document["spec"]) == {"serveConfigV2", "rayClusterConfig"}
    cluster = document["spec"]["rayClusterConfig"]
    assert f"ray=={cluster['rayVersion']}" in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


@pytest.mark.parametrize("pod", pods())
def test_every_pod_is_unprivileged_finds_the_keys_and_opens_the_port(pod):
    config = configuration(ray_service()["spec"]["serveConfigV2"])
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod['securityContext']['runAsUser']}:" in DOCKERFILE.read_text(encoding="utf-8")
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert {port["name"]: port["containerPort"] for port in container["ports"]}["serve"] == config.server.port
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert set(mounts.values()) == set(volumes)
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for written in ("/tmp", "/dev/shm", str(config.data_dir)):
        assert "emptyDir" in volumes[mounts[written]]
    head = container["name"] == "ray-head"
    assert (str(config.keys_path.parent) in mounts) is not head, "gateways read keys, and the head runs none"
    assert pod["automountServiceAccountToken"] is head
    secrets = [entry["name"] for entry in container["env"] if "secretKeyRef" in entry.get("valueFrom", {})]
    assert "GROUNDLANE__STORE__URL" in secrets
    if "terminationGracePeriodSeconds" in pod:
        assert pod["terminationGracePeriodSeconds"] > config.server.drain_s


def test_the_cluster_can_place_the_replicas_that_the_configuration_asks_for():
    config = configuration(ray_service()["spec"]["serveConfigV2"])
    cores = gpus = 0.0
    largest_gpus = 0.0
    for group in ray_service()["spec"]["rayClusterConfig"]["workerGroupSpecs"]:
        (container,) = group["template"]["spec"]["containers"]
        limits = container["resources"]["limits"]
        cores += group["minReplicas"] * float(limits["cpu"])
        gpus += group["minReplicas"] * float(limits.get("nvidia.com/gpu", 0))
        largest_gpus += group["maxReplicas"] * float(limits.get("nvidia.com/gpu", 0))
    lanes = config.lanes
    parts = [config.server.gateway, lanes.rag, lanes.code, lanes.rollup, *config.encoders]
    least = [(part, part.autoscaling.min if part.autoscaling else part.max_replicas) for part in parts]
    assert sum(part.num_cpus * count for part, count in least) <= cores
    encoder = config.encoders[0]
    assert encoder.autoscaling is not None
    assert encoder.autoscaling.min * (encoder.num_gpus or 1) <= gpus
    assert encoder.max_replicas * (encoder.num_gpus or 1) <= largest_gpus


def test_the_compose_file_mounts_the_configuration_that_it_names():
    service = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["groundlane"]
    source, target, mode = service["volumes"][0].split(":")
    assert service["command"] == ["serve", "--config", target]
    assert mode == "ro"
    config = configuration((COMPOSE.parent / source).read_text(encoding="utf-8"))
    assert service["ports"] == [f"127.0.0.1:{config.server.port}:{config.server.port}"]
    assert service["volumes"][1].split(":")[1] == str(config.data_dir)
    assert (COMPOSE.parent / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DOCKERFILE
    assert int(service["stop_grace_period"].removesuffix("s")) > config.server.drain_s
    assert f":{config.server.port}/readyz" in service["healthcheck"]["test"][-1]


def test_the_image_is_locked_unprivileged_and_checks_its_health():
    steps = instructions()
    installs = [text for name, text in steps if name == "RUN" and "pip install" in text]
    assert installs
    ways = ("--require-hashes --requirement requirements.lock", "--no-deps --no-build-isolation .")
    assert all(any(way in text for way in ways) for text in installs)
    names = [name for name, _ in steps]
    last_stage = steps[len(names) - 1 - names[::-1].index("FROM") :]
    assert ("USER", "10001:10001") in last_stage
    assert any(name == "HEALTHCHECK" and "/readyz" in text for name, text in last_stage)
    assert not any(re.search(r"(?i)password|secret|token=|api_key", text) for _, text in steps)


_OF_TORCH = re.compile(r"(?:nvidia|cuda)-.+|triton")
_ELSEWHERE = {"setuptools", "httpx2-jsfetch"}
"""What builds our own package, and what is for a platform that constraints.txt is not made on."""


def test_the_lock_has_hashes_and_is_in_step_with_the_constraints():
    """``make lock`` writes it; run it where this fails."""
    locked = {_name(name): (version, body) for name, version, body in re.findall(_LOCKED, LOCK.read_text("utf-8"))}
    assert len(locked) == len(re.findall(r"(?m)^\w", LOCK.read_text("utf-8"))) > 100
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", body) for _, body in locked.values())
    wanted = dict(line.split("==") for line in CONSTRAINTS.read_text("utf-8").splitlines() if "==" in line)
    constrained = {_name(name): version.split(";")[0].strip() for name, version in wanted.items()}
    unknown = {name for name in locked if name not in constrained and not _OF_TORCH.fullmatch(name)}
    assert unknown <= _ELSEWHERE
    assert {n: v for n, (v, _) in locked.items() if n in constrained and v != constrained[n]} == {}


def test_the_lock_has_every_requirement_of_the_image():
    locked = {_name(name) for name, *_ in re.findall(_LOCKED, LOCK.read_text("utf-8"))}
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["server"], *extras["gpu"], *extras["postgres"]]
    names = {_name(re.match(r"[\w.-]+", one)[0]) for one in asked} - {"groundlane"}
    assert names - locked == set()


def _name(written):
    """A package's name as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", written).lower()


def test_the_image_starts_a_command_that_exists_with_a_valid_configuration():
    from serving.cli.common import configured

    command = dict(instructions())["CMD"]
    words = yaml.safe_load(command)
    assert words[0] == "serve"
    options = dict(zip(words[1::2], words[2::2], strict=True))
    config = configured(
        None, options["--profile"], [options["--set"]], {"server.host": options["--host"]}, listens=True
    )
    assert config.auth.required


def test_everything_that_the_image_copies_exists_and_is_not_ignored():
    kept = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name, text in instructions():
        if name != "COPY" or text.startswith("--from"):
            continue
        for source in text.split()[:-1]:
            assert (REPOSITORY / source).exists(), source
            assert f"!{source}" in kept


def test_the_cluster_asks_for_a_token_and_lets_no_other_pod_in():
    cluster = ray_service()["spec"]["rayClusterConfig"]
    assert cluster["authOptions"] == {"mode": "token"}
    policy = yaml.safe_load(NETWORK_POLICY.read_text(encoding="utf-8"))["spec"]
    wanted = policy["podSelector"]["matchLabels"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert all(wanted.items() <= group["template"]["metadata"]["labels"].items() for group in groups)
    assert policy["policyTypes"] == ["Ingress"]
    for rule in policy["ingress"]:
        assert rule["from"], "a rule without a source lets everybody in"
        (source,) = rule["from"]
        ports = {port["port"] for port in rule.get("ports", ())}
        if source.get("podSelector", {}).get("matchLabels") == wanted:
            continue
        assert ports, "others may reach named ports only"
        assert ports <= ({8265, 8000} if "namespaceSelector" in source else {8000})
