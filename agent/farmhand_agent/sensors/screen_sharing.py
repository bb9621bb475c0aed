"""Whether the screen is shared or a camera is in use, by the streams of pictures that PipeWire carries.

Under Wayland every screen that is shared is such a stream, whichever the desktop. `pw-dump --monitor`, which comes with
PipeWire, tells of all streams and then of each change; nothing is polled. A stream for pictures is a screen unless it
comes from a device, which is a camera; that is in use while its stream runs. A screen that is not shared says nothing
about films and talks, so what is reported then is None, not "nothing".
"""

from __future__ import annotations

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from farmhand.lending.observation import Reading
from farmhand_agent.sensors.base import Report, SenseLost
from farmhand_agent.sensors.children import end

PROGRAM = "pw-dump"
SHARED = "the screen is shared"
FILMED = "a camera is in use"

PICTURES = frozenset({"Stream/Output/Video", "Video/Source"})
"""Classes of streams; which one a screen has depends on its compositor."""

DEVICE = "device.api"
"""A property of streams that come from a device."""

RUNNING = "running"
"""State of a stream that somebody takes pictures from; an idle or suspended camera only could be used."""

LONGEST_LINE = 1 << 20


class _Info(msgspec.Struct, frozen=True):
    props: dict[str, Any] = {}
    state: Any = None


class _Changed(msgspec.Struct, frozen=True):
    """An object of PipeWire; without `info` it has gone, or is of a kind that does not matter here."""

    id: int
    info: _Info | None = None


class ScreenSharing:
    """Listens to PipeWire.

    Args:
        environ: names PipeWire's socket, and where programs are.
    """

    question = "presenting"
    name = "PipeWire"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def unusable(self) -> str | None:
        """Return why it cannot be watched, or None."""
        folder = self._environ.get("PIPEWIRE_RUNTIME_DIR") or self._environ.get("XDG_RUNTIME_DIR", "/nonexistent")
        socket = Path(folder) / self._environ.get("PIPEWIRE_REMOTE", "pipewire-0")
        if not socket.is_socket():
            return f"there is no PipeWire at {socket}"
        found = shutil.which(PROGRAM, path=self._environ.get("PATH"))
        return None if found else f"{PROGRAM} is not installed"

    async def watch(self, report: Report) -> None:
        """See `Sensor.watch`."""
        listening = await asyncio.create_subprocess_exec(
            *(PROGRAM, "--monitor"), stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, env=self._environ, limit=LONGEST_LINE
        )
        streams: dict[int, str] = {}
        known: str | None = ""
        try:
            assert listening.stdout
            lines: list[bytes] = []
            async for line in listening.stdout:
                lines.append(line)
                if line.rstrip() != b"]":
                    continue
                _follow(msgspec.json.decode(b"".join(lines), type=list[_Changed]), streams)
                lines.clear()
                shows = next(iter(streams.values()), None)
                if shows != known:
                    known = shows
                    report(Reading({"presenting": shows}))
            raise SenseLost("PipeWire has gone")
        except msgspec.DecodeError as problem:
            raise SenseLost(f"{PROGRAM} says what nobody understands: {problem}") from None
        finally:
            await end(listening)


def _follow(changes: list[_Changed], streams: dict[int, str]) -> None:
    """Take in objects that are new, have changed, or have gone; `pw-dump` tells changed ones in full."""
    for one in changes:
        shows = _shows(one.info)
        if shows is None:
            streams.pop(one.id, None)
        else:
            streams[one.id] = shows


def _shows(info: _Info | None) -> str | None:
    """Say what a stream of pictures shows to others; None for a camera that rests, and for whatever else there is."""
    if info is None or info.props.get("media.class") not in PICTURES:
        return None
    if DEVICE not in info.props:
        return SHARED
    return FILMED if info.state == RUNNING else None
