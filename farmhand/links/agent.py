"""Talks to the agent of this user over its Unix socket: for the command line."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from farmhand.errors import PeerError, Unreachable
from farmhand.wire import codec
from farmhand.wire.history import History
from farmhand.wire.local import Done, Explanation, FromAgent, Snapshot, ToAgent

A = TypeVar("A", bound=Done | Explanation | History)

PATIENCE = 5.0
"""Seconds to wait for an answer."""


class AgentEnded(Unreachable):
    """The agent closed the connection."""


class AgentLink:
    """A connection to the agent.

    Args:
        path: its socket.

    Raises:
        Unreachable: no agent runs.
        PeerError: what answers is no agent of this version.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise Unreachable("no agent runs here; start one with `farmhand up` or `farmhand-agent`") from None
        self._lines = self._socket.makefile("rb")
        self.snapshot = self._first()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    @overload
    def ask(self, request: ToAgent) -> Done: ...
    @overload
    def ask(self, request: ToAgent, kind: type[A]) -> A: ...
    def ask(self, request: ToAgent, kind: type[Any] = Done) -> Any:
        """Send a request and return its answer; `snapshot` then shows what the request led to at once.

        Args:
            request: what to do or to tell.
            kind: of the answer.

        Raises:
            PeerError: the agent refused, broke its word or fell silent.
        """
        try:
            self._socket.sendall(codec.encode_line(request))
        except OSError:
            raise AgentEnded("the agent has ended") from None
        while isinstance(message := self._next(), Snapshot):
            self.snapshot = message
        if isinstance(message, Done) and message.problem:
            raise PeerError(f"the agent refused: {message.problem}")
        if not isinstance(message, kind):
            raise PeerError("the agent answered something else than it was asked; is it of another version?")
        return message

    def snapshots(self, patience: float | None = None) -> Iterator[Snapshot]:
        """Yield the present snapshot and then every new one; ends when the agent does.

        Args:
            patience: seconds to wait for each; None: for ever.

        Raises:
            Unreachable: none came in that time.
        """
        yield self.snapshot
        self._socket.settimeout(patience)
        while True:
            try:
                message = self._next()
            except AgentEnded:
                return
            if isinstance(message, Snapshot):
                self.snapshot = message
                yield message

    def _first(self) -> Snapshot:
        try:
            message = self._next()
        except PeerError:
            self.close()
            raise
        if not isinstance(message, Snapshot):
            self.close()
            raise PeerError("the agent did not begin with its state; is it of another version?")
        return message

    def _next(self) -> FromAgent:
        try:
            line = self._lines.readline(codec.MAX_MESSAGE + 1)
        except TimeoutError:
            raise Unreachable("the agent does not answer") from None
        except ConnectionError:
            line = b""
        if not line.endswith(b"\n"):
            raise AgentEnded("the agent has ended")
        message: FromAgent = codec.decode(line, FromAgent, "the agent")
        return message
