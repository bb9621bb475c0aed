"""As much of Wayland's wire format as it takes to be told when the input rests and what fills the screen. Does no I/O.

A message is the object it is for, its length and number, and its arguments in 32-bit words of the machine's byte order:
"The Wayland Protocol", chapter 4. Of the arguments only numbers and strings occur here; no file descriptor is received,
since nothing is bound that would send one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import count

from farmhand_agent.sensors.base import SenseLost

DISPLAY = 1
"""The object that is there from the start."""

SYNC, GET_REGISTRY = 0, 1
"""Requests of wl_display."""

DISPLAY_ERROR = 0
BIND = 0
GLOBAL, GLOBAL_REMOVE = 0, 1
"""Events of wl_registry."""

HEADER = struct.Struct("=II")
SEAT = "wl_seat"

Happened = tuple[int, int, bytes]
"""The object that says something, the number of what it says, and the arguments."""


class Client:
    """One conversation with a compositor.

    Attributes:
        offers: interface by number of every global that the compositor has.
        complete: whether `offers` holds all that it began with.
    """

    def __init__(self) -> None:
        self.offers: dict[int, str] = {}
        self.complete = False
        self._received = b""
        self._numbers = count(DISPLAY + 1)
        self._registry = next(self._numbers)
        self._listing = next(self._numbers)

    def hello(self) -> bytes:
        """Ask for all globals, and to be told when that was all."""
        return request(DISPLAY, GET_REGISTRY, self._registry) + request(DISPLAY, SYNC, self._listing)

    def number_of(self, interface: str) -> int | None:
        """Return the first global with that interface, or None."""
        return next((number for number, offered in self.offers.items() if offered == interface), None)

    @property
    def seats(self) -> tuple[int, ...]:
        """The globals that are groups of keyboard, mouse and screen; nearly always one."""
        return tuple(number for number, interface in self.offers.items() if interface == SEAT)

    def bind(self, number: int, version: int = 1) -> tuple[int, bytes]:
        """Return the object that stands for a global from now on, and what to send for it."""
        bound = next(self._numbers)
        name = self.offers[number].encode() + b"\0"
        text = struct.pack("=I", len(name)) + name.ljust((len(name) + 3) // 4 * 4, b"\0")
        body = struct.pack("=I", number) + text + struct.pack("=II", version, bound)
        return bound, _message(self._registry, BIND, body)

    def new_object(self) -> int:
        """Return a number for an object that a request makes."""
        return next(self._numbers)

    def still_there(self) -> bytes:
        """Ask for an answer, whatever it is."""
        return request(DISPLAY, SYNC, self.new_object())

    def take(self, data: bytes) -> Iterator[Happened]:
        """Read what the compositor has sent; yield what the objects other than the registry say.

        Raises:
            SenseLost: the compositor ends the conversation, or its seats are others than before.
        """
        self._received += data
        while len(self._received) >= HEADER.size:
            speaker, word = HEADER.unpack_from(self._received)
            size, said = word >> 16, word & 0xFFFF
            if size < HEADER.size:
                raise SenseLost("the compositor sends what is not Wayland")
            if len(self._received) < size:
                return
            body, self._received = self._received[HEADER.size : size], self._received[size:]
            if speaker == DISPLAY and said == DISPLAY_ERROR:
                raise SenseLost(f"the compositor refuses: {_text(body[8:])}")
            if speaker == self._registry:
                self._note(said, body)
            elif speaker == self._listing:
                self.complete = True
            else:
                yield speaker, said, body

    def _note(self, said: int, body: bytes) -> None:
        """Enter or strike out a global."""
        (number,) = struct.unpack_from("=I", body)
        interface = _text(body[4:]) if said == GLOBAL else self.offers.get(number, "")
        if interface == SEAT and self.complete:
            raise SenseLost("the compositor's seats have changed")
        if said == GLOBAL:
            self.offers[number] = interface
        elif said == GLOBAL_REMOVE:
            self.offers.pop(number, None)


def request(receiver: int, number: int, *words: int) -> bytes:
    """Write a request whose arguments are all numbers."""
    return _message(receiver, number, struct.pack(f"={len(words)}I", *words))


def _message(receiver: int, number: int, body: bytes) -> bytes:
    return HEADER.pack(receiver, (HEADER.size + len(body)) << 16 | number) + body


def _text(body: bytes) -> str:
    """Read a string: its length with the NUL at its end, then itself."""
    (length,) = struct.unpack_from("=I", body)
    return body[4 : 4 + length].rstrip(b"\0").decode(errors="replace")
