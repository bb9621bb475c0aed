"""The registry as an ASGI application: routes, limits, error answers and its own description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Litestar, Router, get
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.types import ControllerRouterHandler

from farmhand import __version__
from farmhand.registry.farm import Farm
from farmhand.registry.problems import answer
from farmhand.registry.routes import Grants, Hosts, changes, healthz
from farmhand.registry.strict import StrictRequest, only_json

MAX_BODY = 64 * 1024
"""The longest request body in bytes."""

_ROUTES: Sequence[ControllerRouterHandler] = (Router("/api/v1", route_handlers=[Hosts, Grants, changes]), healthz)


def make_app(farm: Farm) -> Litestar:
    """Put the HTTP interface round a farm; the farm runs while the application does."""
    description = _description(farm)

    @get("/schema/openapi.json", include_in_schema=False, sync_to_thread=False)
    def schema() -> dict[str, Any]:
        return description

    return Litestar(
        [*_ROUTES, schema],
        dependencies={"farm": _provide(farm)},
        before_request=only_json,
        request_class=StrictRequest,
        exception_handlers={Exception: answer},
        lifespan=[lambda _app: farm.running()],
        openapi_config=None,
        request_max_body_size=MAX_BODY,
        logging_config=None,
        debug=False,
    )


def _description(farm: Farm) -> dict[str, Any]:
    """The OpenAPI description, taken from an application of its own: where Litestar serves it, it adds HTML pages."""
    described = Litestar(
        list(_ROUTES),
        dependencies={"farm": _provide(farm)},
        openapi_config=OpenAPIConfig(title="Farmhand registry", version=__version__),
        logging_config=None,
    )
    return described.openapi_schema.to_schema()


def _provide(farm: Farm) -> Provide:
    return Provide(lambda: farm, sync_to_thread=False)
