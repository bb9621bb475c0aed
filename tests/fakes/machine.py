"""A whole machine of its own: a kernel, systemd as its first process, a person with a systemd and a bus of her own.

The kernel is user-mode Linux: Debian's own sources of the kernel, built as a program. It needs no help of the
processor's or of the kernel below, so it runs wherever a program does, and it has what a container gets only where the
machine itself has it: control groups with every controller, and a sleep of its own. It boots `fakes.debian_tree`; what
is written goes to memory. Its programs run at the processor's own speed, but calls of the kernel and page faults cost
several times as much as on a real machine, and it has one processor: what it shows is what happens, not how fast.

It has no network. Its host talks to `fakes.machine_shell`, which runs in there, by a serial line.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from fakes.debian_tree import FIRST, PEOPLE, SHOWN, python, tree

KERNEL = "linux.uml"
NEEDED = (KERNEL, "debootstrap", "unshare", "setpriv", "taskset")
MODULES = "/usr/lib/uml/modules"
MEMORY_MIB = 1024
BOOTS_WITHIN = 90.0
"""Seconds, on a machine that does much else."""
ANSWERS_WITHIN = 60.0
"""Seconds that a command in there may take."""

LINGERS = "anna"
"""Whose systemd runs from the start, without a session."""

SPARED = (
    *("systemd-udevd", "systemd-udev-trigger", "systemd-modules-load", "systemd-sysctl", "systemd-sysusers"),
    *("systemd-random-seed", "systemd-journal-flush", "systemd-update-utmp", "systemd-update-utmp-runlevel"),
    *("modprobe@configfs", "modprobe@loop", "modprobe@dm_mod", "modprobe@efi_pstore", "modprobe@drm", "modprobe@fuse"),
    *("getty@tty1", "console-getty", "e2scrub_reap"),
)
"""Services that nothing here needs and that half of the boot would be spent on."""

PROGRAMS = {
    "farmhand": "farmhand.cli.main",
    "farmhand-agent": "farmhand_agent.main",
    "farmhand-registry": "farmhand.registry.main",
}
"""Installed in there, as a package of a distribution would."""


class Machine:
    """The machine, from its start to the end of the block."""

    def __enter__(self) -> Self:
        root = tree()
        self._folder = Path(tempfile.mkdtemp(prefix="farmhand-machine-"))
        self._port, theirs = socket.socketpair()
        with theirs, open(self._folder / "console", "wb") as console:
            self._process = subprocess.Popen(
                [*ALONE, KERNEL, *self._kernel_words(root, theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "TMPDIR": str(_place_for_memory(self._folder))},
                pass_fds=[theirs.fileno()],
            )
        self._port.settimeout(BOOTS_WITHIN)
        self._lines = self._port.makefile("rb")
        try:
            assert self._lines.readline() == b"ready\n", "it has not booted"
            self._port.settimeout(ANSWERS_WITHIN)
            self.run("systemctl", "start", f"user@{FIRST + PEOPLE.index(LINGERS)}")  # ends when she has come up
            for name, module in PROGRAMS.items():
                self.write(f"/usr/local/bin/{name}", f'#!/bin/sh\nexec {" ".join(python("-m", module))} "$@"\n')
                self.run("chmod", "755", f"/usr/local/bin/{name}")
        except BaseException as wrong:
            wrong.add_note((self._folder / "console").read_text(errors="replace")[-3000:])
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._process.kill()  # all that it has started ends with it
        self._process.wait()
        self._lines.close()
        self._port.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @classmethod
    def why_not(cls) -> str | None:
        """Why it cannot be run here, or None."""
        if os.geteuid() != 0:
            return "only root may boot a machine"
        if platform.machine() != "x86_64":
            return "no user-mode Linux for this processor"
        missing = [one for one in NEEDED if shutil.which(one) is None]
        return f"{', '.join(missing)} not installed (installers/linux/packages.sh test)" if missing else None

    def run(self, *command: str, user: str = "root") -> str:
        """Run a program in there as somebody; return what it says.

        Raises:
            AssertionError: its status is not 0; the message tells what it said.
        """
        status, said = self.outcome(*command, user=user)
        assert status == 0, f"{command} has ended with {status}: {said}"
        return said

    def outcome(self, *command: str, user: str = "root") -> tuple[int, str]:
        """Run a program in there as somebody; return its status and what it says."""
        answer = self._ask(run=command, user=user)
        return answer["status"], (answer["said"] or answer["complained"]).strip()

    def write(self, path: str, text: str, user: str = "root") -> None:
        """Make a file of somebody's in there, and the folders that it needs."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "sh", path, text, user=user)

    def read(self, path: str) -> str:
        """Read a file in there."""
        return self.run("cat", path)

    def exists(self, path: str) -> bool:
        """Tell whether there is something in there."""
        return self.outcome("test", "-e", path)[0] == 0

    def hear(self, path: str, user: str) -> dict[str, Any]:
        """The first line that a program says at its local socket, in JSON; empty while nobody listens."""
        return json.loads(self._ask(hear=path, user=user)["said"] or "{}")

    @contextmanager
    def running(self, name: str, *command: str) -> Iterator[None]:
        """A service of the machine's, for the length of a block."""
        self.run("systemd-run", "-q", "--collect", f"--unit={name}", *command)
        try:
            yield
        finally:
            self.outcome("systemctl", "stop", name)

    def wake(self) -> None:
        """Press its power button; see `um_pm` in the kernel's arch/um."""
        (shell,) = psutil.Process(self._process.pid).children()
        (kernel, *_) = shell.children()
        kernel.send_signal(signal.SIGUSR1)

    def _ask(self, **words: object) -> dict[str, Any]:
        self._port.sendall(json.dumps(words).encode() + b"\n")
        line = self._lines.readline()
        assert line, "the machine is off"
        return json.loads(line)

    def _kernel_words(self, root: Path, port: int) -> tuple[str, ...]:
        """The kernel's command line; `NAME=VALUE` that it does not know is the first program's environment."""
        return (
            *(f"mem={MEMORY_MIB}M", "root=/dev/root", "rootfstype=hostfs", f"rootflags={root}", "ro", "quiet"),
            *("con=null", "con0=null,fd:1", f"ssl0=fd:{port}", f"uml_dir={self._folder}", "umid=machine"),
            *(f"systemd.mask={one}.service" for one in SPARED),
            *(f"modules={MODULES}", f"lingers={LINGERS}"),
            f"shown={','.join(f'{here}:{there}' for here, there in SHOWN.items())}",
            *(
                "init=/bin/sh",
                "--",
                "-c",
                f'"mount -t hostfs none /mnt -o {Path(__file__).parent} && . /mnt/machine_boot.sh"',
            ),
        )


ALONE = (
    *("taskset", "--cpu-list", str(max(os.sched_getaffinity(0)))),
    *("setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("sh", "-c", '"$@"; exit', "sh"),
)
"""Words before a command that let all its processes end with ours. The shell is there as the first process of a
namespace is deaf to the signal by which a kernel ends that panics. Of its processes one runs at a time, and each waits
for another one: on one processor, since to wake somebody on another takes longer."""


def _place_for_memory(otherwise: Path) -> Path:
    """A folder for the file that is the machine's memory: in memory if there is room, which containers often lack."""
    shared = Path("/dev/shm")
    return shared if shared.is_dir() and shutil.disk_usage(shared).free >> 20 > MEMORY_MIB else otherwise
