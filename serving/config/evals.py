"""What the configuration says of evaluation: where runs may connect, which keys they may name, when they ask first."""

from __future__ import annotations

from pydantic import Field

from serving.config.settings import Section


class EvalSettings(Section):
    """Evaluation on this server. Without hosts, only recorded answers can be run."""

    egress_hosts: tuple[str, ...] = Field(
        default=(),
        description="Hosts that targets and judges may call: `api.example.com`, `*.example.com`, `host:port`.",
    )
    egress_private_hosts: tuple[str, ...] = Field(
        default=(), description="Those whose address may be private (loopback, 10.0.0.0/8, …)."
    )
    key_variables: tuple[str, ...] = Field(
        default=(), description="Environment variables whose keys a run may name; no other one is ever read for it."
    )
    confirm_above_usd: float = Field(default=1.0, ge=0, description="A run estimated above this needs `confirm: true`.")
