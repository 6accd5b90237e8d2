from __future__ import annotations

import json
import multiprocessing
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.api.config_errors import ConfigError
from serving.api.errors import ForbiddenError, UnauthorizedError
from serving.auth.keys import ANONYMOUS_TENANT, Authenticator, KeyFile, Principal


@pytest.fixture
def keys(tmp_path):
    return KeyFile(tmp_path / "deep" / "keys.json", now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def bearer(key: str) -> str:
    return f"Bearer {key}"


def test_a_key_names_its_tenant_and_only_its_digest_is_kept(keys):
    record, key = keys.create("acme", "ci", requests_per_minute=30)
    assert Authenticator(keys).authenticate(bearer(key)) == Principal("acme", record.key_id, 30)
    content = keys.path.read_text(encoding="utf-8")
    assert key.split("_", 2)[2] not in content
    assert record.created_at == "2026-01-02T03:04:05+00:00"
    assert "digest" not in record.public()
    assert stat.S_IMODE(keys.path.stat().st_mode) == 0o600
    assert [path.name for path in keys.path.parent.iterdir()].count("keys.json") == 1


def test_two_keys_share_nothing(keys):
    created = [keys.create("acme", "ci") for _ in range(20)]
    assert len({record.key_id for record, _ in created}) == 20
    assert len({key.rpartition("_")[2] for _, key in created}) == 20


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("Bearer", id="no-key"),
        pytest.param("Bearer  ", id="blank-key"),
        pytest.param("Basic abc", id="other-scheme"),
        pytest.param("Bearer gl_000000000000_" + "A" * 43, id="unknown-id"),
        pytest.param("Bearer nonsense", id="no-form"),
        pytest.param("Bearer \udcff\udcfe", id="surrogates"),
        pytest.param("Bearer gl_" + "0" * 100_000, id="huge"),
    ],
)
def test_anything_but_a_known_key_is_unauthorized(keys, header):
    keys.create("acme", "ci")
    with pytest.raises(UnauthorizedError):
        Authenticator(keys).authenticate(header)


def test_the_secret_counts_to_its_last_character(keys):
    _, key = keys.create("acme", "ci")
    changed = key[:-1] + ("A" if key[-1] != "A" else "B")
    with pytest.raises(UnauthorizedError, match="not known"):
        Authenticator(keys).authenticate(bearer(changed))


def test_a_running_server_notices_new_and_revoked_keys(keys):
    record, key = keys.create("acme", "ci")
    authenticator = Authenticator(keys)
    assert authenticator.authenticate(bearer(key)).tenant == "acme"
    _, other = keys.create("beta", "ci")
    assert authenticator.authenticate(bearer(other)).tenant == "beta"
    revoked = keys.revoke(record.key_id)
    assert keys.revoke(record.key_id) == revoked, "revoking twice changes nothing"
    with pytest.raises(UnauthorizedError, match="revoked"):
        authenticator.authenticate(bearer(key))
    assert authenticator.authenticate(bearer(other)).tenant == "beta"


def test_revoking_the_last_key_or_losing_the_file_opens_nothing(keys):
    record, key = keys.create("acme", "ci")
    authenticator = Authenticator(keys)
    keys.revoke(record.key_id)
    with pytest.raises(UnauthorizedError):
        authenticator.authenticate(None)
    with pytest.raises(UnauthorizedError):
        Authenticator(keys).authenticate(None)
    keys.path.unlink()
    with pytest.raises(UnauthorizedError):
        authenticator.authenticate(bearer(key))


def test_the_first_key_closes_an_open_server(keys):
    authenticator = Authenticator(keys)
    assert authenticator.authenticate(None).tenant == ANONYMOUS_TENANT
    keys.create("acme", "ci")
    with pytest.raises(UnauthorizedError):
        authenticator.authenticate(None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "localhost", None])
@pytest.mark.parametrize("header", [None, "Bearer anything-at-all"])
def test_without_keys_a_local_caller_is_anonymous(keys, host, header):
    assert Authenticator(keys).authenticate(header, host).tenant == ANONYMOUS_TENANT


@pytest.mark.parametrize("host", ["10.0.0.7", "::ffff:10.0.0.7", "2001:db8::1", "example.org"])
def test_without_keys_a_remote_caller_is_refused(keys, host):
    with pytest.raises(ForbiddenError, match="loopback"):
        Authenticator(keys).authenticate(None, host)


def test_required_auth_without_a_key_file_refuses_everyone(keys):
    authenticator = Authenticator(keys, required=True)
    assert not authenticator.anonymous_allowed
    with pytest.raises(UnauthorizedError):
        authenticator.authenticate(None, "127.0.0.1")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut"),
        pytest.param("[]", id="list"),
        pytest.param('{"format": 2, "keys": []}', id="later-format"),
        pytest.param('{"format": 1, "keys": [{"key_id": "a"}]}', id="fields-missing"),
        pytest.param('{"format": 1, "keys": [3]}', id="no-record"),
    ],
)
def test_a_damaged_file_stops_the_start(keys, content):
    keys.path.parent.mkdir(parents=True)
    keys.path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Authenticator(keys)
    assert caught.value.key == "auth.keys_file"


def test_a_field_of_the_wrong_type_stops_the_start(keys):
    keys.create("acme", "ci")
    document = json.loads(keys.path.read_text(encoding="utf-8"))
    document["keys"][0]["digest"] = 5
    keys.path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ConfigError, match="digest"):
        Authenticator(keys)


@pytest.mark.parametrize("tenant", ["", "a b", "a/b", "x" * 65, "é"])
def test_a_tenant_outside_the_alphabet_is_refused(keys, tenant):
    with pytest.raises(ValueError, match="tenant"):
        keys.create(tenant, "ci")


def _create_many(path: str) -> None:
    for _ in range(10):
        KeyFile(Path(path)).create("acme", "ci")


def test_writers_at_the_same_time_lose_no_key(tmp_path):
    path = tmp_path / "keys.json"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_create_many, args=(str(path),)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(KeyFile(path).read()) == 30
