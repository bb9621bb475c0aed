"""Hands at a second X display of this user's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest
from fakes.compositors import Mutter, XwaylandIn
from fakes.listener import Listener, watching
from fakes.waiting import PATIENCE
from fakes.xserver import XServer

from farmhand.settings import Settings
from farmhand_agent.sensors import displays, other_displays, xsync
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.mit_screensaver import MitScreenSaverInput
from farmhand_agent.sensors.other_displays import OtherDisplays

SOON = Settings(idle_after=1.0)
HOLDING = Settings(idle_after=1.0, on_return="hold")


@pytest.fixture
def own() -> Iterator[XServer]:
    with XServer() as started:
        yield started


@pytest.fixture
def second() -> Iterator[XServer]:
    with XServer() as started:
        yield started


async def test_the_sessions_own_display_is_left_to_others(own: XServer) -> None:
    async with watching(OtherDisplays(SOON, own.environ)) as heard:
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(own.touch)
        assert heard.seen.in_use is False
        assert len(heard.readings) == 1


async def test_coming_and_going_at_another_one(own: XServer, second: XServer) -> None:
    async with watching(OtherDisplays(SOON, own.environ)) as heard:
        for kind in ("mouse", "key"):
            await heard.until_seen(in_use=False)
            await asyncio.to_thread(second.touch, kind)
            await heard.until_seen(in_use=True, idle_since=None)
        await heard.until_seen(in_use=False)


async def test_where_none_is_named_one_is_the_sessions_and_the_rest_are_others(own: XServer, second: XServer) -> None:
    first, later = sorted((own, second), key=lambda one: one.number)
    environ = {"PATH": own.environ["PATH"]}
    async with watching(OtherDisplays(SOON, environ)) as heard:
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(first.touch)
        assert heard.seen.in_use is False
        await asyncio.to_thread(later.touch)
        await heard.until_seen(in_use=True)


async def test_one_that_comes_and_ends_while_it_listens(own: XServer) -> None:
    async with watching(OtherDisplays(SOON, own.environ)) as heard:
        await heard.until_seen(in_use=False)
        with XServer() as later:
            await heard.until_seen(in_use=True)
            await heard.until_seen(in_use=False)
            await asyncio.to_thread(later.touch)
            await heard.until_seen(in_use=True)
            later.kill()
            await heard.until(lambda: heard.seen.idle_since is not None)
            assert heard.seen.in_use is True, "whoever ends a session is not away at once"
            await heard.until_seen(in_use=False)
            await asyncio.to_thread(later.start)
            await heard.until_seen(in_use=True)
            await heard.until_seen(in_use=False)


async def test_a_socket_that_nobody_tells_of(own: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_displays, "PERIOD", 0.5)
    async with watching(OtherDisplays(SOON, own.environ)) as heard:
        await heard.until_seen(in_use=False)
        number = 9000 + os.getpid() % 1000
        with XServer(number, options=("-nolisten", "unix")) as abstract:
            await heard.until_seen(in_use=True)
            await heard.until_seen(in_use=False)
            await asyncio.to_thread(abstract.touch)
            await heard.until_seen(in_use=True)


async def test_one_that_can_only_be_asked(own: XServer, second: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xsync, "EXTENSION", "NO-SYNC")  # Xvfb cannot be without it
    async with watching(OtherDisplays(SOON, own.environ)) as heard:
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(second.touch)
        await heard.until_seen(in_use=True)


async def test_one_that_cannot_be_heard_makes_all_unknown(
    own: XServer, second: XServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xsync, "EXTENSION", "NO-SYNC")
    monkeypatch.setattr(MitScreenSaverInput, "name", "NO-SCREEN-SAVER")
    watch = OtherDisplays(SOON, own.environ).watch(Listener().report)
    with pytest.raises(SenseLost, match=f"display :{second.number} is there and cannot be heard"):
        await asyncio.wait_for(watch, 30)


async def test_one_that_hangs_at_first(own: XServer, second: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(displays, "ANSWER_WITHIN", 0.05)
    second.pause()
    async with watching(OtherDisplays(SOON, own.environ)) as heard:
        await heard.until_seen(in_use=False)
        second.resume()
        async with asyncio.timeout(PATIENCE):
            while not heard.seen.in_use:  # it is asked again after a while
                await asyncio.to_thread(second.touch)


async def test_a_wayland_sessions_server_is_passed_over(own: XServer) -> None:
    reason = Mutter.why_not()
    if reason:
        pytest.skip(reason)
    with Mutter() as compositor, XwaylandIn(compositor) as within:
        assert displays.may_be_ours(int(within.display[1:]))
        async with watching(OtherDisplays(SOON, {**own.environ, **compositor.environ})) as heard:
            await heard.until_seen(in_use=False)
            with XServer():
                await heard.until_seen(in_use=True)  # a start that is heard after Xwayland has been asked
                await heard.until_seen(in_use=False)


async def test_a_nudge_is_forgiven_there_too(own: XServer, second: XServer) -> None:
    async with watching(OtherDisplays(HOLDING, own.environ)) as heard:
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(second.touch)
        await heard.until(lambda: heard.seen.touched_once_at is not None)
        await heard.until_seen(in_use=False, touched_once_at=None)
