"""Sends a job to the gate of the machine that it runs on: `machine_job.py small|endless|greedy`.

Says the compiler's status, or "cut" when there is no answer.
"""

from __future__ import annotations

import socket
import sys

from farmhand.distcc.protocol import ReplyReader, request

GATE = ("127.0.0.1", 3632)
INSTEAD = {"small": "", "endless": "while :; do :; done", "greedy": "exec tail /dev/zero"}
"""Shell commands in the compiler's place."""


def main(kind: str) -> None:
    """Send it and wait for its end."""
    instead = ["-wrapper", f"/bin/sh,-c,{INSTEAD[kind]}"] if INSTEAD[kind] else []
    reader = ReplyReader(1)
    with socket.create_connection(GATE) as connection:
        connection.sendall(request(["gcc", *instead, "-c", "a.i", "-o", "a.o"], b"int x;\n"))
        try:
            while not reader.complete and (data := connection.recv(1 << 16)):
                reader.feed(data)
        except ConnectionError:
            pass
    print(reader.status if reader.complete else "cut")


if __name__ == "__main__":
    main(*sys.argv[1:])
