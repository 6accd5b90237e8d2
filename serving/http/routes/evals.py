"""Versions, cases and suites over HTTP."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from serving.api.schemas import Strict, parse_body
from serving.evals.case_service import MAX_CASES, CaseService
from serving.evals.cases import CaseStatus
from serving.http.routes.answers import json_answer
from serving.http.routes.principal import CurrentTenant

Hash = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
TaskId = Annotated[str, Path(min_length=1, max_length=128)]
Limit = Annotated[int, Query(ge=1, le=200)]
Track = Literal["smoke", "regression", "golden", "retrieval", "safety"]
Status = Literal["DRAFT", "CURATED", "ACTIVE", "ARCHIVED"]


class PutConfig(Strict):
    """Body of ``POST /configs``."""

    parts: dict[str, Any] = Field(description="instructions, model, temperature, retrieval, knowledge_base, tools.")


class PutCases(Strict):
    """Body of ``POST /cases``."""

    cases: list[dict[str, Any]] = Field(
        min_length=1, max_length=MAX_CASES, description="Cases as docs/evals.md has them."
    )


class MoveCase(Strict):
    """Body of ``POST /cases/{task_id}/status``."""

    status: Literal["CURATED", "ACTIVE", "ARCHIVED"]
    good_answer: str | None = Field(None, description="An answer that has to pass; the reference answer without it.")


class PutSuite(Strict):
    """Body of ``POST /suites``."""

    name: str = Field(min_length=1, max_length=128, description="What people call it; the hash is over its cases.")
    task_ids: list[str] | None = Field(
        None, min_length=1, max_length=MAX_CASES, description="All ACTIVE cases without it."
    )
    track: Track | None = Field(None, description="Only this track, where no task_ids are named.")


def build_router(service: CaseService) -> APIRouter:
    """Routes of what runs are made of."""
    router = APIRouter(prefix="/api/v1", tags=["evals"])
    _add_configs(router, service)
    _add_cases(router, service)
    _add_suites(router, service)
    return router


def _add_configs(router: APIRouter, service: CaseService) -> None:
    @router.post("/configs", summary="Keep a configuration's version", operation_id="put_config")
    async def put(request: Request, tenant: CurrentTenant) -> Response:
        """The same content is the same version."""
        body = parse_body(PutConfig, await request.body())
        return json_answer({"config": await service.put_config(tenant, body.parts)})

    @router.get("/configs/{config_hash}", summary="One version", operation_id="get_config")
    async def get(config_hash: Hash, tenant: CurrentTenant) -> Response:
        """Its parts and their hashes."""
        return json_answer({"config": await service.get_config(tenant, config_hash)})

    @router.get("/configs/{config_hash}/diff/{other_hash}", summary="Compare versions", operation_id="diff_configs")
    async def diff(config_hash: Hash, other_hash: Hash, tenant: CurrentTenant) -> Response:
        """The parts that differ."""
        return json_answer(await service.compare_configs(tenant, config_hash, other_hash))


def _add_cases(router: APIRouter, service: CaseService) -> None:
    @router.post("/cases", summary="Keep cases", operation_id="put_cases")
    async def put(request: Request, tenant: CurrentTenant) -> Response:
        """All or none; a new or changed case is a DRAFT."""
        body = await asyncio.to_thread(parse_body, PutCases, await request.body())
        return json_answer(await service.put_cases(tenant, body.cases))

    @router.get("/cases", summary="List cases", operation_id="list_cases")
    async def listed(
        tenant: CurrentTenant,
        status: Annotated[Status | None, Query()] = None,
        track: Annotated[Track | None, Query()] = None,
        cursor: Annotated[str, Query(max_length=128)] = "",
        limit: Limit = 50,
    ) -> Response:
        """By task_id; the cursor is the last one of the page before."""
        return json_answer(await service.list_cases(tenant, status, track, cursor, limit))

    @router.get("/cases:export", summary="All cases as JSON lines", operation_id="export_cases")
    async def export(tenant: CurrentTenant, after: Annotated[str, Query(max_length=128)] = "") -> Response:
        """What an import reads again. A page of some mebibytes; where more follow, its last line is `{"next_after": task_id}`:
        ask again with `after=task_id`."""
        return Response(await service.export(tenant, after), media_type="application/x-ndjson")

    @router.get("/cases/{task_id}", summary="One case", operation_id="get_case")
    async def get(task_id: TaskId, tenant: CurrentTenant) -> Response:
        """As it is, and its revisions."""
        return json_answer(await service.get_case(tenant, task_id))

    @router.post("/cases/{task_id}/status", summary="One step of a case's life", operation_id="move_case")
    async def move(task_id: TaskId, request: Request, tenant: CurrentTenant) -> Response:
        """409 names what the step needs."""
        body = parse_body(MoveCase, await request.body())
        return json_answer(await service.move(tenant, task_id, CaseStatus(body.status), body.good_answer))


def _add_suites(router: APIRouter, service: CaseService) -> None:
    @router.post("/suites", summary="Make a suite", operation_id="put_suite")
    async def put(request: Request, tenant: CurrentTenant) -> Response:
        """Of ACTIVE cases, as they are now. Immutable, named by its hash."""
        body = parse_body(PutSuite, await request.body())
        return json_answer({"suite": await service.put_suite(tenant, body.name, body.task_ids, body.track)})

    @router.get("/suites", summary="List suites", operation_id="list_suites")
    async def listed(tenant: CurrentTenant, limit: Limit = 50) -> Response:
        """The latest ones."""
        return json_answer(await service.list_suites(tenant, limit))

    @router.get("/suites/{suite_hash}", summary="One suite", operation_id="get_suite")
    async def get(suite_hash: Hash, tenant: CurrentTenant) -> Response:
        """Its size by track, and its members."""
        suite = await service.suite(tenant, suite_hash)
        members = [{"task_id": case.task_id, "revision": case.revision, "track": case.track} for case in suite.cases]
        return json_answer({"suite": {**suite.view(), "members": members}})
