from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.api.config_errors import field_paths
from serving.auth.keys import KeyFile
from serving.config.load import PROFILES, Config, ConfigError, is_loopback, load_config, parse_config
from serving.config.reference import render_reference

NO_ENVIRONMENT: dict[str, str] = {}
SERVE_FILE: dict[str, Any] = {
    "http_options": {"host": "127.0.0.1", "port": 8100},
    "applications": [
        {"name": "groundlane", "route_prefix": "/", "import_path": "serving.app:build_app", "args": {"lanes": {}}}
    ],
}


def configured(**overrides: Any) -> Config:
    return load_config(overrides=overrides, environment=NO_ENVIRONMENT)


def written(folder: Path, document: Any) -> Path:
    path = folder / "config.yaml"
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
    return path


def test_the_defaults_are_those_of_the_contract():
    config = configured()
    limits = config.limits
    assert (limits.context_characters, limits.units, limits.response_characters) == (400_000, 512, 64_000)
    assert is_loopback(config.server.host)
    assert config.default_encoder_name == "minilm"
    assert config.verifier.source == "groundlane-minilm-verifier"


def test_the_object_is_frozen_and_survives_pickling_and_its_own_values():
    config = configured()
    with pytest.raises(ValidationError):
        config.server.port = 1  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(config)) == config
    assert parse_config(config.to_dict(), environment=NO_ENVIRONMENT) == config


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_loads_by_name_and_as_the_file_that_ray_serve_reads(profile):
    path = Path("serving/config/profiles") / f"{profile}.yaml"
    by_name = load_config(profile=profile, environment=NO_ENVIRONMENT)
    assert by_name == load_config(path, environment=NO_ENVIRONMENT)
    assert by_name.profile == profile
    application = yaml.safe_load(path.read_text(encoding="utf-8"))["applications"][0]
    assert parse_config(application["args"], environment=NO_ENVIRONMENT) == by_name


def test_a_plain_file_and_a_serve_file_give_the_same_object(tmp_path):
    plain = {"limits": {"units": 64}, "server": {"port": 8100}}
    serve = {**SERVE_FILE, "applications": [{**SERVE_FILE["applications"][0], "args": {"limits": {"units": 64}}}]}
    from_plain = load_config(written(tmp_path, plain), environment=NO_ENVIRONMENT)
    assert from_plain == load_config(written(tmp_path, serve), environment=NO_ENVIRONMENT)
    assert from_plain.limits.units == 64


def test_later_sources_win(tmp_path):
    path = written(tmp_path, {"profile": "gpu", "server": {"port": 1001}, "limits": {"units": 7}})
    environment = {"GROUNDLANE__SERVER__PORT": "1002", "GROUNDLANE__LIMITS__UNITS": "8"}
    config = load_config(path, {"server.port": 1003}, environment=environment)
    assert config.server.port == 1003
    assert config.limits.units == 8
    assert config.encoders[0].num_gpus == 0.5


def test_the_environment_reaches_list_items_nulls_and_lists():
    environment = {
        "GROUNDLANE__ENCODERS__0__THREADS": "2",
        "GROUNDLANE__AUTH__REQUIRED": "null",
        "GROUNDLANE__VERIFIER": "{source: some/model}",
        "UNRELATED": "x",
    }
    config = load_config(environment=environment)
    assert config.encoders[0].threads == 2
    assert config.auth.required is None
    assert config.verifier is not None
    assert config.verifier.source == "some/model"


@pytest.mark.parametrize(
    ("overrides", "key", "says"),
    [
        pytest.param({"server.prt": 1}, "server.prt", "server.port", id="unknown-key-near-a-sibling"),
        pytest.param({"port": 1}, "port", "server.port", id="unknown-key-of-another-section"),
        pytest.param({"encoders": [{"nam": "a"}]}, "encoders.0.nam", "encoders.0.name", id="unknown-key-in-a-list"),
        pytest.param({"server.port": "80x"}, "server.port", "80x", id="malformed-number"),
        pytest.param({"server.drain_s": float("nan")}, "server.drain_s", "finite", id="nan"),
        pytest.param({"encoders": []}, "encoders", "at least one", id="no-encoder"),
        pytest.param(
            {"lanes.rag": {"in_gateway": True, "replicas": 2}}, "lanes.rag.in_gateway", "of its own", id="lane-twice"
        ),
        pytest.param({"encoders": [{"name": "a"}, {"name": "a"}]}, "encoders.1.name", "'a'", id="same-name-twice"),
        pytest.param({"default_encoder": "x"}, "default_encoder", "minilm", id="default-encoder-unknown"),
        pytest.param(
            {"encoders.0.device": "cpu", "encoders.0.num_gpus": 1}, "encoders.0.num_gpus", "cpu", id="gpu-share-on-cpu"
        ),
        pytest.param(
            {"encoders.0.device": "cuda", "encoders.0.num_gpus": 0}, "encoders.0.num_gpus", "0.5", id="cuda-no-share"
        ),
        pytest.param({"lanes.rag.autoscaling": {"min": 3}}, "lanes.rag.autoscaling.min", "max", id="min-above-max"),
        pytest.param(
            {"lanes.rag": {"replicas": 2, "autoscaling": {"max": 2}}},
            "lanes.rag.replicas",
            "exclude",
            id="both-scalings",
        ),
        pytest.param({"encoders.0.token_budget": 100}, "encoders.0.token_budget", "512", id="budget-below-window"),
        pytest.param({"verifier": {"source": ""}}, "verifier.source", "at least 1", id="verifier-without-source"),
        pytest.param(
            {"verifier": {"source": "m", "label_map": {"LABEL_0": "maybe"}}},
            "verifier.label_map.LABEL_0",
            "contradict",
            id="label-of-no-verdict",
        ),
        pytest.param({"limits.body_bytes": 4096}, "limits.body_bytes", "464000", id="body-below-text"),
        pytest.param({"limits.in_flight_bytes": 4096}, "limits.in_flight_bytes", "one body", id="memory-below-body"),
        pytest.param({"server.drain_s": 1}, "server.drain_s", "deadline_s", id="drain-below-deadline"),
        pytest.param(
            {"limits.permits.rag": 2000}, "server.gateway.max_ongoing_requests", "permits", id="permits-above-gateway"
        ),
        pytest.param({"store.url": "mysql://x"}, "store.url", "postgresql", id="store-of-another-kind"),
        pytest.param({"artifacts.directory": "/nowhere"}, "artifacts.directory", "/nowhere", id="no-such-folder"),
        pytest.param({"profile": "huge"}, "profile", "laptop", id="unknown-profile"),
        pytest.param({"server.host": "0.0.0.0"}, "server.host", "keys create", id="open-address-without-keys"),
        pytest.param(
            {"server.host": "10.0.0.1", "auth.required": False},
            "server.host",
            "need no key",
            id="open-address-open-auth",
        ),
    ],
)
def test_a_doubtful_configuration_names_the_key_and_the_remedy(overrides, key, says, tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_config(overrides={"data_dir": str(tmp_path), **overrides}, environment=NO_ENVIRONMENT)
    assert caught.value.key == key
    assert says in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).key == key


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        pytest.param({"GROUNDLANE__SERVER__PORT": "8x"}, "GROUNDLANE__SERVER__PORT", id="malformed-number"),
        pytest.param({"GROUNDLANE__SERVER__PROT": "8"}, "server.port", id="unknown-key"),
        pytest.param({"GROUNDLANE__SERVER": "8"}, "server", id="value-for-a-section"),
        pytest.param({"GROUNDLANE__SERVER____PORT": "8"}, "empty name", id="empty-part"),
        pytest.param({"GROUNDLANE__ENCODERS__4__NAME": "b"}, "1 items", id="item-past-the-list"),
        pytest.param({"GROUNDLANE__VERIFIER": "{source: [}"}, "no YAML", id="broken-mapping"),
    ],
)
def test_a_doubtful_environment_stops_the_start(environment, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        load_config(environment=environment)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("server: {port: 1, port: 2}", "written twice", id="key-twice"),
        pytest.param("server: [", "no YAML", id="broken"),
        pytest.param("- 1", "not a mapping", id="a-list"),
        pytest.param("a: \ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "a:|no YAML", id="strange-bytes"),
        pytest.param("applications: 3", "must be a list", id="applications-no-list"),
        pytest.param("applications: []", "0 applications", id="application-missing"),
        pytest.param("applications: []\nother: 1", "other: unknown key", id="key-beside-applications"),
        pytest.param("server: !!python/object/apply:os.getcwd []", "no YAML", id="python-tag"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text, says):
    with pytest.raises(ConfigError, match=says):
        load_config(written(tmp_path, text), environment=NO_ENVIRONMENT)


def test_bytes_that_are_no_utf8_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "config.yaml"
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(path, environment=NO_ENVIRONMENT)
    path.write_bytes(b"server: \xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path, environment=NO_ENVIRONMENT)


def test_two_ports_in_one_serve_file_are_refused(tmp_path):
    application = {**SERVE_FILE["applications"][0], "args": {"server": {"port": 9}}}
    with pytest.raises(ConfigError, match="http_options"):
        load_config(written(tmp_path, {**SERVE_FILE, "applications": [application]}), environment=NO_ENVIRONMENT)


def test_an_open_address_needs_a_key_or_required_auth(tmp_path):
    overrides = {"server.host": "0.0.0.0", "data_dir": str(tmp_path)}
    assert load_config(overrides={**overrides, "auth.required": True}, environment=NO_ENVIRONMENT).auth.required
    KeyFile(tmp_path / "keys.json").create("acme", "ci")
    assert load_config(overrides=overrides, environment=NO_ENVIRONMENT).server.host == "0.0.0.0"


def test_passwords_are_hidden_where_values_are_shown():
    config = configured(**{"store.url": "postgresql+psycopg://u:secret@db:5432/g"})
    assert "secret" not in str(config.describe())
    assert config.to_dict(redacted=True)["store"]["url"] == "postgresql+psycopg://u:***@db:5432/g"
    assert "secret" in config.store_url


@pytest.mark.parametrize(
    ("overrides", "gpus", "share"),
    [
        pytest.param({}, 0, 0.0, id="no-gpu"),
        pytest.param({"verifier": None}, 1, 1.0, id="one-model-one-gpu"),
        pytest.param({"verifier": None, "encoders.0.replicas": 3}, 2, 0.5, id="three-replicas-two-gpus"),
        pytest.param({}, 1, 0.5, id="two-models-one-gpu"),
        pytest.param({"encoders.0.device": "cpu"}, 4, 0.0, id="kept-on-cpu"),
        pytest.param({"encoders.0.num_gpus": 0.25}, 4, 0.25, id="as-configured"),
    ],
)
def test_a_gpu_share_lets_all_replicas_fit(overrides, gpus, share):
    config = configured(**overrides)
    assert config.gpu_share(config.encoders[0], gpus) == pytest.approx(share)


def test_a_model_that_must_have_a_gpu_is_refused_without_one():
    config = configured(**{"encoders.0.device": "cuda"})
    with pytest.raises(ConfigError, match="no share of 0 GPUs"):
        config.gpu_share(config.encoders[0], 0)


@pytest.mark.parametrize(
    ("settings", "inside"),
    [
        pytest.param({}, True, id="default"),
        pytest.param({"replicas": 1}, False, id="replicas"),
        pytest.param({"autoscaling": {"max": 2}}, False, id="autoscaling"),
        pytest.param({"in_gateway": False}, False, id="told-not-to"),
    ],
)
def test_the_rag_lane_runs_in_the_gateway_unless_it_has_replicas(settings, inside):
    assert parse_config({"lanes": {"rag": settings}}, environment=NO_ENVIRONMENT).lanes.rag.runs_in_gateway is inside


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Ray's own import
def test_deployment_options_are_those_that_ray_serve_knows():
    config = load_config(profile="multi-gpu", environment=NO_ENVIRONMENT)
    from ray import serve

    @serve.deployment
    class Probe:
        pass

    for section, gpus in ((config.encoders[0], 0.5), (config.lanes.rag, 0.0), (config.server.gateway, 0.0)):
        options = section.deployment_options(gpus)
        deployment = Probe.options(**options)
        assert deployment.max_ongoing_requests == section.max_ongoing_requests
        assert deployment.ray_actor_options["num_gpus"] == gpus


@given(port=st.integers(-10, 70_000), units=st.integers(-5, 5000))
def test_a_number_is_taken_as_it_is_or_refused(port, units):
    valid = 1 <= port <= 65535 and units >= 1
    overrides = {"server.port": str(port), "limits.units": units}
    if valid:
        config = configured(**overrides)
        assert (config.server.port, config.limits.units) == (port, units)
    else:
        with pytest.raises(ConfigError, match=r"^(server\.port|limits\.units): "):
            configured(**overrides)


def test_the_reference_page_is_current_and_names_every_setting():
    page = Path("docs/configuration.md").read_text(encoding="utf-8")
    assert page == render_reference(), "run: groundlane config --reference > docs/configuration.md"
    for path in field_paths(Config):
        assert f"`{path}`" in page or f"`{path}.0`" in page
    assert "|  |" not in page, "every setting has a description"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h/d?user=u&password=secret", "postgresql://h/d?user=u&password=***"),
        ("postgresql://h/d?sslpassword=secret&sslmode=require", "postgresql://h/d?sslpassword=***&sslmode=require"),
        ("postgresql://u:secret@h/d?PASSWORD=secret", "postgresql://u:***@h/d?PASSWORD=***"),
        ("sqlite:////srv/a.db", "sqlite:////srv/a.db"),
    ],
)
def test_a_password_in_the_stores_address_is_not_shown(url, shown):
    config = parse_config({"store": {"url": url}}, environment=NO_ENVIRONMENT)
    assert dict(config.describe())["store.url"] == json.dumps(shown)
