"""distcc's wire protocol, without I/O: bytes in, facts out.

Rule: a reader is fed whatever arrived, in pieces of any size, and knows the one order in which tokens may come. Bodies
are counted, never copied: their owner keeps the bytes and asks where a body lies (`Span`).

A token is four letters and eight hex digits; the number is a value or the length of the body behind it. Versions: 1
(source preprocessed, plain), 2 (the same, bodies compressed with LZO1X), 3 (pump: the source files themselves).
Source: `protocol-1.txt`, `protocol-2.txt` and `protocol-3.txt` of distcc 3.4.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import dataclass

VERSIONS = (1, 2, 3)

TOKEN_SIZE = 12
"""Bytes of a token without its body."""

MAX_REQUEST = 512 << 20
"""The longest request or reply in bytes, unless the caller sets another bound."""

MAX_ARGUMENTS = 20_000
MAX_ARGUMENT = 128 << 10
"""The longest argument in bytes: what Linux itself accepts in one string of an argv."""

MAX_HEAD = 4 << 20
"""The longest head in bytes, all arguments together."""

MAX_PATH = 4096
MAX_FILES = 100_000

_TOKEN = re.compile(rb"([A-Z]{4})([0-9a-fA-F]{8})")

_Steps = Generator[tuple[int, bool], bytes, None]
"""A reader's script: yields how many bytes it needs next and whether it wants to see them."""


class ProtocolError(ValueError):
    """The bytes are not distcc's protocol; the message says what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a request before its source arrives.

    Attributes:
        version: of the protocol, 1..3.
        argv: the compiler's command line, the program first. Bytes that are not UTF-8 are kept as lone surrogates.
        folder: the client's working directory; "" but in version 3.
    """

    version: int
    argv: tuple[str, ...]
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Where a body lies: `size` bytes from `start` on, counted from the first byte fed."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The first byte behind the body."""
        return self.start + self.size


class _Reader(ABC):
    """Feeds a script with exactly the bytes it asks for.

    Attributes:
        size: bytes read so far.
        complete: nothing more is expected.
    """

    def __init__(self, limit: int) -> None:
        self.size = 0
        self.complete = False
        self._limit = limit
        self._held = bytearray()
        self._script = self._steps()
        self._missing, self._keep = next(self._script)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take in what arrived.

        Raises:
            ProtocolError: it does not follow the protocol, exceeds a bound, or bytes follow the end.
        """
        rest = self._read(memoryview(data))
        if rest:
            raise ProtocolError(f"{len(rest)} bytes follow the end of the message")

    def _read(self, view: memoryview) -> memoryview:
        while len(view) and not self.complete:
            step = min(len(view), self._missing)
            if self._keep:
                self._held += view[:step]
            view = view[step:]
            self.size += step
            self._missing -= step
            while not self._missing and not self.complete:
                self._advance()
        return view

    def _advance(self) -> None:
        data, self._held = bytes(self._held), bytearray()
        try:
            self._missing, self._keep = self._script.send(data)
        except StopIteration:
            self.complete = True

    @abstractmethod
    def _steps(self) -> _Steps:
        """The order in which tokens come."""
        ...

    def _number(self, expected: str) -> Generator[tuple[int, bool], bytes, int]:
        name, number = yield from self._token()
        if name != expected:
            raise ProtocolError(f"expected {expected}, got {name}")
        return number

    def _token(self) -> Generator[tuple[int, bool], bytes, tuple[str, int]]:
        data = yield TOKEN_SIZE, True
        match = _TOKEN.fullmatch(data)
        if match is None:
            raise ProtocolError(f"expected a token, got {data!r}")
        return match[1].decode(), int(match[2], 16)

    def _text(self, expected: str, limit: int) -> Generator[tuple[int, bool], bytes, str]:
        size = yield from self._number(expected)
        if size > limit:
            raise ProtocolError(f"{expected} of {size} bytes; at most {limit} are accepted")
        data = yield size, True
        if b"\0" in data:
            raise ProtocolError(f"{expected} holds a zero byte")
        return data.decode(errors="surrogateescape")

    def _body(self, expected: str) -> Generator[tuple[int, bool], bytes, Span]:
        size = yield from self._number(expected)
        return (yield from self._skip(expected, size))

    def _skip(self, name: str, size: int) -> Generator[tuple[int, bool], bytes, Span]:
        if self.size + size > self._limit:
            raise ProtocolError(f"{name} of {size} bytes; at most {self._limit} are accepted in all")
        span = Span(self.size, size)
        yield size, False
        return span

    def _count(self, expected: str, limit: int) -> Generator[tuple[int, bool], bytes, int]:
        count = yield from self._number(expected)
        if not 1 <= count <= limit:
            raise ProtocolError(f"{expected} is {count}; 1 to {limit} are accepted")
        return count


class HeadReader(_Reader):
    """Reads the head of a request and ignores all that follows it.

    Attributes:
        head: None until its last byte has come.
        size: bytes of the head once `head` is there.
    """

    def __init__(self) -> None:
        self.head: Head | None = None
        super().__init__(MAX_HEAD)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take in what arrived; what lies behind the head is left alone.

        Raises:
            ProtocolError: the head does not follow the protocol or exceeds a bound.
        """
        self._read(memoryview(data))

    def _steps(self) -> _Steps:
        yield from self._read_head()

    def _read_head(self) -> Generator[tuple[int, bool], bytes, Head]:
        version = yield from self._number("DIST")
        if version not in VERSIONS:
            raise ProtocolError(f"protocol version {version} is not known")
        folder = (yield from self._text("CDIR", MAX_PATH)) if version == 3 else ""
        count = yield from self._count("ARGC", MAX_ARGUMENTS)
        argv: list[str] = []
        for _ in range(count):
            argv.append((yield from self._text("ARGV", MAX_ARGUMENT)))
            if self.size > MAX_HEAD:
                raise ProtocolError(f"a command line of more than {MAX_HEAD} bytes")
        self.head = Head(version, tuple(argv), folder)
        return self.head


class RequestReader(HeadReader):
    """Reads a whole request.

    Attributes:
        source: where the preprocessed source lies; None until its length is known, and always in version 3.
    """

    def __init__(self, limit: int = MAX_REQUEST) -> None:
        super().__init__()
        self.source: Span | None = None
        self._limit = limit

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take in what arrived.

        Raises:
            ProtocolError: see `HeadReader.feed`; also when bytes follow the request's end.
        """
        _Reader.feed(self, data)

    def _steps(self) -> _Steps:
        head = yield from self._read_head()
        if head.version == 3:
            yield from self._read_files()
        else:
            self.source = yield from self._body("DOTI")

    def _read_files(self) -> Generator[tuple[int, bool], bytes, None]:
        count = yield from self._count("NFIL", MAX_FILES)
        for _ in range(count):
            yield from self._text("NAME", MAX_PATH)
            name, size = yield from self._token()
            if name not in ("FILE", "LINK"):
                raise ProtocolError(f"expected FILE or LINK, got {name}")
            yield from self._skip(name, size)


class ReplyReader(_Reader):
    """Reads a reply to a request of `version`.

    Attributes:
        status: what `wait` said of the compiler: 0, exit code << 8, or the signal's number; None until known.
        errors, output: where the compiler's stderr and stdout lie.
        object: where the object lies; empty when the compiler failed.
        dependencies: where the list of dependencies lies; in version 3 only.
    """

    def __init__(self, version: int, limit: int = MAX_REQUEST) -> None:
        self._version = version
        self.status: int | None = None
        self.errors = self.output = self.object = self.dependencies = Span(0, 0)
        super().__init__(limit)

    def _steps(self) -> _Steps:
        version = yield from self._number("DONE")
        if version != self._version:
            raise ProtocolError(f"a reply in version {version} to a request in version {self._version}")
        self.status = yield from self._number("STAT")
        self.errors = yield from self._body("SERR")
        self.output = yield from self._body("SOUT")
        self.object = yield from self._body("DOTO")
        if self._version == 3 and self.status == 0:
            self.dependencies = yield from self._body("DOTD")


def token(name: str, number: int) -> bytes:
    """Write a token of four letters and a number from 0 to 2^32 - 1."""
    return b"%s%08x" % (name.encode(), number)


def request(argv: Sequence[str], source: bytes) -> bytes:
    """Write a request of version 1 for a preprocessed `source`."""
    arguments = [part.encode(errors="surrogateescape") for part in argv]
    head = b"".join(token("ARGV", len(part)) + part for part in arguments)
    return b"".join((token("DIST", 1), token("ARGC", len(arguments)), head, token("DOTI", len(source)), source))


def reply(status: int, errors: bytes = b"", output: bytes = b"", product: bytes = b"") -> list[bytes]:
    """Write a reply of version 1 as pieces, so that a large object is not copied.

    Args:
        status: as `ReplyReader.status`.
        errors, output: the compiler's stderr and stdout.
        product: the object.
    """
    return [
        token("DONE", 1) + token("STAT", status) + token("SERR", len(errors)) + errors,
        token("SOUT", len(output)) + output + token("DOTO", len(product)),
        product,
    ]
