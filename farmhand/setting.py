"""What a setting is, and the ways to say which values are allowed."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from farmhand.machine import is_host_name, split_address
from farmhand.schedule import read_schedule

Check = Callable[[Any], str | None]
"""Says what is wrong with a value of the right type, or None."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a person must know about one setting."""

    text: str
    unit: str
    check: Check | None
    allowed: str
    restart: bool


def setting(
    default: Any, text: str, unit: str = "", check: Check | None = None, allowed: str = "", restart: bool = False
) -> Any:
    """Declare a setting as a dataclass field.

    Args:
        default, text, unit: what holds, what it means, what it counts.
        check: tells what is wrong with a value.
        allowed: shown when `check` refuses a value.
        restart: a running agent takes a change over only when it starts anew.
    """
    return field(default=default, metadata={"meaning": Meaning(text, unit, check, allowed, restart)})


def between(low: float, high: float) -> Check:
    """Allow numbers from `low` to `high`, both included; NaN is in no range."""
    return lambda value: None if low <= value <= high else "out of range"


def one_of(*words: str) -> Check:
    """Allow these words."""
    return lambda value: None if value in words else "unknown word"


NO_CHARGE = 101
"""Percent: a floor that no battery reaches."""


def charge_floor(value: str) -> int:
    """Return the charge in percent from which on a battery may feed the farm: 0 for "always".

    Args:
        value: "never", "always" or a charge such as "60%".

    Raises:
        ValueError: it is nothing of that.
    """
    words = {"never": NO_CHARGE, "always": 0}
    if value in words:
        return words[value]
    percent = int(value.removesuffix("%").strip())
    if not value.endswith("%") or not 1 <= percent <= 100:
        raise ValueError("not a charge")
    return percent


def charge(value: str) -> str | None:
    """Allow what `charge_floor` reads."""
    try:
        charge_floor(value)
    except ValueError:
        return "not a charge"
    return None


def host(value: str) -> str | None:
    """Allow a host name, or nothing."""
    return None if value == "" or is_host_name(value) else "not a host name"


def url(value: str) -> str | None:
    """Allow an http or https URL, or nothing."""
    if value == "":
        return None
    if not value.isprintable() or " " in value:
        return "not an http or https URL"  # for `urlsplit` leaves out what does not belong into one
    try:
        parts = urlsplit(value)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError as wrong:
        return str(wrong)
    good = parts.scheme in ("http", "https") and parts.hostname and port_is_fine and parts.username is None
    return None if good else "not an http or https URL"


def address(value: str) -> str | None:
    """Allow ADDR:PORT, or nothing."""
    if value == "":
        return None
    try:
        split_address(value)
    except ValueError as wrong:
        return str(wrong)
    return None


def networks(value: tuple[str, ...]) -> str | None:
    """Allow IP addresses and networks."""
    for text in value:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            return f"{text!r} is not an address or network"
    return None


def folders(value: tuple[str, ...]) -> str | None:
    """Allow absolute paths without `..`."""
    wrong = [text for text in value if not text.startswith("/") or ".." in text.split("/")]
    return f"{wrong[0]!r} is not an absolute path" if wrong else None


def hours(value: str) -> str | None:
    """Allow a weekly schedule."""
    return _unreadable(value, ())


def holidays(value: tuple[str, ...]) -> str | None:
    """Allow dates and ranges of dates."""
    return _unreadable("", value)


def _unreadable(hours: str, holidays: tuple[str, ...]) -> str | None:
    try:
        read_schedule(hours, holidays)
    except ValueError as wrong:
        return str(wrong)
    return None


def programs(value: tuple[str, ...]) -> str | None:
    """Allow names of programs, without folders."""
    wrong = [text for text in value if "/" in text]
    return f"{wrong[0]!r} is a path" if wrong else None
