"""A listening socket without a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from contracts.box import hung_up

from farmhand_agent.boxes.port import PrivatePort


async def test_its_maker_can_call_again_and_again(tmp_path: Path) -> None:
    port = PrivatePort(tmp_path)
    for word in (b"one", b"two"):
        with await port.connect() as ours:
            assert not ours.getblocking()
            theirs, _ = port._listener.accept()
            with theirs:
                ours.send(word)
                assert theirs.recv(9) == word
    port.close()


async def test_it_leaves_no_name_behind(tmp_path: Path) -> None:
    port = PrivatePort(tmp_path)
    assert list(tmp_path.iterdir()) == []
    port.close()


async def test_closed_it_hangs_up_and_takes_no_calls(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    port = PrivatePort(tmp_path)
    with await port.connect() as waiting:
        port.close()
        port.close()
        assert port.fileno() == -1
        assert await hung_up(waiting)
    with pytest.raises(ConnectionError):
        await port.connect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_where_it_cannot_be_made_nothing_is_left_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No such file"):
        PrivatePort(tmp_path / "nowhere")
    assert len(os.listdir("/proc/self/fd")) == before
