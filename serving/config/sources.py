"""Where configuration values come from: YAML files, packaged profiles, the environment. Plain values, unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from serving.api.config_errors import ConfigError

PROFILES = ("laptop", "gpu", "multi-gpu")
ENVIRONMENT_PREFIX = "GROUNDLANE__"
BUILDER_IMPORT_PATH = "serving.app:build_app"
_MAX_FILE_BYTES = 1024 * 1024
_SERVE_KEYS = frozenset({"applications", "http_options", "proxy_location", "grpc_options", "logging_config"})


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML that refuses a key written twice instead of dropping the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise ConfigError(key, f"written twice, the second time in line {key_node.start_mark.line + 1}")
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, deep)


@dataclass(frozen=True)
class EnvironmentValues:
    """Nested values from the environment, and the variable behind each dotted key."""

    values: dict[str, Any]
    names: dict[str, str]


def read_document(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError if it cannot be read or is no mapping."""
    try:
        text = path.read_bytes()[: _MAX_FILE_BYTES + 1]
    except OSError as error:
        raise ConfigError("", f"cannot read {path}: {error.strerror}", "Check --config.") from None
    if len(text) > _MAX_FILE_BYTES:
        raise ConfigError("", f"{path} is larger than {_MAX_FILE_BYTES} bytes; that is no configuration")
    try:
        return parse_document(text.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ConfigError("", f"{path} is not UTF-8: {error.reason} at byte {error.start}") from None


def parse_document(text: str, name: str) -> dict[str, Any]:
    """The mapping in YAML ``text``; an empty text is an empty mapping. Raises ConfigError."""
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigError("", f"{name} is no YAML: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError("", f"{name} holds a {type(document).__name__}, not a mapping of sections")
    return document


def unwrap_serve_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration inside a Ray Serve config file; a plain configuration is returned as it is.

    ``http_options`` of the Serve file give the host and port; if ``args`` name others, that is an error.
    """
    if "applications" not in document:
        return dict(document)
    unknown = sorted(set(document) - _SERVE_KEYS)
    if unknown:
        raise ConfigError(unknown[0], "unknown key beside applications", f"Known: {', '.join(sorted(_SERVE_KEYS))}.")
    applications = document["applications"]
    if not isinstance(applications, list):
        raise ConfigError("applications", "must be a list")
    ours = [app for app in applications if isinstance(app, dict) and app.get("import_path") == BUILDER_IMPORT_PATH]
    if len(ours) != 1:
        raise ConfigError(
            "applications", f"{len(ours)} applications have import_path: {BUILDER_IMPORT_PATH}; exactly one must"
        )
    arguments = ours[0].get("args") or {}
    if not isinstance(arguments, dict):
        raise ConfigError("applications.args", "must be a mapping of sections")
    return _with_http_options(dict(arguments), document.get("http_options") or {})


def _with_http_options(arguments: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    server = arguments.get("server") or {}
    for key in ("host", "port"):
        if key in options and isinstance(server, dict):
            if server.get(key, options[key]) != options[key]:
                raise ConfigError(
                    f"server.{key}", f"is {server[key]!r} here and {options[key]!r} in http_options; write the same"
                )
            server = {**server, key: options[key]}
    return {**arguments, "server": server} if server else arguments


def profile_values(name: Any) -> dict[str, Any]:
    """The values of a packaged profile; none for None. Raises ConfigError naming the known profiles."""
    if name is None:
        return {}
    if name not in PROFILES:
        raise ConfigError("profile", f"unknown profile {name!r}", f"Known: {', '.join(PROFILES)}.")
    resource = resources.files("serving.config") / "profiles" / f"{name}.yaml"
    return unwrap_serve_document(parse_document(resource.read_text(encoding="utf-8"), f"profile {name}"))


def environment_values(environment: Mapping[str, str]) -> EnvironmentValues:
    """``GROUNDLANE__SERVER__PORT=9000`` as ``{"server": {"port": "9000"}}``; a number addresses a list's item."""
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for variable in sorted(environment):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        parts = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if not all(parts):
            raise ConfigError(variable, "an empty name between underscores", f"Write {ENVIRONMENT_PREFIX}SECTION__KEY.")
        names[".".join(parts)] = variable
        _set_nested(values, parts, _variable_value(variable, environment[variable]))
    return EnvironmentValues(values, names)


def _variable_value(variable: str, text: str) -> Any:
    """``null``, lists and mappings are YAML; everything else stays text and is checked against the field's type."""
    if text.strip() not in ("null", "~") and not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError:
        raise ConfigError(variable, f"{text!r} is no YAML list or mapping") from None


def as_nested(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested mappings; nested mappings stay."""
    nested: dict[str, Any] = {}
    for key, value in overrides.items():
        _set_nested(nested, key.split("."), value)
    return nested


def _set_nested(target: dict[str, Any], parts: list[str], value: Any) -> None:
    *sections, leaf = parts
    for section in sections:
        inner = target.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(".".join(parts), f"{section} is set to {inner!r} and cannot hold {leaf}")
        target = inner
    if isinstance(value, Mapping) and isinstance(target.get(leaf), dict):
        value = merge(target[leaf], value)
    target[leaf] = dict(value) if isinstance(value, Mapping) else value


def merge(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """``top`` over ``base``: mappings are merged, all else is replaced; ``{"0": …}`` changes one item of a list."""
    merged = dict(base)
    for key, value in top.items():
        merged[key] = _merge_value(merged.get(key), value, key)
    return merged


def _merge_value(below: Any, value: Any, key: str) -> Any:
    if not isinstance(value, Mapping):
        return value
    if isinstance(below, Mapping):
        return merge(below, value)
    if isinstance(below, list | tuple) and value and all(str(index).isdigit() for index in value):
        items = [dict(item) if isinstance(item, Mapping) else item for item in below]
        for index, change in value.items():
            if int(index) >= len(items):
                raise ConfigError(f"{key}.{index}", f"the list has {len(items)} items; write the whole list to add one")
            items[int(index)] = _merge_value(items[int(index)], change, f"{key}.{index}")
        return items
    return dict(value)
