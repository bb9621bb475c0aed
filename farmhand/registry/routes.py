"""The HTTP routes of `farmhand.wire.farm`: read the message, ask the farm, write the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from litestar import Controller, Response, delete, get, post, put
from litestar.exceptions import HTTPException
from litestar.params import Parameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from farmhand import __version__
from farmhand.machine import is_host_name
from farmhand.registry import translate
from farmhand.registry.farm import Farm
from farmhand.registry.problems import Refusal
from farmhand.registry.strict import AnyRequest
from farmhand.scheduling.addresses import source_of
from farmhand.scheduling.requests import Ask, Denied, Granted, Leased, Leave, Release, Renew, Reply
from farmhand.wire.farm import (
    GrantAnswer,
    GrantAsk,
    GrantRenew,
    HostBeat,
    HostLeave,
    HostView,
    LeaseAnswer,
)

KEEP_ALIVE = 5.0
"""Seconds without news after which a stream says that it lives."""

HostName = Annotated[str, Parameter(description="the host's name", max_length=253)]
GrantId = Annotated[str, Parameter(description="the grant's id", max_length=100)]


class Health(msgspec.Struct, frozen=True):
    """Says that the registry answers, and which one it is."""

    name: str
    version: str
    instance: str


class Hosts(Controller):
    """Agents lend their machines; everybody may see which."""

    path = "/hosts"
    tags = ("hosts",)

    @put("/{name:str}", sync_to_thread=False)
    def beat(self, name: HostName, data: HostBeat, request: AnyRequest, farm: Farm) -> LeaseAnswer:
        """Lend, or go on lending."""
        reply = _said_yes(farm.handle(translate.beat(_checked(name), data, _peer(request))))
        assert isinstance(reply, Leased)
        return translate.leased(reply, farm.instance, farm.clock(), farm.stretch())

    @post("/{name:str}/withdraw", status_code=204, sync_to_thread=False)
    def withdraw(self, name: HostName, data: HostLeave, request: AnyRequest, farm: Farm) -> None:
        """Lend no more."""
        _said_yes(farm.handle(Leave(_checked(name), translate.order(data.order), data.key, _peer(request))))

    @get("/", sync_to_thread=False)
    def list(self, farm: Farm) -> list[HostView]:
        """All hosts that lend now, by name."""
        return farm.hosts()


class Grants(Controller):
    """Builds ask for slots."""

    path = "/grants"
    tags = ("grants",)

    @post("/", sync_to_thread=False)
    def ask(self, data: GrantAsk, request: AnyRequest, farm: Farm) -> GrantAnswer:
        """Open a grant."""
        asked = Ask(
            farm.new_id(), data.user, data.project, data.host, _peer(request), data.want, frozenset(data.toolchains)
        )
        return _granted(farm, farm.handle(asked))

    @put("/{grant:str}", sync_to_thread=False)
    def renew(self, grant: GrantId, data: GrantRenew, farm: Farm) -> GrantAnswer:
        """Keep a grant alive and say what is wanted now."""
        return _granted(farm, farm.handle(Renew(grant, data.want)))

    @delete("/{grant:str}", sync_to_thread=False)
    def release(self, grant: GrantId, farm: Farm) -> None:
        """End a grant."""
        farm.handle(Release(grant))


@get("/changes", tags=["changes"], media_type="text/event-stream", sync_to_thread=False)
def changes(request: AnyRequest, farm: Farm) -> ServerSentEvent:
    """News of the farm, as server-sent events `farm` with a FarmChanged each."""
    return ServerSentEvent(_events(farm, source_of(_peer(request))))


@get("/healthz", tags=["health"], sync_to_thread=False)
def healthz(farm: Farm) -> Response[Health]:
    """Whether the registry answers."""
    return Response(Health("farmhand-registry", __version__, farm.instance), headers={"Cache-Control": "no-store"})


async def _events(farm: Farm, source: str) -> AsyncIterator[ServerSentEventMessage]:
    async for pieces in farm.hub.listen(KEEP_ALIVE, source):
        if not pieces:
            yield ServerSentEventMessage(comment="still here")
        for piece in pieces:
            yield ServerSentEventMessage(event="farm", data=msgspec.json.encode(piece).decode())


def _peer(request: AnyRequest) -> str:
    """The address at the other end of the connection itself; no header can change it."""
    assert request.client is not None
    return request.client.host


def _checked(name: str) -> str:
    if not is_host_name(name):
        raise HTTPException(detail=f"{name!r} is not a host name", status_code=422)
    return name


def _granted(farm: Farm, reply: Reply) -> GrantAnswer:
    granted = _said_yes(reply)
    assert isinstance(granted, Granted)
    return translate.granted(granted, farm.instance, farm.clock(), farm.stretch())


def _said_yes(reply: Reply) -> Reply:
    if isinstance(reply, Denied):
        raise Refusal(reply)
    return reply
