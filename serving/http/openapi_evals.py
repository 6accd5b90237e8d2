"""Bodies and examples of the routes of evaluation, for the OpenAPI document."""

from __future__ import annotations

from serving.http.openapi_state import RouteDoc
from serving.http.routes.evals import MoveCase, PutCases, PutConfig, PutSuite
from serving.http.routes.runs import AskRun, CalibrateJudge, CompareRuns, ResumeRun, StartRun

_HASH = "9f2feb0f1ef425b292f2f94bd8482494df4f0d3d2f9d0c1c3d9a2d0c7a5b6e41"
_RUN_ID = "run_8d1c7a5b6e419f2feb0f1ef425b292f2"
_CASE = {
    "task_id": "late-fee",
    "input_messages": [{"role": "user", "content": "What does late payment cost?"}],
    "reference_answer": "Late payment costs 35 euros.",
    "must_include": ["35"],
    "track": "regression",
}
_CONFIG = {"config_hash": _HASH, "parts": {"model": "small-1"}, "part_hashes": {"model": _HASH}}
_SUITE = {"name": "billing", "suite_hash": _HASH, "cases": 1, "tracks": {"regression": 1}}
_RUN = {
    "run_id": _RUN_ID,
    "status": "RUNNING",
    "suite_hash": _HASH,
    "target_hash": _HASH,
    "tags": ["batch-small-1-2026-11-27T16:00:00.000Z", "batch-testing-small-1"],
    "repeats": 1,
    "total": 1,
    "created_at": "2026-11-27T16:00:00.000Z",
    "progress": {"done": 0, "passed": 0, "failed": 0, "spent_usd": 0.0},
}
_START = {"suite": _HASH, "target": {"kind": "recorded", "answers": [{"task_id": "late-fee", "answer": "35 euros"}]}}
_COMPARE = {"baseline": _RUN_ID, "candidate": _RUN_ID, "policy": {"max_regressions": {"passed": 0}}}
_RELEASE = {"alias": "production", "version": 1, "target_hash": _HASH}
_ESTIMATE = {
    "calls": 1,
    "input_tokens": 7,
    "output_tokens": 400,
    "cost_usd": 0.0005,
    "smallest_visible_difference": 1.0,
}
_POINT = {
    "run_id": _RUN_ID,
    "created_at": "2026-11-27T16:00:00.000Z",
    "suite_hash": _HASH,
    "passed": {"value": 0.9, "low": 0.83, "high": 0.94, "cases": 120},
    "done": 120,
    "failed": 0,
    "suite_changed": False,
}
_CASE_ROW = {**_CASE, "status": "DRAFT", "revision": _HASH}

EVAL_ROUTES: dict[str, RouteDoc] = {
    "put_config": RouteDoc({"success": True, "config": _CONFIG}, PutConfig, {"parts": {"model": "small-1"}}),
    "get_config": RouteDoc({"success": True, "config": _CONFIG}),
    "diff_configs": RouteDoc(
        {"success": True, "changed": [{"part": "model", "before": "small-1", "after": "small-2"}]}
    ),
    "put_cases": RouteDoc(
        {"success": True, "cases": [{"task_id": "late-fee", "revision": _HASH, "status": "DRAFT"}]},
        PutCases,
        {"cases": [_CASE]},
    ),
    "list_cases": RouteDoc({"success": True, "cases": [_CASE_ROW], "next_cursor": None}),
    "export_cases": RouteDoc('{"task_id": "late-fee"}\n', media="application/x-ndjson"),
    "get_case": RouteDoc(
        {
            "success": True,
            "case": _CASE_ROW,
            "revisions": [{"revision": _HASH, "created_at": "2026-11-27T16:00:00.000Z"}],
        }
    ),
    "move_case": RouteDoc(
        {"success": True, "task_id": "late-fee", "revision": _HASH, "status": "CURATED"},
        MoveCase,
        {"status": "CURATED"},
    ),
    "put_suite": RouteDoc({"success": True, "suite": _SUITE}, PutSuite, {"name": "billing"}),
    "list_suites": RouteDoc({"success": True, "suites": [{"name": "billing", "suite_hash": _HASH, "cases": 1}]}),
    "get_suite": RouteDoc({"success": True, "suite": {**_SUITE, "members": []}}),
    "estimate_run": RouteDoc({"success": True, "estimate": _ESTIMATE}, StartRun, _START),
    "start_run": RouteDoc({"success": True, "run": _RUN}, StartRun, _START, status="202"),
    "compare_runs": RouteDoc(
        {"success": True, "comparison": {"decision": "GO", "sentence": "1 known failure fixed, no answer regressed"}},
        CompareRuns,
        _COMPARE,
    ),
    "list_runs": RouteDoc({"success": True, "runs": [_RUN]}),
    "get_run": RouteDoc({"success": True, "run": _RUN}),
    "list_run_results": RouteDoc({"success": True, "results": [], "next_cursor": None}),
    "watch_run": RouteDoc("event: progress\n", media="text/event-stream"),
    "ask_run": RouteDoc(
        {
            "success": True,
            "topic": "errors",
            "facts": [{"text": "No call failed.", "link": "/api/v1/runs", "figures": {}}],
        },
        AskRun,
        {"question": "Errors?"},
    ),
    "calibrate_judge": RouteDoc(
        {"success": True, "agreement": {"n": 2}, "rate": {"value": 0.5, "method": "labels alone"}},
        CalibrateJudge,
        {"human": [True, False], "judge": [True, True]},
    ),
    "list_experiments": RouteDoc(
        {"success": True, "experiments": [{"name": "nightly", "runs": 7, "latest_at": "2026-11-27T16:00:00.000Z"}]}
    ),
    "read_trend": RouteDoc({"success": True, "experiment_name": "nightly", "points": [_POINT]}),
    "pause_run": RouteDoc({"success": True, "run": {**_RUN, "status": "PAUSED"}}),
    "resume_run": RouteDoc({"success": True, "run": _RUN}, ResumeRun, {"budget_usd": 2.0}),
    "cancel_run": RouteDoc({"success": True, "run": {**_RUN, "status": "CANCELLED"}}),
    "promote_release": RouteDoc({"success": True, "release": _RELEASE}, CompareRuns, _COMPARE),
    "rollback_release": RouteDoc({"success": True, "release": _RELEASE}),
    "get_release": RouteDoc({"success": True, "release": {**_RELEASE, "history": []}}),
}
