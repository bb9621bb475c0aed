"""What the senses know about the machine and its owner at one moment, and what the owner asked for.

`None` means "cannot know", never "no": a rule that needs to know treats it as a reason not to lend.

A moment that the owner names, such as half past five, is one of the clock on the wall, which anybody may set. A span,
such as two hours, is no matter of that clock: it ends by one that nobody can set, and that goes on in sleep.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields, replace
from typing import Any


class Wish(enum.Enum):
    """What the owner chose by hand."""

    AUTO = "auto"
    LEND = "lend"
    KEEP = "keep"


class Return(enum.Enum):
    """Whether a choice ends with the owner's return, and how far that has come."""

    NOT_AWAITED = "not awaited"  # the choice does not depend on it
    NOT_LEFT = "not left"  # the owner has not been away yet
    AWAY = "away"  # the next touch is the return


class Ending(enum.Enum):
    """Whether the agent has been told to end."""

    NOT = "not"
    WHEN_DONE = "when done"  # running jobs may finish
    AT_ONCE = "at once"


LONGEST_CHOICE = 366 * 86400.0
"""Seconds for which a choice with an end may hold: what lies further off is a slip of a finger or of a clock."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The owner's choice and how long it holds, before it falls back to auto.

    Attributes:
        wish: what the owner wants.
        until: Unix time in seconds at which it ends; None: not by the clock on the wall.
        back: whether it also ends when the owner has been away and returns.
        ends: seconds since the machine started, sleep included, at which it ends; None: not by a span. With both, as
            after a restart of the machine, whose clock may have been set, the end that lends less counts.
    """

    wish: Wish = Wish.AUTO
    until: float | None = None
    back: Return = Return.NOT_AWAITED
    ends: float | None = None

    def ends_at(self, clock: float, slept: float) -> float | None:
        """Return the monotonic seconds at which it ends by the clock or by its span; None: by neither.

        Args:
            clock: Unix time less monotonic time, in seconds.
            slept: seconds for which the machine has slept since it started; the monotonic clock leaves them out.
        """
        ends = [] if self.until is None else [self.until - clock]
        ends += [] if self.ends is None else [self.ends - slept]
        return (min if self.wish is Wish.LEND else max)(ends, default=None)


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything the policy looks at, as known now.

    Attributes:
        choice: the owner's choice.
        ending: whether the agent has been told to end.
        in_use: True from the first touch until the input has rested for `idle_after`; False after that;
            None when nothing can tell.
        idle_since: monotonic seconds of the last input, known once the input has rested for a few seconds; None
            while there is input, and when unknown.
        touched_once_at: monotonic seconds of a touch after an absence, as long as it may yet prove a nudge of the desk;
            None otherwise.
        in_front: whether the owner's session is the one at the screen; False while another has keyboard and mouse, None
            when nothing tells.
        screensaver: whether a screensaver shows or the session is locked; None when nothing can tell.
        screensaver_since: monotonic seconds at which it came on; None while it does not show, and when nobody saw
            it come.
        sleeping: True from the announcement that the machine will sleep until it has woken; None when nothing tells.
        woke_at: monotonic seconds at which it last woke from sleep; None if that was not seen.
        shutting_down: whether the machine has announced that it will be shut down; None when nothing tells.
        on_battery: whether it runs on a battery; None when nothing tells.
        charge: what its batteries hold together, in percent; None when nothing tells.
        metered: whether the network is paid for by the byte; None when nothing tells.
        vpn: whether the network goes through a VPN; None when nothing tells.
        presenting: what fills or shares the screen, films, or holds off the screensaver; "" for nothing, None when
            nothing tells.
        meetings: Unix seconds at which meetings of the next day begin and end, in order and without overlaps; None when
            nothing tells.
        exclusive: the running program that wants the machine for itself; "" for none, None when nobody looked.
        own_build: the tool of a build that runs here outside of the farm's boxes; "" for none, None when nothing tells.
        others_cpu: share of all cores, 0..1, that programs other than the farm's jobs use; None when unknown.
        free_memory_mib: memory in MiB that new jobs could take without swapping, with what running farm jobs hold
            counted as free; None when unknown.
        memory_pressure: share of time, 0..1, in which some program waited for memory; None when the kernel does not
            say.
        disk_pressure: share of time, 0..1, in which some program waited for a disk; None when the kernel does not say.
        sandbox: "" when a sandbox works, else why none does; None until probed.
        keep_ended: monotonic seconds at which the choice to keep last ended by itself; None when it did not, or when
            the owner has chosen since.
        busy_until: monotonic seconds until which `others_cpu` was last above `busy_above`, or `disk_pressure` above
            `disk_busy_above`; infinity while one is, None if none ever was.
    """

    choice: Choice = Choice()
    ending: Ending = Ending.NOT
    in_use: bool | None = None
    idle_since: float | None = None
    touched_once_at: float | None = None
    in_front: bool | None = None
    screensaver: bool | None = None
    screensaver_since: float | None = None
    sleeping: bool | None = None
    woke_at: float | None = None
    shutting_down: bool | None = None
    on_battery: bool | None = None
    charge: int | None = None
    metered: bool | None = None
    vpn: bool | None = None
    presenting: str | None = None
    meetings: tuple[tuple[float, float], ...] | None = None
    exclusive: str | None = None
    own_build: str | None = None
    others_cpu: float | None = None
    free_memory_mib: int | None = None
    memory_pressure: float | None = None
    disk_pressure: float | None = None
    sandbox: str | None = None
    keep_ended: float | None = None
    busy_until: float | None = None

    def with_(self, reading: Reading) -> Observation:
        """Return the observation with the fields of `reading` taken over."""
        return replace(self, **reading.values)


@dataclass(frozen=True, slots=True)
class Reading:
    """A part of an observation, as one sense reports it: field names of `Observation` and their new values.

    Raises:
        ValueError: a name is no field of `Observation`.
    """

    values: dict[str, Any]

    def __post_init__(self) -> None:
        unknown = self.values.keys() - _KNOWN
        if unknown:
            raise ValueError(f"no sense can report {sorted(unknown)}")


_KNOWN = frozenset(one.name for one in fields(Observation))
