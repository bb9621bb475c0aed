"""What is tried inside the machine, as root, with nothing else running; see `tests.machine`.

Says a line for each thing seen: "ok" or "FAILED", what, and what was measured.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from farmhand.distcc.protocol import ReplyReader, request

CODE = Path(__file__).parents[2]
TREE = Path("/sys/fs/cgroup")
HOME = "/run/user/1000"
ONLY = CODE / "only"
"""Names the one way of running the agent that is to be tried; where there is no such file, all are."""

LIMIT_MIB = 192
SETTINGS = {
    "LEND": "always",
    "BUSY_ABOVE": "1",
    "SLOTS": "16",
    "MEMORY_PER_JOB": "16",
    "MEMORY_LIMIT": str(LIMIT_MIB),
    "SCRATCH": "64",
}
OWNER = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/owner",
    "XDG_RUNTIME_DIR": HOME,
    "DBUS_SESSION_BUS_ADDRESS": f"unix:path={HOME}/bus",
    "PYTHONPATH": os.environ["PYTHONPATH"],
    "PYTHONDONTWRITEBYTECODE": "1",
    **{f"FARMHAND_{name}": value for name, value in SETTINGS.items()},
}
AGENT = "/usr/bin/python3 -m farmhand_agent.main"

SMALL = request(["gcc", "-c", "a.i", "-o", "a.o"], b"int x;\n")
ENDLESS = request(["gcc", "-wrapper", "/bin/sh,-c,while :; do :; done", "-c", "a.i", "-o", "a.o"], b"int x;\n")
GREEDY = request(["gcc", "-wrapper", "/bin/sh,-c,exec tail /dev/zero", "-c", "a.i", "-o", "a.o"], b"int x;\n")

BURST = """
import time
def work():
    total = 0
    for one in range(20000):
        total += one * one
took = []
for _ in range(30):
    time.sleep(0.03)
    began = time.perf_counter()
    work()
    took.append((time.perf_counter() - began) * 1e3)
print(sorted(took)[15])
"""


def say(good: bool, what: str, told: str = "") -> None:
    print(f"{'ok    ' if good else 'FAILED'}  {what:58}  {told}", flush=True)


def until(probe: Callable[[], Any], what: str, seconds: float = 60.0, every: float = 0.01) -> Any:
    ends = time.monotonic() + seconds
    while not (found := probe()):
        if time.monotonic() > ends:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return found


def run(*words: str, env: dict[str, str] | None = None, user: str | None = None) -> str:
    done = subprocess.run(words, capture_output=True, text=True, env=env, user=user, group=user, check=False)
    return done.stdout + done.stderr


class Station:
    """One way of running the agent.

    Args:
        name: of the way.
        user: who runs it.
    """

    def __init__(self, name: str, user: str = "owner") -> None:
        self.name = name
        self.user = user
        self.env = OWNER if user == "owner" else {**OWNER, "HOME": "/root", "XDG_RUNTIME_DIR": "/run/agent"}

    def farmhand(self, *words: str) -> str:
        return run("/usr/bin/python3", "-m", "farmhand.cli.main", *words, env=self.env, user=self.user)

    def status(self) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as one:
            os.seteuid(pwd.getpwnam(self.user).pw_uid)  # the agent talks to its own user only
            try:
                one.connect(f"{self.env['XDG_RUNTIME_DIR']}/farmhand/agent.sock")
            finally:
                os.seteuid(0)
            with one.makefile() as lines:
                return dict(json.loads(lines.readline() or "{}"))
        return {}

    def lent(self) -> dict[str, Any]:
        try:
            return dict(
                until(lambda: shown if (shown := self.status()).get("state") == "lent" else None, "lent", 60, 0.2)
            )
        except TimeoutError:
            log = run("journalctl", "--no-pager", "-n", "20")
            raise TimeoutError(f"not lent; it shows {self.status()}; its log: {log}") from None

    @property
    def top(self) -> Path:
        """The group round the boxes."""
        return Path(until(lambda: next(TREE.rglob("farmhand-boxes-*.scope"), None), "the scope is there"))

    @property
    def agent(self) -> int:
        return int(until(lambda: Path(f"{self.env['XDG_RUNTIME_DIR']}/farmhand/agent.lock").read_text(), "its lock"))


@contextlib.contextmanager
def as_user_service() -> Iterator[Station]:
    """The unit that the project installs."""
    there = Path("/etc/systemd/user")
    shutil.copy(CODE / "installers/linux/systemd/farmhand-agent.service", there)
    over = there / "farmhand-agent.service.d"
    over.mkdir(exist_ok=True)
    lines = "\n".join(f'Environment="{name}={value}"' for name, value in OWNER.items() if name != "HOME")
    (over / "test.conf").write_text(f"[Service]\nExecStart=\nExecStart={AGENT}\n{lines}\n")
    systemctl = ("systemctl", "--user")
    run(*systemctl, "daemon-reload", env=OWNER, user="owner")
    print(run(*systemctl, "start", "farmhand-agent", env=OWNER, user="owner"), end="")
    yield Station("user service")
    run(*systemctl, "stop", "farmhand-agent", env=OWNER, user="owner")


@contextlib.contextmanager
def in_a_session() -> Iterator[Station]:
    """As a program of a session that systemd does not run, such as an X session started by hand."""
    settings = [word for name, value in OWNER.items() for word in ("-E", f"{name}={value}")]
    login = ("-p", "User=owner", "-p", "PAMName=login", "-p", "KillMode=mixed")
    print(run("systemd-run", "--unit=login-session", *login, *settings, *AGENT.split()), end="")
    yield Station("session")
    run("systemctl", "stop", "login-session")


@contextlib.contextmanager
def as_root() -> Iterator[Station]:
    """As a service of the machine."""
    Path("/run/agent").mkdir(mode=0o700)
    station = Station("root's service", "root")
    settings = [word for name, value in station.env.items() for word in ("-E", f"{name}={value}")]
    run("systemd-run", "--unit=root-agent", "-p", "KillMode=mixed", *settings, *AGENT.split())
    yield station
    run("systemctl", "stop", "root-agent")


def send(*requests: bytes) -> list[socket.socket]:
    made = [socket.create_connection(("127.0.0.1", 3632)) for _ in requests]
    for one, words in zip(made, requests, strict=True):
        one.sendall(words)
    return made


def compile_one(words: bytes = SMALL) -> int | None:
    """Send a compile through the gate; return the compiler's status."""
    (one,) = send(words)
    reader = ReplyReader(1)
    with one:
        one.settimeout(120)
        while not reader.complete and (data := one.recv(1 << 16)):
            reader.feed(data)
    return reader.status


def boxed(top: Path) -> set[int]:
    """Processes in cells."""
    found: set[int] = set()
    for file in top.glob("boxes/*/cgroup.procs"):
        with contextlib.suppress(OSError):
            found |= {int(line) for line in file.read_text().split()}
    return found


def busy(top: Path, jobs: int) -> list[socket.socket]:
    """Let so many compilers run that never end."""
    clients: list[socket.socket] = []

    def loops() -> int:
        seen = 0
        for pid in boxed(top):
            with contextlib.suppress(OSError):
                seen += Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sh")
        return seen

    def enough() -> bool:
        """Ask again for those who were turned away while the machine was busy with other things."""
        missing = jobs - loops()
        clients.extend(send(*[ENDLESS] * missing))
        return missing <= 0

    until(enough, f"{jobs} compilers run", 120, every=5)
    return clients


def burst(where: str) -> float:
    """Milliseconds (median) that a short piece of the owner's work takes."""
    words = ("/usr/bin/python3", "-c", BURST)
    if where == "app":
        told = run("systemd-run", "--user", "--wait", "--pipe", "-q", *words, env=OWNER, user="owner")
    else:
        login = ("-p", "User=owner", "-p", "PAMName=login") if where == "session" else ()
        told = run("systemd-run", "--wait", "--pipe", "-q", *login, *words)
    return float(told.strip().splitlines()[-1])


# --- what is tried ----------------------------------------------------------
def says(station: Station) -> None:
    shown = station.lent()
    doctor = [line for line in station.farmhand("doctor").splitlines() if "of jobs" in line]
    for line in doctor:
        say(True, "doctor", " ".join(line.split()))
    bounded = f"{LIMIT_MIB} MiB of memory and 1536 processes for all jobs together, by a control group"
    say(shown["limits"] == bounded, "limits are the control group's", shown["limits"])
    say(shown["priority"].startswith("idle control group"), "priority is the control group's", shown["priority"])
    say(len(doctor) == 2, "doctor tells of both")


def is_bounded(station: Station) -> None:
    say(compile_one() == 0, "a compile through the gate")
    top = station.top
    say(int((top / "boxes/memory.max").read_text()) == LIMIT_MIB << 20, "memory.max")
    say((top / "boxes/memory.swap.max").read_text().strip() == "0", "memory.swap.max")
    say((top / "boxes/pids.max").read_text().strip() == "1536", "pids.max")
    say((top / "cpu.idle").read_text().strip() == "1", "cpu.idle", str(top.relative_to(TREE)))
    inside = boxed(top)
    scores = {Path(f"/proc/{pid}/oom_score_adj").read_text().strip() for pid in inside}
    say(scores == {"1000"}, "all of a box would be the first to go", f"{len(inside)} processes, {scores}")


def is_reclaimed(station: Station) -> None:
    took: list[float] = []
    for _ in range(3):
        station.lent()
        clients = busy(station.top, 4)
        station.farmhand("reclaim")
        until(lambda: station.status().get("state") == "kept", "taken back")
        took.append(float(station.status()["last_reclaim_ms"]))
        say(not boxed(station.top), "nothing in the cells after a reclaim", f"{took[-1]:.0f} ms")
        say(not list(station.top.glob("boxes/*/")), "no cell either")
        for one in clients:
            one.close()
        station.farmhand("lend")
    station.lent()
    say(
        True,
        "reclaim of 4 busy compilers, by the agent",
        f"median {statistics.median(took):.0f} ms, max {max(took):.0f}",
    )
    say((station.top / "cpu.idle").read_text().strip() == "1", "idle again after the kills")


def runs_out_of_memory(station: Station) -> None:
    station.lent()
    compile_one()
    top, before = station.top, station.agent
    box = next(iter(top.glob("boxes/*/")))
    status = compile_one(GREEDY)
    events = dict(line.split() for line in (top / "boxes/memory.events").read_text().splitlines())
    peak = int((top / "boxes/memory.peak").read_text()) >> 20 if (top / "boxes/memory.peak").exists() else -1
    say(
        int(events["oom_kill"]) >= 1,
        "the kernel ends who takes too much",
        f"oom_kill {events['oom_kill']}, status {status}",
    )
    say(peak <= LIMIT_MIB, "memory never exceeds the limit", f"peak {peak} MiB")
    say(status != 0, "the compile fails, so it is done elsewhere", f"status {status}")
    say(box.exists() and compile_one() == 0, "its box goes on and compiles")
    say(station.agent == before, "the agent did not notice")


def is_killed(station: Station) -> None:
    """The agent is killed beside four busy loops of the owner's; the guardian ends its boxes."""
    for load in (False, True):
        took: list[float] = []
        for _ in range(3):
            station.lent()
            top = station.top
            clients = busy(top, 4)
            loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4 * load)]
            foreign, killed = boxed(top), station.agent
            began = time.monotonic()
            os.kill(killed, signal.SIGKILL)
            until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in foreign), "no box survives")
            took.append((time.monotonic() - began) * 1e3)
            for one in loops:
                one.kill()
                one.wait()
            for one in clients:
                one.close()
            until(lambda: not top.exists(), "its control group is gone, too")
            until(lambda: station.status() and station.agent != killed, "systemd starts another")
        what = "agent killed to last box process gone" + ", busy machine" * load
        say(max(took) < 2000, what, f"median {statistics.median(took):.0f} ms, max {max(took):.0f}")


def yields(station: Station) -> None:
    """What the owner's programs feel, by where they run."""
    station.farmhand("reclaim")
    places = ("app", "session", "system")
    alone = {place: burst(place) for place in places}
    station.farmhand("lend")
    station.lent()
    clients = busy(station.top, 4)
    for place in places:
        beside = burst(place)
        say(
            True,
            f"owner's burst in {place}, beside 4 jobs",
            f"{beside / alone[place]:.2f} times its {alone[place]:.0f} ms alone",
        )
    for one in clients:
        one.close()


def leaves_nothing(station: Station) -> None:
    left = [str(one.relative_to(TREE)) for one in TREE.rglob("farmhand-boxes-*")]
    until(lambda: not list(TREE.rglob("farmhand-boxes-*")), f"no group is left: {left}", 10)
    programs = run("ps", "-eo", "pid,args").splitlines()
    mine = [line for line in programs if any(word in line for word in ("farmhand-", "farmhand_", "bwrap", "distccd"))]
    say(not mine, f"nothing is left of the {station.name}", "; ".join(mine))


TRIALS = (
    (as_user_service, (says, is_bounded, is_reclaimed, runs_out_of_memory, is_killed, yields)),
    (in_a_session, (says, is_bounded, is_reclaimed, yields)),
    (as_root, (says, is_bounded, is_reclaimed, yields)),
)


def main() -> None:
    """Try everything; what fails does not keep the rest from being tried."""
    kernel, systemd = os.uname().release, run("systemctl", "--version").split()[1]
    print(f"Linux {kernel}, systemd {systemd}, {os.cpu_count()} cores", flush=True)
    only = ONLY.read_text() if ONLY.exists() else ""
    for start, trials in TRIALS:
        if only not in start.__name__:
            continue
        with start() as station:
            print(f"\n{station.name}", flush=True)
            for trial in trials:
                try:
                    trial(station)
                except Exception:
                    say(False, trial.__name__, traceback.format_exc())
        try:
            leaves_nothing(station)
        except Exception:
            say(False, "leaves_nothing", traceback.format_exc())
    print("ended", flush=True)


if __name__ == "__main__":
    main()
