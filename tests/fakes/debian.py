"""A Debian of its own in a container: real systemd, logind, polkit and UPower, and people with real sessions.

Every boot begins from the same tree (`fakes.debian_tree`), for all that is written goes to memory. Its sleep is real up
to the last step: the kernel's switch in there is a file, so that logind announces, waits for whoever holds it up, puts
the "machine" to sleep, which is over at once, and wakes it.

Names, processes and mounts are the container's own; the network is shared and not used.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.debian_tree import FIRST, PEOPLE, SHOWN, as_desktop, python, tree
from fakes.listener import Listener
from fakes.waiting import until

from farmhand.lending.observation import Reading

NEEDED = ("debootstrap", "systemd-nspawn", "nsenter")

LOGINDS = "/etc/systemd/logind.conf.d"
LOGINDS_PATIENCE = 60
"""Seconds for which logind lets others hold up sleep; its usual 5 would not show who gives way after 4.5."""

PATIENT = f"[Login]\nInhibitDelayMaxSec={LOGINDS_PATIENCE}"

SWITCH = "/sys/power/state"
"""The kernel's own switch for sleep; see sysfs-power in its ABI."""


class Debian:
    """The container, from boot to the end of the block."""

    def __enter__(self) -> Self:
        root = tree()
        self._folder = Path(tempfile.mkdtemp(prefix="farmhand-debian-"))
        with open(self._folder / "console", "wb") as console:
            self._nspawn = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "TERM"),  # tests that are killed leave no container behind
                    *("systemd-nspawn", "-q", "-b", "-D", str(root), "--volatile=overlay", *ISOLATED),
                    *(f"--bind-ro={here}:{there}" for here, there in SHOWN.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        try:
            until(self._has_booted, within=60)
            self.run("sh", "-c", f"mkdir -p {LOGINDS} && echo '{PATIENT}' >{LOGINDS}/patient.conf")
            self.run("systemctl", "restart", "systemd-logind")
            self.run("sh", "-c", f"echo freeze mem >/run/switch && mount --bind /run/switch {SWITCH}")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        leader = self._leader()
        if leader:
            os.kill(leader, 9)  # nothing in there is worth an orderly end
        else:
            self._nspawn.kill()
        self._nspawn.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @classmethod
    def why_not(cls) -> str | None:
        """Why it cannot be run here, or None."""
        if os.geteuid() != 0:
            return "only root may boot a container"
        missing = [one for one in NEEDED if shutil.which(one) is None]
        return f"{', '.join(missing)} not installed (installers/linux/packages.sh test)" if missing else None

    def run(self, *command: str) -> str:
        """Run a program in there as root; return what it says."""
        ended = subprocess.run(self.inside(*command), capture_output=True, text=True, check=False)
        assert ended.returncode == 0, f"{command} has ended with {ended.returncode}: {ended.stderr or ended.stdout}"
        return ended.stdout.strip()

    def inside(self, *command: str) -> list[str]:
        """The command line that runs `command` in there."""
        return ["nsenter", "-t", str(self._leader()), "-m", "-u", "-i", "-p", "-C", "--", *command]

    def sessions(self) -> dict[str, str]:
        """Every session and whose it is."""
        listed = (line.split() for line in self.run("loginctl", "--no-legend", "list-sessions").splitlines())
        return {fields[0]: fields[2] for fields in listed}

    def lock(self, session: str, locked: bool) -> None:
        """Tell logind that a session is locked, as its lock screen would."""
        path = f"/org/freedesktop/login1/session/{session}"
        self.run(
            *("busctl", "call", "org.freedesktop.login1", path, "org.freedesktop.login1.Session"),
            *("SetLockedHint", "b", str(locked).lower()),
        )

    def holds_up_sleep(self) -> bool:
        """Tell whether Farmhand keeps the machine from going to sleep."""
        return "Farmhand" in self.run("systemd-inhibit", "--list", "--no-legend")

    def suspend(self) -> None:
        """Put the machine to sleep, as its menu does."""
        self.run("sh", "-c", f"echo freeze mem >{SWITCH} && systemctl suspend")

    def has_slept(self) -> bool:
        """Tell whether the kernel's switch has been turned since the last `suspend`."""
        return self.run("cat", SWITCH) == "mem"

    def pretend_to_shut_down(self) -> None:
        """Shut the machine down, as its menu does; but the target that would do it is empty, so logind calls it off."""
        folder, target = "/run/systemd/system", "poweroff.target"
        self.run("sh", "-c", f"printf '[Unit]\\nDefaultDependencies=no\\n' >{folder}/{target}")
        self.run("systemctl", "daemon-reload")
        self.run("systemctl", "poweroff")

    @contextmanager
    def desktop(self, user: str, kind: str = "x11", role: str = "user") -> Iterator[str]:
        """Somebody's graphical session at the screen, for the length of a block; yields its id."""
        before = self.sessions()
        unit = f"desktop-{user}-{len(before)}"
        self.run("systemd-run", "-q", "--collect", f"--unit={unit}", *as_desktop(user, kind, role), "sleep", "infinity")
        try:
            until(lambda: self.sessions().keys() - before.keys())
            (session,) = self.sessions().keys() - before.keys()
            yield session
        finally:
            self.run("systemctl", "stop", unit)
            until(lambda: session not in self.sessions())

    @contextmanager
    def remote_login(self, user: str, host: str) -> Iterator[Terminal]:
        """A login as from `host`, for the length of a block."""
        before = self.sessions()
        command = self.inside("script", "-qfc", f"login -h {host} -f {user}", "/dev/null")
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
            try:
                until(lambda: self.sessions().keys() - before.keys())
                (session,) = self.sessions().keys() - before.keys()
                yield Terminal(process, session)
            finally:
                process.communicate(b"exit\n")

    def age_terminals(self) -> None:
        """Make it an hour since anybody typed at any terminal."""
        self.run("sh", "-c", "touch -a -d '1 hour ago' /dev/tty[0-9]* /dev/ttyS* /dev/pts/[0-9]* 2>/dev/null; true")

    @contextmanager
    def running(self, *command: str) -> Iterator[None]:
        """A program in there, for the length of a block."""
        unit = "farmhand-test-program"
        self.run("systemd-run", "-q", "--collect", f"--unit={unit}", *command)
        try:
            yield
        finally:
            self.run("systemctl", "stop", unit)

    def install_unit(self, patience: float) -> None:
        """Install the agent's unit with a service of ours in its place, waiting so many seconds for its end."""
        folder, stub = "/run/systemd/system", " ".join(python("-m", "fakes.told_to_end", TOLD))
        settings = f"[Service]\nExecStart=\nExecStart={stub}\nTimeoutStopSec={patience:g}\n"
        self.run("mkdir", "-p", f"{folder}/{UNIT}.d")
        self.run("cp", f"/opt/farmhand/installers/linux/systemd/{UNIT}", folder)
        self.run("sh", "-c", f"echo '{settings}' >{folder}/{UNIT}.d/stub.conf && rm -f {TOLD}")
        self.run("systemctl", "daemon-reload")

    def told(self) -> list[str]:
        """What the service of that unit has written down."""
        return self.run("sh", "-c", f"cat {TOLD} 2>/dev/null || true").splitlines()

    def set_clock(self, jump: str) -> None:
        """Let the clock of a witness with a `clock` of its own be ahead by `jump`, such as +1d or -1d."""
        self.run("sh", "-c", f"echo {jump} >/run/clock.new && mv /run/clock.new {CLOCK}")

    @asynccontextmanager
    async def witness(
        self, sense: str, user: str = "root", in_session: bool = False, clock: bool = False
    ) -> AsyncIterator[Witness]:
        """A sense that runs in there as `user`, in a graphical session of its own or in none.

        With a `clock` of its own, its time of day is what `set_clock` says; time that passes is as everywhere.
        """
        options = as_desktop(user) if in_session else _as_service(user)
        if clock:
            self.set_clock("+0")
            (library,) = Path(f"/proc/{self._leader()}/root/usr/lib").glob("*/faketime/libfaketime.so.1")
            told = {
                "LD_PRELOAD": "/" + str(library).split("/root/", 1)[1],
                "FAKETIME_TIMESTAMP_FILE": CLOCK,
                **ONLY_WALL,
            }
            options += tuple(f"--setenv={name}={value}" for name, value in told.items())
        process = await asyncio.create_subprocess_exec(
            *self.inside("systemd-run", "-q", "--collect", "--pipe", *options, *python("-m", "fakes.witness", sense)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        witness = Witness(process)
        reading = asyncio.create_task(witness.listen())
        try:
            yield witness
        finally:
            witness.leave()
            await process.wait()
            await reading

    def _leader(self) -> int:
        """The process id of its init, 0 while there is none."""
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _has_booted(self) -> bool:
        assert self._nspawn.poll() is None, (self._folder / "console").read_text(errors="replace")[-2000:]
        bus = Path(f"/proc/{self._leader()}/root/run/dbus/system_bus_socket")
        return bus.exists() and subprocess.run(self.inside("loginctl"), capture_output=True).returncode == 0


class Terminal:
    """Somebody's terminal; `session` is their session there."""

    def __init__(self, process: subprocess.Popen[bytes], session: str) -> None:
        self.session = session
        self._process = process

    def type(self, line: str) -> None:
        """Type a line."""
        assert self._process.stdin
        os.write(self._process.stdin.fileno(), f"{line}\n".encode())


class Witness(Listener):
    """What a sense in the container reports; `session` is the one that it runs in."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.lost: str | None = None
        self.session = ""
        self._process = process

    def give_back(self) -> None:
        """Answer that nothing foreign runs any more."""
        assert self._process.stdin
        self._process.stdin.write(b"given back\n")

    def leave(self) -> None:
        """Let it end."""
        assert self._process.stdin
        self._process.stdin.close()

    async def listen(self) -> None:
        """Take in what it says until it ends."""
        assert self._process.stdout
        async for line in self._process.stdout:
            said = json.loads(line)
            if "session" in said:
                self.session = said["session"]
            elif "asked" in said:
                self.asked.set()
            elif "lost" in said:
                self.lost = said["lost"]
                self.report(Reading({}))
            else:
                self.report(Reading(said))


UNIT = "farmhand-agent.service"
TOLD = "/run/told"

CLOCK = "/run/clock"
ONLY_WALL = {
    "FAKETIME_NO_CACHE": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "DONT_FAKE_MONOTONIC": "1",
    "NO_FAKE_STAT": "1",
}
"""libfaketime's way to let the time of day alone jump, as when somebody sets a clock."""

ISOLATED = (
    "--register=no",
    "--keep-unit",
    "--private-users=no",
    "--resolv-conf=off",
    "--timezone=off",
    "--link-journal=no",
)


def _as_service(user: str) -> tuple[str, ...]:
    """Options of systemd-run for a program among somebody's own, but in no session of theirs."""
    return () if user == "root" else (f"--property=User={user}", f"--slice=user-{FIRST + PEOPLE.index(user)}.slice")
