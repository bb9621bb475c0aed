"""The ward of one box without namespaces: shuts a program in, watches it, and ends all that came of it.

It is a program of its own, which the agent runs with one line of JSON on its standard input; see `walls.Spec`. It and
what it imports need nothing but the standard library, so that it starts quickly and stays small.

1. The ward stays outside the walls, at the owner's priority, in another session: nothing in the box can touch it.
2. Whatever loses its parent in the box becomes the ward's child (prctl(2), PR_SET_CHILD_SUBREAPER). So when the kernel
   says that the ward has no child, nothing of the box is left: a ward that ends by itself is the proof.
3. It ends the box when the program ends, when the agent says so or is gone (standard input ends), when files outgrow
   their room. Then it removes the files.
"""

import json
import os
import select
import signal
import sys
import time
from types import FrameType

from farmhand_agent.boxes.walls import PR_SET_CHILD_SUBREAPER, Spec, check, drop_privileges, prctl, shut_in
from farmhand_agent.traces.box_files import Files, remove
from farmhand_agent.traces.marks import freeze_marked, signal_marked

ENDED, FAILED, OVERFULL = 0, 1, 3
"""The statuses with which a ward ends; with `FAILED` there never was a box."""

GO = b"g"
"""What the agent says when it has put the program, which does nothing yet, where it belongs."""

UP = "up"
"""What the ward answers when the program runs."""

WATCH = b"w"
"""What the agent says when the first job comes: from now on it matters how large the files grow."""

LOOK_EVERY = 0.25
"""Seconds between two looks at the files."""

DYING = 0.004
"""Seconds that those whom the agent has killed have to die before the ward does it once more."""


def command() -> list[str]:
    """The command that runs a ward: alone with the standard library and this package."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    program = (
        f"import os, sys; sys.path.append({package!r}); from farmhand_agent.boxes import ward; os._exit(ward.main())"
    )
    return [sys.executable, "-I", "-S", "-c", program]


def start(spec: Spec) -> int:
    """Tell the boxed program's number, and start it when the agent says so; returns the number.

    Raises:
        OSError: it could not be started; the message says at which wall it failed.
    """
    ward, (reading, writing), (waiting, go) = os.getpid(), os.pipe(), os.pipe()
    program = os.fork()
    if program == 0:
        os.close(go)
        try:
            if os.read(waiting, 1) != GO:
                raise OSError("the agent is gone")
            shut_in(spec, ward)
        except BaseException as wrong:
            os.write(writing, str(wrong).encode())
        os._exit(FAILED)
    os.close(writing)
    os.close(waiting)
    os.close(spec["listener"])
    print(program, flush=True)
    os.write(go, os.read(0, 1))
    os.close(go)
    if told := os.read(reading, 4096):
        os.waitpid(program, 0)
        raise OSError(told.decode())
    os.close(reading)
    return program


def bury() -> bool:
    """Take notice of all that have ended; tells whether somebody is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def watch(program: int, files: Files, news: int) -> int:
    """Wait for a reason to end the box; returns the status that tells it.

    Args:
        program: the boxed one.
        files: of the box.
        news: a descriptor that can be read when a child has ended.
    """
    end = os.pidfd_open(program)
    poll = select.poll()
    for descriptor in (0, news, end):
        poll.register(descriptor, select.POLLIN)
    patience = None
    while True:
        ready = {descriptor for descriptor, _ in poll.poll(patience)}
        if news in ready:
            os.read(news, 4096)
        if end in ready or (0 in ready and os.read(0, 1) != WATCH):
            return ENDED
        if 0 in ready:
            patience = LOOK_EVERY * 1e3
        bury()
        if patience is not None and files.overfull():
            return OVERFULL


def end_all(mark: int, news: int) -> None:
    """End all that came of the boxed program and wait until the kernel says that nobody is left."""
    poll = select.poll()
    poll.register(news, select.POLLIN)
    ends = time.monotonic() + DYING
    while bury():
        if poll.poll(1e3 * DYING):
            os.read(news, 4096)
            if time.monotonic() < ends:
                continue  # the agent has killed them already: let them die
        for pid in sorted(freeze_marked(mark))[
            :1
        ]:  # all are in one session, and the kernel allows one change in 100 ms
            hasten(pid)
        signal_marked(mark, signal.SIGKILL)


def hasten(pid: int) -> None:
    """Let what is about to be killed die quickly: its session goes back to the ordinary priority."""
    try:
        with open(f"/proc/{pid}/autogroup", "w") as file:
            file.write("0")
    except OSError:
        pass


def _ring(number: int, frame: FrameType | None) -> None:
    """Nothing: that a signal came is told by the bell, a pipe."""


def main() -> int:
    """Be the ward of one box; returns one of the statuses above."""
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 65536) or b"\n"
    spec: Spec = json.loads(line)
    check(prctl(PR_SET_CHILD_SUBREAPER, 1), "adopt orphans")
    news, bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _ring)
    files = Files(spec["folder"], spec["room"])
    try:
        program = start(spec)
    except OSError as wrong:
        print(wrong, file=sys.stderr)
        return FAILED
    drop_privileges(spec)
    print(UP, flush=True)
    os.close(1)
    status = watch(program, files, news)
    end_all(spec["mark"], news)
    remove(spec["folder"])
    return status
