"""Where compositors listen."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest
from fakes.listening import listening

from farmhand_agent.sensors import compositors, wayland_session


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, False),
        ({"WAYLAND_DISPLAY": ""}, False),
        ({"XDG_SESSION_TYPE": "x11"}, False),
        ({"XDG_SESSION_TYPE": "wayland"}, True),
        ({"WAYLAND_DISPLAY": "wayland-1"}, True),
    ],
)
def test_what_names_one(environ: dict[str, str], named: bool) -> None:
    assert compositors.is_named(environ) is named


def test_one_that_is_not_named_is_found(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert wayland_session.why_no_wayland(environ) == "this is no Wayland session"
    (tmp_path / "wayland-1.lock").touch()
    listening(tmp_path / "wayland-0").close()  # a crash leaves its socket
    with closing(listening(tmp_path / "wayland-1")):
        where = str(tmp_path / "wayland-1")
        assert compositors.found(environ) == (where,)
        assert compositors.process(where) == os.getpid()
        assert wayland_session.why_no_wayland(environ) is None
        assert wayland_session.why_not(environ, lambda _: None) == "the compositor does not answer"
    assert compositors.found(environ) == ()


def test_one_whose_queue_is_full_is_there(tmp_path: Path) -> None:
    with closing(listening(tmp_path / "wayland-0", room=0)), socket.socket(socket.AF_UNIX) as first:
        first.connect(str(tmp_path / "wayland-0"))
        assert compositors.is_there(str(tmp_path / "wayland-0"))
