"""What a service manager hears of an agent that ends."""

from __future__ import annotations

import socket
from pathlib import Path

from farmhand_agent.service_manager import wait_for_end


def test_it_is_asked_for_as_long_as_running_jobs_may_take(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        wait_for_end(70.0, {"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert manager.recv(100) == b"EXTEND_TIMEOUT_USEC=70000000"


def test_it_may_listen_in_the_abstract_namespace() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("")  # the kernel chooses a name there
        name = manager.getsockname().decode().replace("\0", "@")
        wait_for_end(0.5, {"NOTIFY_SOCKET": name})
        assert manager.recv(100) == b"EXTEND_TIMEOUT_USEC=500000"


def test_without_one_or_after_its_end_nothing_happens(tmp_path: Path) -> None:
    wait_for_end(70.0, {})
    wait_for_end(70.0, {"NOTIFY_SOCKET": str(tmp_path / "gone")})
