"""Every refusal and every mistake as one `Problem` in JSON; no page, no traceback."""

from __future__ import annotations

import logging
from typing import Any, cast

from litestar import Response
from litestar.exceptions import HTTPException, ValidationException

from farmhand.registry.strict import AnyRequest
from farmhand.registry.translate import STATUS
from farmhand.scheduling.requests import Denied
from farmhand.wire.farm import Problem

_log = logging.getLogger(__name__)


class Refusal(HTTPException):
    """The scheduler said no."""

    def __init__(self, denied: Denied) -> None:
        super().__init__(detail=denied.detail, status_code=STATUS[denied.why])


def answer(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Turn whatever a request met with into its answer."""
    if not isinstance(error, HTTPException):
        _log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
        return _problem("the registry made a mistake; its log tells more", 500, {})
    status = 422 if isinstance(error, ValidationException) else error.status_code
    return _problem(_words(error), status, dict(error.headers or {}))


def _words(error: HTTPException) -> str:
    """The detail, with the fields that were wrong where the framework found some."""
    extra: Any = error.extra
    if not isinstance(extra, list):
        return error.detail
    found = cast(list[dict[str, str]], extra)
    return "; ".join([error.detail, *(f"{one.get('key', 'body')}: {one.get('message', '')}" for one in found)])


def _problem(detail: str, status: int, headers: dict[str, str]) -> Response[Problem]:
    return Response(Problem(detail, status), status_code=status, headers=headers, media_type="application/problem+json")
