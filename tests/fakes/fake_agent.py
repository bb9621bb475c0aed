"""An agent for its faces: serves snapshots on a Unix socket, notes the requests and does what a request says.

As a program (`python fake_agent.py SOCKET`) it is an agent that can be started and killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

import msgspec

from farmhand.wire import codec
from farmhand.wire.history import History
from farmhand.wire.local import Choose, Done, Explanation, Quit, Snapshot, ToAgent

KEPT = Snapshot(
    version="0.1.0",
    name="orchard",
    state="kept",
    since=1_760_000_000.0,
    rule="in use",
    reason="you are using keyboard or mouse",
)
LENT = msgspec.structs.replace(KEPT, state="lent", rule="idle", reason="there was no input for 300 s", slots=8)


class FakeAgent:
    """Serves one snapshot at a time to everybody who connects.

    Attributes:
        requests: what clients asked for, in order.
        refuses: what to answer to requests; "" carries them out.
        tells: what to answer to requests of a kind, instead of `Done`.
    """

    def __init__(self, path: Path, snapshot: Snapshot = KEPT) -> None:
        self.requests: queue.Queue[ToAgent] = queue.Queue()
        self.refuses = ""
        self.tells: dict[type[ToAgent], Explanation | History] = {}
        self._path = path
        self._snapshot = snapshot
        self._clients: list[socket.socket] = []
        self._guard = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._outbox: queue.Queue[tuple[list[socket.socket], bytes | None] | None] = queue.Queue()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._accept, self._send)]
        for thread in tuple(self._threads):  # a client that comes at once adds another
            thread.start()

    def __enter__(self) -> FakeAgent:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def show(self, snapshot: Snapshot) -> None:
        """Let this be the state of things."""
        with self._guard:
            self._snapshot = snapshot
        self.say(codec.encode_line(snapshot))

    def say(self, data: bytes) -> None:
        """Send bytes to every client that is still there, in the background, whether they mean anything or not."""
        with self._guard:
            clients = list(self._clients)
        self._outbox.put((clients, data))

    def hang_up(self) -> None:
        """Close every connection and go on listening."""
        with self._guard:
            self._outbox.put((self._clients, None))
            self._clients = []

    def close(self) -> None:
        """End as a process that is gone ends: no listener, no socket file, no connection."""
        self._path.unlink(missing_ok=True)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._outbox.put(None)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._guard:
                self._clients.append(client)
                first = codec.encode_line(self._snapshot)
                self._outbox.put(([client], first))
            self._threads.append(threading.Thread(target=self._listen, args=(client,), daemon=True))
            self._threads[-1].start()

    def _send(self) -> None:
        while (letter := self._outbox.get()) is not None:
            clients, data = letter
            for client in clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR) if data is None else client.sendall(data)

    def _listen(self, client: socket.socket) -> None:
        with client, contextlib.suppress(ConnectionResetError), client.makefile("rb") as lines:
            for line in lines:
                request: ToAgent = codec.decode(line, ToAgent, "the client")
                self.requests.put(request)
                if not self.refuses:
                    self._carry_out(request)
                self._outbox.put(([client], codec.encode_line(self.tells.get(type(request), Done(self.refuses)))))
                if isinstance(request, Quit) and not self.refuses:
                    self.hang_up()

    def _carry_out(self, request: ToAgent) -> None:
        match request:
            case Choose(wish="lend"):
                self.show(msgspec.structs.replace(LENT, wish="lend"))
            case Choose(wish=wish, until=until, span=span):
                until = until if span is None else time.time() + span
                self.show(msgspec.structs.replace(KEPT, wish=wish, wish_until=until))
            case _:
                pass


def _main() -> None:
    path = Path(sys.argv[1])
    path.unlink(missing_ok=True)
    with FakeAgent(path) as agent:
        path.with_suffix(".pid").write_text(str(os.getpid()))
        while not isinstance(agent.requests.get(), Quit):
            pass


if __name__ == "__main__":
    _main()
