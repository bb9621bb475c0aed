"""Keyboard and mouse under Wayland, by the compositor's own idle notifications: nothing is polled, no key is ever seen.

Two protocols do the same: ext_idle_notify_v1 (KDE from 5.27, Sway from 1.8, labwc, Hyprland and others) and the older
org_kde_kwin_idle. A notification is asked for with a number of milliseconds; it tells when the input has rested for so
long, and when it no longer does. One for a pause and one for `idle_after` are kept on every seat.

A compositor counts from the moment at which it is asked, and says nothing about the time before: the owner counts as
present until it has counted. While a video or a call holds off the screensaver, neither protocol calls anybody idle.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from farmhand.settings import Settings
from farmhand_agent.sensors import wayland_session
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.rest import pause_before, rest
from farmhand_agent.sensors.wayland_session import Conversation
from farmhand_agent.sensors.wayland_wire import Client, request

IDLED = 0
"""Event of a notification; its only other one is the first touch after it."""


@dataclass(frozen=True, slots=True)
class IdleProtocol:
    """How one protocol is asked for a notification.

    Attributes:
        interface: of the global.
        ask: number of the request.
        arguments: of the request, made of the new object, the seat and the milliseconds.
    """

    interface: str
    ask: int
    arguments: Callable[[int, int, int], tuple[int, int, int]]


EXT_IDLE = IdleProtocol("ext_idle_notifier_v1", 1, lambda new, seat, wait: (new, wait, seat))
KWIN_IDLE = IdleProtocol("org_kde_kwin_idle", 0, lambda new, seat, wait: (new, seat, wait))


class WaylandInput:
    """Tells whether the owner is there, under a Wayland compositor.

    Args:
        protocol: to use.
        settings: `idle_after` counts.
        environ: names the compositor's socket.
        clock: monotonic seconds.
    """

    question = "input"

    def __init__(
        self,
        protocol: IdleProtocol,
        settings: Settings,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = protocol.interface
        self._protocol = protocol
        self._idle_after = settings.idle_after
        self._environ = environ
        self._clock = clock

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        return wayland_session.why_not(self._environ, self._manager)

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        async with wayland_session.conversation(self._environ) as talk:
            notifications, requests = self._ask(talk.client)
            await talk.send(requests)
            await self._follow(talk, notifications, report)

    async def _follow(self, talk: Conversation, notifications: Mapping[int, float], report: Report) -> None:
        """Report every stage of rest that the compositor tells of."""
        resting: set[int] = set()
        known = 0.0
        report(rest(known, self._clock(), self._idle_after))
        while True:
            for speaker, said, _ in await talk.hear():
                if speaker in notifications:
                    (resting.add if said == IDLED else resting.discard)(speaker)
                rested = _rested(notifications, resting)
                if rested != known:
                    known = rested
                    report(rest(rested, self._clock(), self._idle_after))

    def _ask(self, client: Client) -> tuple[dict[int, float], bytes]:
        """Return the seconds of rest that each notification stands for, and what to send to have them."""
        manager, requests = client.bind(self._manager(client))
        notifications: dict[int, float] = {}
        for seat_number in client.seats:
            seat, binding = client.bind(seat_number)
            requests += binding
            for seconds in sorted({pause_before(self._idle_after), self._idle_after}):
                new = client.new_object()
                notifications[new] = seconds
                arguments = self._protocol.arguments(new, seat, round(seconds * 1000))
                requests += request(manager, self._protocol.ask, *arguments)
        return notifications, requests

    def _manager(self, client: Client) -> int:
        """Return the global to ask.

        Raises:
            SenseLost: the compositor lacks it, or has nobody's hands to watch.
        """
        manager = client.number_of(self.name)
        if manager is None:
            raise SenseLost(f"the compositor has no {self.name}")
        if not client.seats:
            raise SenseLost("the compositor has no seat")
        return manager


def _rested(notifications: Mapping[int, float], resting: set[int]) -> float:
    """Return the longest rest that every seat has had; 0.0 while there is input at any."""
    rested = 0.0
    for seconds in sorted(set(notifications.values())):
        if not all(one in resting for one, stands_for in notifications.items() if stands_for == seconds):
            break
        rested = seconds
    return rested
