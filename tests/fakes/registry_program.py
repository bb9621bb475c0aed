"""The real registry in a process of its own, on a port of its own; and servers that are none."""

from __future__ import annotations

import contextlib
import http.server
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from farmhand.wire.farm import HostBeat, Order

KEY = "ab" * 32
OTHER_KEY = "cd" * 32


class RegistryProgram:
    """`farmhand-registry`, running until `stop`.

    Args:
        listen: ADDR:PORT.
        options: more of its words.
        before: words before its command, such as those that limit it.
    """

    def __init__(self, listen: str = "127.0.0.1:0", *options: str, before: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "farmhand.registry.main", "--listen", listen, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("FARMHAND_")},
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if readable else ""
        if not line.startswith("registry on "):
            self.process.kill()
            raise AssertionError(f"the registry did not start: {line}{self.process.communicate()[1]}")
        self.url = line.split()[-1]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def complaints(self) -> str:
        """End it and return what it wrote to stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=30)[1]

    def stop(self) -> int:
        """End it as an owner would; returns its exit status."""
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode


@contextlib.contextmanager
def running_registry(state: Path | None = None, before: Sequence[str] = ()) -> Iterator[RegistryProgram]:
    """A registry for the time of the context."""
    program = RegistryProgram("127.0.0.1:0", *(() if state is None else ("--state", str(state))), before=before)
    try:
        yield program
    finally:
        program.stop()


class Stranger:
    """A web server that is no registry: it answers everything with the same words."""

    def __init__(self, status: int, kind: str, body: bytes, headers: dict[str, str] | None = None) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, format: str, *args: object) -> None:
                """Keep quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Stranger:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def a_beat(
    seq: int = 1, slots: int = 4, *, generation: int = 1, key: str = KEY, address: str | None = None
) -> HostBeat:
    """A beat of a host that lends."""
    return HostBeat(Order(1, generation, seq), key, port=3632, slots=slots, address=address)
