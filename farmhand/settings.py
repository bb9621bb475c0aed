"""Each setting once: its name, type, unit, default, meaning and what is allowed.

The field *is* the documentation: `--help`, `farmhand settings`, the table in `docs/settings.md` and every error message
are made from it. Sources, the later ones win: default, TOML file, `FARMHAND_<NAME>` in the environment, command line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from dataclasses import Field as DataclassField
from functools import partial
from typing import Any, cast

from farmhand.errors import OwnerError
from farmhand.machine import MAX_SLOTS
from farmhand.setting import (
    Meaning,
    address,
    between,
    charge,
    folders,
    holidays,
    host,
    hours,
    networks,
    one_of,
    programs,
    setting,
    url,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an owner may choose, with the values that hold until told otherwise."""

    lend: str = setting(
        "auto",
        "When to lend: by the rules, always, or never. The owner's button and `farmhand lend` come before it.",
        check=one_of("auto", "always", "never"),
        allowed="auto, always or never",
    )
    idle_after: float = setting(
        300.0,
        "How long keyboard and mouse must rest before the machine counts as idle.",
        "seconds",
        between(1, 86400),
        "a number of seconds from 1 to 86400",
    )
    busy_above: float = setting(
        0.3,
        "Do not start lending while programs of the owner use more than this share of all cores.",
        "share of all cores, 0..1",
        between(0.01, 1),
        "a share from 0.01 to 1",
    )
    disk_busy_above: float = setting(
        0.6,
        "Do not start lending while programs of the owner wait for disks for more than this share of the time; 1 means "
        "that disks do not count.",
        "share of time, 0..1",
        between(0.01, 1),
        "a share from 0.01 to 1",
    )
    dwell: float = setting(
        20.0,
        "After the machine was too busy, its load must have stayed low for this long before it is lent.",
        "seconds",
        between(0, 3600),
        "a number of seconds from 0 to 3600",
    )
    schedule: str = setting(
        "",
        "The hours in which the rules may lend, by the clock on the wall; empty means always. Hours that end before "
        "they begin end on the next day.",
        "hours of the week",
        hours,
        'days and hours such as "mon-fri 12:00-13:00 18:00-08:00, sat sun all"',
    )
    holidays: tuple[str, ...] = setting(
        (),
        "Days on which `schedule` counts as on a sunday.",
        "list of dates",
        holidays,
        "dates such as 2026-12-24, 2026-12-24..2027-01-02 or, every year, 12-25, separated by commas",
    )
    warn_before: float = setting(
        30.0,
        "When a reclaim for a while is over and you may still be there, lending begins only after this long, so that "
        "you can reclaim again; 0 means at once.",
        "seconds",
        between(0, 600),
        "a number of seconds from 0 to 600",
    )
    exclusive: tuple[str, ...] = setting(
        (),
        "Programs that want the machine for themselves while they run, such as games and recordings.",
        "list of program names",
        programs,
        "names of programs without their folders, separated by commas",
    )
    own_build: str = setting(
        "keep",
        "What a build on this machine does that is not the farm's, of whichever user: take the machine back as soon as "
        "make, ninja, cargo or a compiler starts, or nothing until its load shows.",
        check=one_of("keep", "ignore"),
        allowed="keep or ignore",
    )
    build_tools: tuple[str, ...] = setting(
        (),
        "More programs whose start means a build of your own, besides make, ninja, cargo, CMake, Meson, SCons, Bazel "
        "and the compilers.",
        "list of program names",
        programs,
        "names of programs without their folders, separated by commas",
    )
    on_battery: str = setting(
        "never",
        "Whether to lend while the machine runs on its battery: never, always, or while it holds so much.",
        check=charge,
        allowed="never, always or a charge such as 60%",
    )
    metered: str = setting(
        "never",
        "Whether to lend while the network is paid for by the byte, such as a phone's.",
        check=one_of("never", "always"),
        allowed="never or always",
    )
    vpn: str = setting(
        "never",
        "Whether to lend while the network goes through a VPN.",
        check=one_of("never", "always"),
        allowed="never or always",
    )
    presenting: str = setting(
        "never",
        "Whether to lend while a window fills the screen or holds off the screensaver, as talks and films do, and "
        "while a camera is in use or the screen is shared, as in calls.",
        check=one_of("never", "always"),
        allowed="never or always",
    )
    calendar: tuple[str, ...] = setting(
        (),
        "Calendars of yours, as .ics files: while you are in a meeting the machine is kept. Needs farmhand[calendar].",
        "list of paths",
        folders,
        "absolute paths, separated by commas",
    )
    slots: int = setting(
        0,
        "Compile jobs to accept at once; 0 means one for each core. Memory may allow fewer.",
        "slots",
        between(0, MAX_SLOTS),
        f"a whole number from 0 to {MAX_SLOTS}",
    )
    slots_in_use: int = setting(
        0,
        "Compile jobs to accept at once even while you use this machine; 0 means none. When you come back, what runs "
        "beyond them ends at the first touch.",
        "slots",
        between(0, MAX_SLOTS),
        f"a whole number from 0 to {MAX_SLOTS}",
    )
    memory_per_job: int = setting(
        1024,
        "Free memory that each job must find; decides how many slots a full machine still offers.",
        "MiB",
        between(16, 1 << 20),
        "a whole number of MiB from 16 to 1048576",
    )
    memory_limit: int = setting(
        0,
        "Memory that all farm jobs together may hold; 0 means three quarters of the machine's. A job that would take "
        "more is ended and compiled elsewhere.",
        "MiB",
        between(0, 1 << 24),
        "a whole number of MiB from 0 to 16777216",
    )
    name: str = setting(
        "",
        "How the farm calls this machine; empty means its host name.",
        check=host,
        allowed="letters, digits, dots and hyphens, beginning and ending with a letter or digit",
        restart=True,
    )
    registry: str = setting(
        "",
        "The farm's registry; empty means none: then only this machine and the addresses in `allow` may compile here.",
        "URL",
        url,
        "an http:// or https:// URL, such as http://hub:3680",
        restart=True,
    )
    gate: str = setting(
        "",
        "Where compile jobs come in. Empty means port 3632 of all addresses, IPv4 and IPv6, when the registry is on "
        "another machine, else of 127.0.0.1 only; 0.0.0.0 means all of IPv4 alone, [::] all of both.",
        "ADDR:PORT",
        address,
        "ADDR:PORT, such as 0.0.0.0:3632 or [::]:3632",
        restart=True,
    )
    allow: tuple[str, ...] = setting(
        ("127.0.0.0/8", "::1/128"),
        "Addresses and networks whose plain distcc may compile here without a ticket from the registry.",
        "list",
        networks,
        "IP addresses or networks such as 10.1.0.0/16, separated by commas",
        restart=True,
    )
    on_return: str = setting(
        "end",
        "What the first touch after an absence does to running jobs: end them, or hold them still for 3 s and end them "
        "only if more input follows (X11 only).",
        check=one_of("end", "hold"),
        allowed="end or hold",
    )
    sandbox: str = setting(
        "auto",
        "What keeps jobs away from the rest of this machine: bubblewrap; landlock, which is weaker; or auto, which is "
        "landlock only where bubblewrap does not work.",
        check=one_of("auto", "bubblewrap", "landlock"),
        allowed="auto, bubblewrap or landlock",
        restart=True,
    )
    toolchains: tuple[str, ...] = setting(
        (),
        "Folders outside /usr that hold compilers; jobs may read them.",
        "list of paths",
        folders,
        "absolute paths, separated by commas",
    )
    queue_wait: float = setting(
        2.0,
        "How long a job may wait for a free slot before it is turned away.",
        "seconds",
        between(0, 60),
        "a number of seconds from 0 to 60",
        restart=True,
    )
    job_lifetime: float = setting(
        600.0,
        "A compile that runs longer is ended.",
        "seconds",
        between(1, 86400),
        "a number of seconds from 1 to 86400",
        restart=True,
    )
    grace: float = setting(
        60.0,
        "When lending ends without hurry, or the agent for a restart, running jobs may finish for this long.",
        "seconds",
        between(0, 3600),
        "a number of seconds from 0 to 3600",
    )
    scratch: int = setting(
        2048,
        "Room for temporary files of all jobs of one client, in memory where there is room.",
        "MiB",
        between(64, 1 << 20),
        "a whole number of MiB from 64 to 1048576",
    )
    journal: bool = setting(
        True,
        "Keep a journal of jobs and reclaims on this machine, for its owner alone: see `farmhand history`.",
        allowed="true or false",
        restart=True,
    )
    record: bool = setting(
        True,
        "Keep the numbers on which decisions were based, for `farmhand replay`: at most 5 MB, without names or titles.",
        allowed="true or false",
    )


def meaning(name: str) -> Meaning:
    """What the setting `name` means.

    Raises:
        KeyError: there is no such setting.
    """
    return cast(Meaning, _FIELDS[name].metadata["meaning"])


def names() -> tuple[str, ...]:
    """All settings, in the order in which they are explained."""
    return tuple(_FIELDS)


def default(name: str) -> Any:
    """The value of `name` that holds when nobody says otherwise."""
    value = _FIELDS[name].default
    assert value is not MISSING
    return value


def load(
    toml: str = "",
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str | None] | None = None,
) -> Settings:
    """Read the settings from all sources; the later argument wins.

    Args:
        toml: the text of the settings file.
        environment: the process environment; only `FARMHAND_<NAME>` of known settings count.
        flags: command line values by setting name; None stands for "not given".

    Raises:
        OwnerError: a value is not allowed, or the file names a setting that does not exist. The message names the key,
            the value, what is allowed and where it was written.
    """
    result = from_toml(toml)
    for key, text in (environment or {}).items():
        name = key.removeprefix("FARMHAND_").lower()
        if key.startswith("FARMHAND_") and name in _FIELDS:
            result = change(result, name, text, f"the environment variable {key}")
    for name, flag in (flags or {}).items():
        if flag is not None:
            result = change(result, name, flag, f"--{name.replace('_', '-')}")
    return result


def load_usable(
    toml: str = "",
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str | None] | None = None,
) -> tuple[Settings, tuple[str, ...]]:
    """Read the settings as `load` does, but leave out what is wrong in file and environment.

    Returns:
        The settings, and what was left out and why.

    Raises:
        OwnerError: a value of the command line is not allowed.
    """
    result, problems = Settings(), list[str]()

    def attempt(how: Callable[[Settings], Settings]) -> None:
        nonlocal result
        try:
            result = how(result)
        except OwnerError as wrong:
            problems.append(str(wrong))

    try:
        table = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as wrong:
        problems.append(f"the settings file is not valid TOML: {wrong}")
        table = {}
    for name, raw in table.items():
        attempt(partial(_with_toml, table={name: raw}))
    for key, text in (environment or {}).items():
        name = key.removeprefix("FARMHAND_").lower()
        if key.startswith("FARMHAND_") and name in _FIELDS:
            attempt(partial(change, name=name, text=text, source=f"the environment variable {key}"))
    for name, flag in (flags or {}).items():
        if flag is not None:
            result = change(result, name, flag, f"--{name.replace('_', '-')}")
    return result, tuple(problems)


def from_toml(toml: str) -> Settings:
    """Read a settings file.

    Raises:
        OwnerError: see `load`.
    """
    try:
        table = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as wrong:
        raise OwnerError(f"the settings file is not valid TOML: {wrong}") from None
    return _with_toml(Settings(), table)


def _with_toml(settings: Settings, table: Mapping[str, object]) -> Settings:
    values: dict[str, Any] = {}
    for name, raw in table.items():
        if name not in _FIELDS:
            raise OwnerError(f"the settings file names {name!r}, which is no setting; known are: {', '.join(_FIELDS)}")
        values[name] = _checked(name, _from_toml_value(name, raw), raw, "the settings file")
    return replace(settings, **values)


def change(settings: Settings, name: str, text: str, source: str = "the command line") -> Settings:
    """Return `settings` with `name` set from a text, as a person types it.

    Raises:
        OwnerError: there is no such setting or the value is not allowed; `source` tells where it came from.
    """
    if name not in _FIELDS:
        raise OwnerError(f"{name!r} is no setting; known are: {', '.join(_FIELDS)}")
    try:
        value = _PARSE[type(default(name))](text.strip())
    except ValueError:
        value = None
    return replace(settings, **{name: _checked(name, value, text, source)})


def spell(value: Any) -> str:
    """Write a value the way `change` reads it."""
    if isinstance(value, tuple):
        return ",".join(cast(tuple[str, ...], value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _yes_or_no(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.lower())


_PARSE: Mapping[type, Callable[[str], Any]] = {str: str, int: int, float: float, bool: _yes_or_no, tuple: _list}
_FIELDS: Mapping[str, DataclassField[Any]] = {one.name: one for one in fields(Settings)}


def _from_toml_value(name: str, raw: object) -> Any:
    """Return `raw` as the setting's type, or None where TOML's type does not fit."""
    kind: object = default(name).__class__
    if kind is float and type(raw) is int:
        return float(raw)
    if kind is tuple and isinstance(raw, list):
        parts = cast(list[object], raw)
        return tuple(str(part) for part in parts) if all(isinstance(part, str) for part in parts) else None
    return raw if type(raw) is kind else None


def _checked(name: str, value: Any, raw: object, source: str) -> Any:
    """Return `value` if it is allowed; NaN is not, since it is inside no range."""
    told = meaning(name)
    problem = "wrong type" if value is None else told.check(value) if told.check else None
    if problem is not None:
        raise OwnerError(f"{source} sets {name} to {raw!r}: {problem}; allowed: {told.allowed}")
    return value
