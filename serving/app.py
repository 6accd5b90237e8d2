"""The whole application graph on one screen, and the process that runs it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

import ray
from ray import serve
from ray.exceptions import RayTaskError
from ray.serve import Application, Deployment
from ray.serve.config import RequestRouterConfig
from ray.serve.exceptions import RayServeException
from ray.serve.schema import DeploymentStatus

from models.device import available_cores, thread_environment
from serving.audit.shadow import candidate_config
from serving.config.load import Config, parse_config
from serving.config.settings import ModelSettings, ReplicaSettings, ServerSettings
from serving.ray.ending import finish_requests, forget_the_end
from serving.ray.front import FRONT, PROXY_CALLBACK
from serving.ray.haproxy import check_haproxy, haproxy_environment
from serving.ray.router import ROUTER
from serving.ray.shells import (
    CodeLaneReplica,
    EncoderReplica,
    GatewayReplica,
    RagLaneReplica,
    RollupLaneReplica,
    VerifierReplica,
)
from serving.ray.start_failure import StartError, explain_failure

APPLICATION = "groundlane"
_OWN_CLUSTER = "local"
"""Without an address Ray would join whatever cluster was started on this machine last, and a stop would end its Serve."""
_STREAM_LIMIT_S = 3600.0
"""The proxy's limit. The gateway keeps the deadline of a score; a stream of results or progress may last longer."""
_ONE_LOOP = {
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1000",
}
_FRONT_MINUTES = 4
_FAILED = frozenset({DeploymentStatus.DEPLOY_FAILED, DeploymentStatus.UNHEALTHY})
_RAY_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", PROXY_CALLBACK: FRONT}
_NICENESS = "RAY_worker_niceness"
"""Ray's own default is 15, meant for batch work: whatever else runs on the machine goes before a request."""


def build_app(args: Config | Mapping[str, Any]) -> Application:
    """The graph: gateway → lanes → encoder and verifier replicas. The only place that calls ``.bind()``.

    ``args``: a :class:`Config`, or the plain values that ``serve run`` and ``serve deploy`` pass from a YAML file.
    """
    config = args if isinstance(args, Config) else parse_config(args)
    gpus = int(ray.cluster_resources().get("GPU", 0)) if ray.is_initialized() else 0
    drain_s = config.server.drain_s
    encoders = {
        settings.name: _model_options(EncoderReplica, settings, drain_s, config.gpu_share(settings, gpus))
        .options(
            name=f"Encoder-{settings.name}", request_router_config=RequestRouterConfig(request_router_class=ROUTER)
        )
        .bind(config, settings.name)
        for settings in config.encoders
    }
    verifier = None
    if config.verifier is not None:
        verifier = (
            _model_options(VerifierReplica, config.verifier, drain_s, config.gpu_share(config.verifier, gpus))
            .options(name="Verifier")
            .bind(config)
        )
    rag = None
    if not config.lanes.rag.runs_in_gateway:
        options = _options(RagLaneReplica, config.lanes.rag, drain_s).options(name="RagLane")
        rag = options.bind(config, encoders, verifier)
    code = (
        _options(CodeLaneReplica, config.lanes.code, drain_s).options(name="CodeLane").bind(config, encoders, verifier)
    )
    rollup = _options(RollupLaneReplica, config.lanes.rollup, drain_s).options(name="RollupLane").bind(config)
    return (
        _options(GatewayReplica, config.server.gateway, drain_s)
        .options(name="Gateway")
        .bind(config, encoders, verifier, rag, code, rollup, _shadow_verifier(config, gpus))
    )


def _shadow_verifier(config: Config, gpus: int) -> Application | None:
    """Replicas of the verifier that ``audit.shadow`` names; None where it has none of its own."""
    candidate = candidate_config(config)
    if candidate is None or candidate.verifier is None or candidate.verifier == config.verifier:
        return None
    share = candidate.gpu_share(candidate.verifier, gpus)
    deployment = _model_options(VerifierReplica, candidate.verifier, config.server.drain_s, share)
    return deployment.options(name="ShadowVerifier").bind(candidate)


def _options(
    deployment: Deployment, settings: ReplicaSettings, drain_s: float, num_gpus: float = 0.0, threads: int = 1
) -> Deployment:
    """``deployment`` as configured. Threads are set before the replica imports torch: spinning ones starve each other.

    ``drain_s``: how long a replica that is told to stop may go on with what it has begun.
    """
    options = settings.deployment_options(num_gpus)
    options["ray_actor_options"]["runtime_env"] = {"env_vars": thread_environment(threads)}
    return deployment.options(graceful_shutdown_timeout_s=drain_s, **options)


def _model_options(deployment: Deployment, settings: ModelSettings, drain_s: float, num_gpus: float) -> Deployment:
    return _options(deployment, settings, drain_s, num_gpus, settings.threads or available_cores())


def _start_ray(config: Config) -> None:
    """Start Ray, or join ``RAY_ADDRESS``, whose processes keep the environment they were started with."""
    joined = os.environ.get("RAY_ADDRESS")
    if config.server.ha_proxy and not joined:
        check_haproxy(os.environ)
    os.umask(0o077)  # what Ray and the server log is the operator's alone
    os.environ.update(_RAY_ENVIRONMENT | _serve_environment(config.server))
    os.environ.setdefault(_NICENESS, "0")
    if not ray.is_initialized():
        ray.init(
            address=joined or _OWN_CLUSTER,
            include_dashboard=False,
            log_to_driver=False,
            configure_logging=False,
            namespace=APPLICATION,
        )
    forget_the_end()


def _deploy(config: Config) -> None:
    """Start Serve's front and the application; returns when every replica is up.

    Raises StartError with the reason when the front or a deployment does not come up.
    """
    _start_front(config)
    application = build_app(config)
    try:
        serve.run(application, name=APPLICATION, route_prefix="/")
    except RuntimeError:
        raise StartError(explain_failure(_failed_deployments())) from None


def _start_front(config: Config) -> None:
    options = {
        "host": config.server.host,
        "port": config.server.port,
        "request_timeout_s": max(config.limits.deadline_s + 5.0, _STREAM_LIMIT_S),
    }
    for _ in range(_FRONT_MINUTES):
        try:
            serve.start(http_options=options)
        except TimeoutError:  # Ray waits a minute; on a busy machine the front goes on starting
            continue
        except RayTaskError as error:
            raise StartError(explain_failure({"HTTP front": str(error)})) from None
        return
    raise StartError(f"HTTP front: not up after {_FRONT_MINUTES} minutes; is the machine overloaded?")


def _serve_environment(server: ServerSettings) -> dict[str, str]:
    """Ray Serve's own switches; its processes inherit them from this one, a cluster that is joined keeps its own."""
    environment: dict[str, str] = {}
    if server.ha_proxy:
        environment |= haproxy_environment(os.environ)
    if server.one_loop:
        environment |= _ONE_LOOP
    if server.grpc:
        environment["RAY_SERVE_USE_GRPC_BY_DEFAULT"] = "1"
    return environment


def _failed_deployments() -> dict[str, str]:
    """What Serve says of each deployment that did not come up."""
    status = serve.status().applications.get(APPLICATION)
    deployments = {} if status is None else status.deployments
    return {name: one.message for name, one in deployments.items() if one.status in _FAILED}


def run(config: Config, *, once: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, then drain and stop; with ``once``, stop as soon as everything is up."""
    _start_ray(config)
    stop = threading.Event()
    try:
        _on_stop(signal.default_int_handler)  # only now: Ray's start installs handlers that end the process at once
        _deploy(config)
        _on_stop(lambda *_: stop.set())
        if not once:
            stop.wait()
    except KeyboardInterrupt:
        _on_stop(lambda *_: stop.set())  # asked to stop before everything was up: a stop like any other
    except StartError:
        shutdown()
        raise
    shutdown(config.server.drain_s)


def _on_stop(handler: Callable[[int, FrameType | None], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def shutdown(drain_s: float = 0.0) -> None:
    """Let the gateways finish, for ``drain_s`` seconds at most, then delete the application, and stop Serve and Ray."""
    with suppress(RayServeException):  # Serve itself may not have come up
        finish_requests(_running_gateways(), drain_s)
        serve.delete(APPLICATION)
    forget_the_end()
    serve.shutdown()
    ray.shutdown()


def _running_gateways() -> int:
    application = serve.status().applications.get(APPLICATION)
    gateway = None if application is None else application.deployments.get("Gateway")
    return 0 if gateway is None else gateway.replica_states.get("RUNNING", 0)
