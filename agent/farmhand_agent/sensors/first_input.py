"""The program that waits for one touch of keyboard or mouse, says so with one byte, and ends.

It is a process of its own because pynput hands every key's meaning to whoever listens: so nobody but this listens, and
what it hears ends with it. Its output is `r` once it listens, then `i` at the first input. It ends with its standard
input, so that it cannot outlive the agent, and with a failure when a listener does.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import os
import sys
import threading

READY, INPUT = b"r", b"i"


def main() -> None:
    """Listen until the first input."""
    threading.excepthook = lambda _: os._exit(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from pynput import keyboard, mouse

    listeners = (
        keyboard.Listener(on_press=_heard, on_release=_heard),
        mouse.Listener(on_move=_heard, on_click=_heard, on_scroll=_heard),
    )
    for listener in listeners:
        listener.start()
        listener.wait()
    os.write(1, READY)
    for listener in listeners:
        listener.join()
    os._exit(1)


def _heard(*_: object) -> None:
    os.write(1, INPUT)
    os._exit(0)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
