"""Whose socket is at the other end."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from farmhand.driver.peer import owner_of


@contextmanager
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with client, accepted:
            yield client, accepted


def test_an_open_socket_of_this_process_is_ours() -> None:
    with connection() as (client, accepted):
        assert owner_of(client.getsockname(), accepted.getsockname()) == os.getuid()


def test_a_socket_that_its_process_has_closed_is_nobodys() -> None:
    with connection() as (client, accepted):
        name = client.getsockname()
        client.close()
        assert owner_of(name, accepted.getsockname()) is None


def test_a_connection_that_does_not_exist_is_nobodys() -> None:
    assert owner_of(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
