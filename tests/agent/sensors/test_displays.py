"""X servers are found, and let this user in or not."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.compositors import Mutter, Sway, XwaylandIn
from fakes.waiting import until
from fakes.xserver import XServer
from Xlib import X
from Xlib.protocol import request

from farmhand_agent.sensors import compositors, displays

COOKIE = bytes(range(16))

PYTHON = "/usr/bin/python3"
"""One that every user may run; the tests' own may lie in a home that is closed to others."""


@pytest.fixture
def server() -> Iterator[XServer]:
    with XServer() as started:
        yield started


def authority(file: Path, number: int, family: int = 256, host: bytes = b"another name") -> Path:
    """An authority file with one cookie."""
    words = (host, str(number).encode(), displays.COOKIE, COOKIE)
    file.write_bytes(struct.pack(">H", family) + b"".join(struct.pack(">H", len(one)) + one for one in words))
    return file


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[XServer]:
    """A server that asks for a cookie, which is in a file of its own."""
    number = 7000 + os.getpid() % 1000
    with XServer(number, options=("-auth", str(authority(tmp_path / "own", number)))) as started:
        display = displays.connect(number, {})  # a server lets in whoever has started it, by name
        name = f"localuser\0#{os.getuid()}".encode()
        request.ChangeHosts(display=display, mode=X.HostDelete, host_family=X.FamilyServerInterpreted, host=name)
        display.flush()
        displays.close(display)
        yield started


def test_sockets_in_the_folder_and_in_the_abstract_namespace(tmp_path: Path) -> None:
    for name in ("X0", "X12", "X12.lock", "Xylophone"):
        (tmp_path / name).touch()
    table = tmp_path / "unix"
    lines = (
        "Num               RefCount Protocol Flags    Type St Inode Path",
        "0000000000000000: 00000002 00000000 00010000 0001 01 12345 @/tmp/.X11-unix/X5",
        "0000000000000000: 00000003 00000000 00000000 0001 03 12346 @/tmp/.X11-unix/X6",
        "0000000000000000: 00000002 00000000 00010000 0001 01 12347 /tmp/.X11-unix/X7",
    )
    table.write_text("\n".join(lines) + "\n")
    assert displays.numbers(tmp_path, table) == (0, 5, 12)
    assert displays.numbers(tmp_path / "none", tmp_path / "none") == ()


@pytest.mark.parametrize("options", [(), ("-nolisten", "unix"), ("-nolisten", "local")])
def test_a_server_is_found_by_any_socket(options: tuple[str, ...]) -> None:
    number = 8000 + os.getpid() % 1000
    (displays.SOCKETS / f"X{number}").unlink(missing_ok=True)
    with XServer(number, options=options) as server:
        assert number in displays.numbers()
        assert displays.is_there(number)
        assert displays.ours(server.environ) == (number,)


def test_what_a_dead_server_has_left_is_nobody(server: XServer) -> None:
    server.kill()
    assert (displays.SOCKETS / f"X{server.number}").exists()
    assert not displays.is_there(server.number)
    assert displays.ours(server.environ) == ()


def test_a_cookie_in_the_users_file(guarded: XServer, tmp_path: Path) -> None:
    (tmp_path / "own").unlink()
    assert not displays.is_ours(guarded.number, {})
    with pytest.raises(displays.NotOurs, match="cannot be opened"):
        displays.connect(guarded.number, {})
    for family, host in ((256, b"another name"), (displays.WILD, b"")):
        file = authority(tmp_path / "users", guarded.number, family, host)
        assert displays.is_ours(guarded.number, {"XAUTHORITY": str(file)})
    authority(tmp_path / ".Xauthority", guarded.number)
    assert displays.is_ours(guarded.number, {"HOME": str(tmp_path)})
    authority(tmp_path / ".Xauthority", guarded.number + 1)
    assert not displays.is_ours(guarded.number, {"HOME": str(tmp_path)})


def test_a_cookie_in_the_servers_own_file(guarded: XServer) -> None:
    assert displays.is_ours(guarded.number, {})


def test_a_server_that_only_pretends(tmp_path: Path) -> None:
    """Whoever may write to /tmp may listen there; what runs as somebody else is not asked for anything."""
    if os.geteuid() != 0:
        pytest.skip("only root may start a program as somebody else")
    folder = displays.SOCKETS
    folder.mkdir(mode=0o1777, exist_ok=True)
    path = folder / "X6789"
    listen = (
        f"import socket; s=socket.socket(socket.AF_UNIX); s.bind({str(path)!r}); s.listen()\n"
        "while True: s.accept()  # agents that run beside the tests knock, too"
    )
    stranger = subprocess.Popen(["setpriv", "--reuid=65534", "--clear-groups", PYTHON, "-c", listen])
    try:
        until(lambda: displays.is_there(6789))
        assert not displays.is_ours(6789, {})
    finally:
        stranger.kill()
        stranger.wait()
        path.unlink(missing_ok=True)


def test_a_server_whose_starter_has_died_does_not_count() -> None:
    """A compositor listens for its Xwayland; when it has died, nobody tells that server of input."""
    script = (
        "import os, socket, sys\n"
        f"s=socket.socket(socket.AF_UNIX); s.bind({str(displays.SOCKETS / 'X6788')!r}); s.listen()\n"
        "if os.fork(): os._exit(0)\n"
        "print(os.getpid(), flush=True)\n"
        "while True: s.accept()\n"
    )
    displays.SOCKETS.mkdir(mode=0o1777, exist_ok=True)
    with subprocess.Popen([PYTHON, "-c", script], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        heir = int(starter.stdout.readline())
        starter.wait()
        try:
            assert displays.is_there(6788)
            assert not displays.may_be_ours(6788)
        finally:
            os.kill(heir, signal.SIGKILL)
            (displays.SOCKETS / "X6788").unlink(missing_ok=True)


def test_a_wayland_sessions_server_is_no_source() -> None:
    """It hears nothing of what is typed into the windows of others."""
    reason = Mutter.why_not()
    if reason:
        pytest.skip(reason)
    with Mutter() as compositor, XwaylandIn(compositor) as within:
        number = int(within.display[1:])
        with pytest.raises(displays.Xwayland, match="is a Wayland session's"):
            displays.connect(number, {})
        assert displays.is_xwayland(number, {})
        assert not displays.is_ours(number, {})
        assert displays.ours({}) == ()


def test_a_compositor_that_would_start_one_holds_its_lock() -> None:
    reason = Sway.why_not()
    if reason:
        pytest.skip(reason)
    with Sway() as compositor:
        shown = compositors.process(compositors.named(compositor.environ))
        until(lambda: shown in map(displays.keeper, range(32)))
    assert compositors.process(compositors.named(compositor.environ)) == -1
    assert displays.keeper(98765) == 0
