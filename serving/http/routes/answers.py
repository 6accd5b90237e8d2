"""JSON answers, and lane requests that travel inside another body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from serving.api.errors import ValidationFailedError
from serving.api.schemas import LaneRequest, Strict, describe_validation

CheckRequest = Callable[[LaneRequest], None]
"""Raises PayloadTooLargeError for a lane request past a limit of the server."""


def json_answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """An answer; ``success`` is added."""
    return Response(orjson.dumps({"success": True, **body}), status, media_type="application/json")


def nested_request(
    schema: type[Strict], request: Mapping[str, Any], where: str, check: CheckRequest | None
) -> dict[str, Any]:
    """A lane request inside another body: validated by its own schema, as JSON values without what was left out.

    Raises ValidationFailedError naming the field from the outer body's root.
    """
    if request.get("return_job"):
        raise ValidationFailedError(f"{where}.return_job: does not apply here; leave the field out")
    try:
        checked = schema.model_validate(request)
    except ValidationError as error:
        raise ValidationFailedError(f"{where}.{describe_validation(schema, error)}") from None
    if check is not None and isinstance(checked, LaneRequest):
        check(checked)
    return checked.model_dump(mode="json", exclude_unset=True, exclude_none=True)
