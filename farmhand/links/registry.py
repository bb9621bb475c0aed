"""The registry as agents, drivers and tools call it: blocking, bounded in time and size, trusting nothing it answers.

What may go wrong has three names: `Unreachable` (nobody answers in time), `Refused` (it said no; `status` tells how),
`PeerError` (whatever answers does not talk like a registry).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError

from farmhand.errors import PeerError, Refused, Unreachable
from farmhand.wire.farm import (
    FarmChanged,
    GrantAnswer,
    GrantAsk,
    GrantRenew,
    HostBeat,
    HostLeave,
    HostView,
    LeaseAnswer,
    Problem,
)

CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0
"""Seconds without a byte; a whole answer may take twice as long."""

STREAM_TIMEOUT = 15.0
"""Seconds without a byte on a stream of changes, where the registry says at least every 5 that it lives."""

CONNECTIONS = 4
"""Connections that are kept for the next call; more threads than that may call all the same."""

MAX_ANSWER = 16 << 20
"""The longest answer in bytes; a list of 20,000 hosts is well below."""

MAX_EVENT = 64 << 10
"""The longest line of a stream of changes in bytes."""

T = TypeVar("T")


class RefusedByRegistry(Refused):
    """The registry understood and said no.

    Attributes:
        status: the HTTP status, such as 409 for a name that another agent holds.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class RegistryLink:
    """One registry. Methods may be called from several threads at once."""

    def __init__(self, url: str, source_address: str | None = None) -> None:
        """Connect to nothing yet.

        Args:
            url: such as http://hub:3680.
            source_address: this machine's address from which to call, so that the registry sees the gate's; None: any.
        """
        self.url = url.rstrip("/")
        source = None if source_address is None else (source_address, 0)
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, source_address=source)
        self._streams: set[urllib3.BaseHTTPResponse] = set()
        self._closed = False

    def beat(self, name: str, beat: HostBeat) -> LeaseAnswer:
        """Lend as `name`, or go on lending.

        Raises:
            Unreachable, RefusedByRegistry, PeerError: see the module.
        """
        return self._call("PUT", f"/hosts/{quote(name, safe='')}", LeaseAnswer, beat)

    def leave(self, name: str, leave: HostLeave) -> None:
        """Lend no more; raises like `beat`."""
        self._call("POST", f"/hosts/{quote(name, safe='')}/withdraw", None, leave)

    def hosts(self) -> tuple[HostView, ...]:
        """All hosts that lend now, by name; raises like `beat`."""
        return self._call("GET", "/hosts", tuple[HostView, ...])

    def ask(self, ask: GrantAsk) -> GrantAnswer:
        """Open a grant for a build; raises like `beat`."""
        return self._call("POST", "/grants", GrantAnswer, ask)

    def renew(self, grant: str, renew: GrantRenew) -> GrantAnswer:
        """Keep a grant alive; raises like `beat`, with status 404 when it has ended."""
        return self._call("PUT", f"/grants/{quote(grant, safe='')}", GrantAnswer, renew)

    def release(self, grant: str) -> None:
        """End a grant; raises like `beat`, but not when it has ended already."""
        self._call("DELETE", f"/grants/{quote(grant, safe='')}", None)

    def changes(self) -> Iterator[FarmChanged]:
        """Yield what changes, first of all that everything may be different.

        The iterator blocks. It ends when `close` is called from another thread or when the registry goes away.

        Raises:
            Unreachable, RefusedByRegistry, PeerError: see the module.
        """
        response = self._send("GET", "/changes", None, STREAM_TIMEOUT)
        self._streams.add(response)
        try:
            if self._closed:
                return
            if response.status != 200:
                raise self._failure(response, self._body(response))
            if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
                raise self._stranger("it sent no stream of events")
            for data in _event_data(response):
                yield self._decode(data, FarmChanged)
        except HTTPError:
            return
        finally:
            self._streams.discard(response)
            response.close()

    def close(self) -> None:
        """End all streams and close all connections; calls afterwards raise `Unreachable`."""
        self._closed = True
        for response in tuple(self._streams):
            # The stream may be ending by itself in this very moment.
            with contextlib.suppress(OSError, RuntimeError, ValueError):
                response.shutdown()
        self._pool.clear()

    def _call(self, method: str, path: str, kind: type[T] | None, message: msgspec.Struct | None = None) -> T:
        """Send one request and read its answer as `kind`; None: there is nothing in it."""
        response = self._send(method, path, message, READ_TIMEOUT)
        try:
            body = self._body(response)
        except HTTPError as wrong:
            raise Unreachable(f"the registry at {self.url} broke off: {_cause(wrong)}") from None
        finally:
            response.close()
        if not 200 <= response.status < 300:
            raise self._failure(response, body)
        answer: T = self._decode(body or b"null", kind)
        return answer

    def _send(self, method: str, path: str, message: msgspec.Struct | None, timeout: float) -> urllib3.BaseHTTPResponse:
        if self._closed:
            raise Unreachable(f"the link to the registry at {self.url} is closed")
        try:
            return self._pool.urlopen(
                method,
                f"{self.url}/api/v1{path}",
                body=None if message is None else msgspec.json.encode(message),
                headers={} if message is None else {"Content-Type": "application/json"},
                timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT, read=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (HTTPError, HTTPException, ValueError) as wrong:
            raise Unreachable(f"no registry answers at {self.url}: {_cause(wrong)}") from None

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        deadline = time.monotonic() + 2 * READ_TIMEOUT
        body = bytearray()
        for chunk in response.stream(64 << 10, decode_content=False):
            body += chunk
            if len(body) > MAX_ANSWER or time.monotonic() > deadline:
                raise self._stranger("its answer does not end")
        return bytes(body)

    def _failure(self, response: urllib3.BaseHTTPResponse, body: bytes) -> PeerError:
        """What to raise for an answer that is no success."""
        try:
            problem = msgspec.json.decode(body, type=Problem)
        except msgspec.DecodeError:
            return self._stranger(f"it answered {response.status} {response.reason}")
        status = response.status
        return RefusedByRegistry(f"the registry at {self.url} refused ({status}): {problem.detail}", status)

    def _decode(self, body: bytes, kind: Any) -> Any:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as wrong:
            raise self._stranger(str(wrong)) from None

    def _stranger(self, detail: str) -> PeerError:
        return PeerError(f"what answers at {self.url} does not look like a Farmhand registry: {detail}")


def _cause(error: BaseException) -> str:
    """What happened at the bottom of a chain of errors, in a few words."""
    if isinstance(error, TimeoutError) and not isinstance(error, NewConnectionError):
        return "no answer in time"
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _event_data(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield the data of each event `farm`, after the grammar of the HTML standard, 9.2.5; other events mean nothing."""
    event, data = b"", b""
    for line in _lines(response):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            event = value
        elif field == b"data":
            data = value
        elif not line:
            if event == b"farm":
                yield data
            event, data = b"", b""


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Yield lines without their ends as soon as they are whole; a line too long to be one of ours ends the stream."""
    rest = b""
    for chunk in response.stream(None, decode_content=False):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r")
        if len(rest) > MAX_EVENT:
            return
