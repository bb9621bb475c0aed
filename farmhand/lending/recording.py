"""Observations on paper: JSON lines that tell what was seen, when, and what was decided, and nothing about anybody.

1. A recording is a row of sessions. Each begins with the machine and the settings that the policy looks at; a line
   follows for every change, with the fields that changed.
2. No names and no titles: where a field holds words, only whether there were any is written down.
3. The last line may be cut off by a crash; whatever else cannot be read makes the recording worthless.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

import msgspec

from farmhand.lending.observation import Observation, Reading
from farmhand.machine import Machine
from farmhand.settings import Settings

RECORDINGS = ("observations.1.jsonl", "observations.jsonl")
"""Names of an agent's recordings in the folder of its state, the older one first."""

SOMETHING = "*"
"""Stands for words that are nobody's business."""

SETTINGS = (
    "lend",
    "idle_after",
    "busy_above",
    "disk_busy_above",
    "dwell",
    "schedule",
    "holidays",
    "warn_before",
    "exclusive",
    "own_build",
    "on_battery",
    "metered",
    "vpn",
    "presenting",
    "calendar",
    "on_return",
    "slots",
    "slots_in_use",
    "memory_per_job",
    "grace",
)
"""What the policy and the lender look at."""

CARRIED = ("keep_ended", "busy_until")
"""Fields that follow from what came before, by the settings; a replay reckons them anew."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One line.

    Attributes:
        at: monotonic seconds.
        wall: Unix seconds.
        rule: that decided then.
        lent: whether the machine was lent then.
        reading: what had changed.
        slept: seconds for which the machine had slept since it started.
    """

    at: float
    wall: float
    rule: str
    lent: bool
    reading: Reading
    slept: float = 0.0


@dataclass(frozen=True, slots=True)
class Session:
    """What one run of an agent saw with one set of settings."""

    machine: Machine
    settings: Settings
    moments: tuple[Moment, ...]


class _Begin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="begin"):
    cores: int
    memory_mib: int
    settings: dict[str, Any]


class _Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag="seen"):
    at: float
    wall: float
    rule: str
    lent: bool
    values: dict[str, Any]
    slept: float = 0.0


_HINTS = {name: hint for name, hint in get_type_hints(Observation).items() if name not in CARRIED}
_SETTING_HINTS = {name: hint for name, hint in get_type_hints(Settings).items() if name in SETTINGS}


def begin_line(machine: Machine, settings: Settings) -> bytes:
    """Write the line that begins a session."""
    told = {name: getattr(settings, name) for name in SETTINGS}
    for named in ("exclusive", "calendar"):
        told[named] = [SOMETHING] * len(told[named])
    return _line(_Begin(machine.cores, machine.memory_mib, told))


def moment_line(
    seen: Observation, before: Observation, at: float, wall: float, rule: str, lent: bool, slept: float = 0.0
) -> bytes:
    """Write the line that tells what in `seen` differs from `before`."""
    values = {name: value for name in _HINTS if (value := _bare(seen, name)) != _bare(before, name)}
    return _line(_Seen(at, wall, rule, lent, values, slept))


def read(lines: Iterable[bytes]) -> Iterator[Session]:
    """Read a recording.

    Raises:
        ValueError: it is none; the message tells the line.
    """
    begin: _Begin | None = None
    moments: list[Moment] = []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break
        try:
            told: _Begin | _Seen = msgspec.json.decode(line, type=_Begin | _Seen)
            if isinstance(told, _Seen):
                moments.append(_moment(told))
                continue
            fresh = _session(told, ())
        except (msgspec.DecodeError, KeyError, ValueError) as wrong:
            raise ValueError(f"line {number} is not of a recording: {wrong}") from None
        if begin is not None:
            yield _session(begin, moments)
        begin, moments = told, list(fresh.moments)
    if begin is not None:
        yield _session(begin, moments)


def _bare(seen: Observation, name: str) -> Any:
    """A field as it may be written down."""
    value = getattr(seen, name)
    return SOMETHING if isinstance(value, str) and value else value


def _moment(told: _Seen) -> Moment:
    values = {name: msgspec.convert(value, _HINTS[name]) for name, value in told.values.items()}
    return Moment(told.at, told.wall, told.rule, told.lent, Reading(values), told.slept)


def _session(begin: _Begin, moments: Iterable[Moment]) -> Session:
    values = {name: msgspec.convert(value, _SETTING_HINTS[name]) for name, value in begin.settings.items()}
    return Session(Machine("recorded", begin.cores, begin.memory_mib), Settings(**values), tuple(moments))


def _line(message: msgspec.Struct) -> bytes:
    return msgspec.json.encode(message) + b"\n"


assert {*_HINTS, *CARRIED} == {one.name for one in fields(Observation)}
