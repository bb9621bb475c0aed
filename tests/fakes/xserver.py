"""A real X server without a screen, and hands at its keyboard and mouse."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from Xlib import X
from Xlib.display import Display
from Xlib.ext import xtest

TOUCHES = {"mouse": ("mousemove_relative", "1", "1"), "key": ("key", "a"), "click": ("click", "1")}


class XServer:
    """Xvfb on a free display number, or on `number`.

    Args:
        number: of the display.
        without: names extensions to leave out.
        keys: a file in the form of Xauthority; whoever does not show a key from it is refused.
        options: more words for the server.
    """

    def __init__(
        self,
        number: int | None = None,
        without: tuple[str, ...] = (),
        keys: Path | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        self._keys = keys
        self._number = number
        self._without = without
        self._options = options
        self.home = os.environ.get("HOME", "/")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.kill()

    def start(self) -> None:
        """Run until it listens."""
        options = [*self._options, *(option for name in self._without for option in ("-extension", name))]
        if self._keys is not None:
            options += ["-auth", str(self._keys)]
        if self._number is not None:
            options.append(f":{self._number}")
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            [
                "Xvfb",
                *options,
                "-displayfd",
                str(writing),
                "-screen",
                "0",
                "640x480x24",
                "-noreset",
                "-nolisten",
                "tcp",
            ],
            pass_fds=(writing,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with open(reading) as told:
            said = told.readline()
        assert said, "Xvfb did not start"
        self._number = int(said)

    @property
    def number(self) -> int:
        """Of its display."""
        assert self._number is not None
        return self._number

    @property
    def display(self) -> str:
        """What belongs into DISPLAY."""
        return f":{self._number}"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a session on it."""
        return {"DISPLAY": self.display, "PATH": os.environ["PATH"], "HOME": self.home}

    def touch(self, kind: str = "mouse") -> None:
        """Move the mouse, press a key or click."""
        subprocess.run(["xdotool", *TOUCHES[kind]], env=self.environ, check=True, stdout=subprocess.DEVNULL)

    def type(self, line: str) -> None:
        """Type a line."""
        subprocess.run(["xdotool", "type", "--delay", "20", line], env=self.environ, check=True)
        subprocess.run(["xdotool", "key", "Return"], env=self.environ, check=True)

    def windows(self) -> int:
        """Count the windows, those within others too."""
        display = Display(self.display)
        try:
            return _count(display.screen().root)
        finally:
            display.close()

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program in the session."""
        return subprocess.Popen(command, env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pause(self) -> None:
        """Stop it where it stands."""
        self._process.send_signal(19)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(18)

    def kill(self) -> None:
        """End it at once; what it leaves in /tmp goes with the next one on that display."""
        self._process.kill()
        self._process.wait()


def _count(window: Any) -> int:
    return sum(1 + _count(child) for child in window.query_tree().children)


class Hands:
    """Hands that need no program: a touch reaches the X server with one system call."""

    def __init__(self, display: str) -> None:
        self._display = Display(display)

    def touch(self) -> None:
        """Press and release a key."""
        xtest.fake_input(self._display, X.KeyPress, 38)
        xtest.fake_input(self._display, X.KeyRelease, 38)
        self._display.flush()

    def close(self) -> None:
        """Let go."""
        self._display.close()
