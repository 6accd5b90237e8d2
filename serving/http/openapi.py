"""The OpenAPI document: request bodies from the schemas, answers and errors with an example for every route."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.routing import compile_path

from serving.api.errors import ApiError, envelope
from serving.api.responses import EXAMPLES, CodeResponse, ErrorEnvelope, RollupResponse, TraceResponse
from serving.api.schemas import CodeRequest, RagRequest, RollupRequest
from serving.http.edge import GUARDED
from serving.http.openapi_audit import AUDIT_ROUTES
from serving.http.openapi_evals import EVAL_ROUTES
from serving.http.openapi_reviews import REVIEW_ROUTES
from serving.http.openapi_state import STATE_ROUTES, RouteDoc
from serving.http.openapi_traces import TRACE_ROUTES

_REF = "#/components/schemas/{model}"
_BODIES: dict[str, type[BaseModel]] = {
    "trace_rag": RagRequest,
    "trace_code": CodeRequest,
    "trace_rollup": RollupRequest,
}
_ANSWERS: dict[str, type[BaseModel]] = {
    "trace_rag": TraceResponse,
    "trace_code": CodeResponse,
    "trace_rollup": RollupResponse,
}
_PLAIN = {"healthz": {"status": "ok"}, "readyz": {"status": "ready"}}
_ROUTES: dict[str, RouteDoc] = {**STATE_ROUTES, **TRACE_ROUTES, **REVIEW_ROUTES, **EVAL_ROUTES, **AUDIT_ROUTES}
_LANE_STATUSES = (400, 401, 403, 404, 408, 413, 429, 500, 503, 504)


def install_openapi(app: FastAPI) -> None:
    """Replace the application's generated document by one that describes the bodies it parses itself."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def allowed_methods(app: FastAPI, path: str) -> list[str]:
    """The methods of a path, for ``Allow`` (RFC 9110, 10.2.1); pages outside the document have GET and HEAD."""
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        if compile_path(template)[0].fullmatch(path):
            found.update(method.upper() for method in operations)
            if "get" in operations and not path.rstrip("/").endswith("/events"):
                found.add("HEAD")
    return sorted(found) or ["GET", "HEAD"]


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    bodies = [route.body for route in _ROUTES.values() if route.body is not None]
    models: list[type[BaseModel]] = [ErrorEnvelope, *_BODIES.values(), *_ANSWERS.values(), *bodies]
    _, definitions = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    components = document.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **definitions.get("$defs", {})}
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _describe(operation, secured=path.startswith(GUARDED))
    return document


def _describe(operation: dict[str, Any], secured: bool) -> None:
    name = operation["operationId"]
    responses = operation["responses"]
    if name in _PLAIN:
        responses["200"] = {
            "description": "Yes.",
            "content": {"application/json": {"schema": {"type": "object"}, "example": _PLAIN[name]}},
        }
    if name == "readyz":
        responses["503"] = _error_response(503)
    if name == "metrics":
        responses["200"] = {
            "description": "Prometheus text format.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": "groundlane_requests_total 1.0"}},
        }
    if name in _BODIES:
        responses.pop("422", None)
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=_BODIES[name].__name__)}}},
        }
        responses["200"] = {
            "description": "The score.",
            "content": {
                "application/json": {
                    "schema": {"$ref": _REF.format(model=_ANSWERS[name].__name__)},
                    "example": EXAMPLES[name],
                }
            },
        }
        queued = STATE_ROUTES["submit_job"].answer
        responses["202"] = {
            "description": "The job, where return_job asked for one.",
            "content": {"application/json": {"schema": {"type": "object"}, "example": queued}},
        }
    if name in _ROUTES:
        _describe_state(operation, _ROUTES[name])
    if secured:
        operation["security"] = [{"key": []}, {}]
        for status in _LANE_STATUSES:
            responses.setdefault(str(status), _error_response(status))


def _describe_state(operation: dict[str, Any], route: RouteDoc) -> None:
    responses = operation["responses"]
    responses.clear()
    if route.body is not None:
        reference = {"$ref": _REF.format(model=route.body.__name__)}
        content = {"application/json": {"schema": reference, "example": route.body_example}}
        operation["requestBody"] = {"required": True, "content": content}
    schema = {"type": "object" if isinstance(route.answer, dict) else "string"}
    responses[route.status] = {
        "description": operation.get("summary", "Done."),
        "content": {route.media: {"schema": schema, "example": route.answer}},
    }
    for status in route.statuses:
        responses[str(status)] = _error_response(status)


def _error_response(status: int) -> dict[str, Any]:
    kind = next((kind for kind in ApiError.__subclasses__() if kind.status == status), ApiError)
    return {
        "description": (kind.__doc__ or "").strip().splitlines()[0],
        "content": {
            "application/json": {
                "schema": {"$ref": _REF.format(model="ErrorEnvelope")},
                "example": envelope(kind("what went wrong"), "4f1c0ffee"),
            }
        },
    }
