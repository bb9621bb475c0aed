"""What a client that may compile here can do to the machine: nothing, whatever it sends.

Every request that is known to make a whitelisted compiler run programs, write or read files goes to a real gate with
real boxes of every kind. Outside lie canaries: files and processes of the very user who runs the jobs, and sockets that
everybody may call.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from fakes import gate_program, hardened
from fakes.raw_client import Answer, Cut, RawClient, compile_raw, pump_request

from farmhand.distcc.protocol import request
from farmhand_agent.limits import priority

Gate = tuple[str, int]
"""Where a gate listens; it runs in a process of its own."""

SECRET = "the owner's secret"
SOURCE = b"int x;\n"
COMPILE = ("-c", "a.i", "-o", "a.o")
RUN_SOURCE = "/bin/sh,-c,for a; do case $a in *.i) exec {} $a;; esac; done"
"""A compiler wrapper that runs the source as a program, once for the compiler proper."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of box, and whose it is.

    Attributes:
        name: for `gate_program`.
        before: words before the gate's command.
        nobody: whether jobs run as nobody if we are root; otherwise as ourselves.
        walled: whether a box has namespaces of its own.
        scoped: whether signals are kept inside, not refused.
    """

    name: str
    before: Sequence[str] = ()
    nobody: bool = True
    walled: bool = False
    scoped: bool = True


KINDS = (
    Kind("bubblewrap", walled=True),
    Kind("landlock"),
    Kind("landlock4", hardened.HARDENED, nobody=False, scoped=False),
)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    if kind.before and (reason := hardened.why_not()):
        pytest.skip(reason)
    return kind


class Outside:
    """What must not be touched.

    Attributes:
        folder: where everybody may write; holds `secret`, which everybody may read, and the socket `unix`.
    """

    def __init__(self, owner: str | None) -> None:
        """Lay them out; they belong to `owner` if we are root."""
        self.folder = Path(tempfile.mkdtemp(prefix="canary-", dir="/tmp"))
        self.folder.chmod(0o777)
        self.secret = self.folder / "secret"
        self.secret.write_text(SECRET)
        self.secret.chmod(0o666)
        self.at_home = Path.home() / f".{self.folder.name}"
        self.at_home.write_text(SECRET)
        self.at_home.chmod(0o666)
        if owner is not None:
            shutil.chown(self.secret, owner)
            shutil.chown(self.at_home, owner)
        self._before = self._look()
        self.calls: list[str] = []
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(str(self.folder / "unix"))
        (self.folder / "unix").chmod(0o777)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind("\0" + self.folder.name)
        self.unix.listen()
        self.abstract.listen()
        for one in (self.tcp, self.unix, self.abstract):
            threading.Thread(target=self._listen, args=(one,), daemon=True).start()
        self.sleeper = subprocess.Popen(["sleep", "300"], user=owner)
        self._scheduled = self._look_at_sleeper()

    @property
    def port(self) -> int:
        return int(self.tcp.getsockname()[1])

    def check(self) -> None:
        """Fail if anything has been touched."""
        assert sorted(one.name for one in self.folder.iterdir()) == ["secret", "unix"]
        assert self.secret.read_text() == SECRET
        assert self.at_home.read_text() == SECRET
        assert self.calls == []
        assert self._look() == self._before
        assert self.sleeper.poll() is None
        assert self._look_at_sleeper() == self._scheduled

    def _look(self) -> list[tuple[int, ...]]:
        """What may be changed of files without opening them."""
        stats = [file.stat() for file in (self.secret, self.at_home)]
        return [(one.st_ino, one.st_mode, one.st_uid, one.st_gid, one.st_mtime_ns, one.st_ctime_ns) for one in stats]

    def _look_at_sleeper(self) -> tuple[object, ...]:
        """What may be changed of a process without touching it."""
        pid = self.sleeper.pid
        limits = Path(f"/proc/{pid}/limits").read_text()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid), limits, state in "Tt"

    def clear(self) -> None:
        """Take the canaries away."""
        for one in (self.tcp, self.unix, self.abstract):
            one.shutdown(socket.SHUT_RDWR)
            one.close()
        self.sleeper.kill()
        self.sleeper.wait()
        shutil.rmtree(self.folder)
        self.at_home.unlink()

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                self.calls.append(repr(caller.getsockname()))
                caller.close()


@pytest.fixture(scope="module")
def canaries(kind: Kind) -> Iterator[Outside]:
    made = Outside("nobody" if kind.nobody and os.getuid() == 0 else None)
    yield made
    made.clear()


@pytest.fixture
def outside(canaries: Outside) -> Iterator[Outside]:
    """The canaries, untouched before and after."""
    canaries.check()
    yield canaries
    canaries.check()


@pytest.fixture
def gate(kind: Kind) -> Iterator[Gate]:
    with gate_program.running(kind.name, kind.before) as address:
        yield address


async def run_inside(gate: Gate, program: str, interpreter: str = "python3 -I") -> Answer:
    """Run a program in the box and bring back what it prints."""
    argv = ["gcc", "-wrapper", RUN_SOURCE.format(interpreter), *COMPILE]
    return await compile_raw(gate, argv, program.encode())


async def ask_inside(gate: Gate, program: str) -> Any:
    """Run a Python program in the box that prints JSON."""
    answer = await run_inside(gate, program)
    assert answer.output, answer.errors
    return json.loads(answer.output)


async def send(gate: Gate, message: bytes, version: int = 1) -> Answer | None:
    """Send a request; None when it was refused by cutting the connection."""
    with await RawClient.open(gate) as client:
        await client.say(message)
        try:
            return await client.reply(version)
        except Cut:
            return None


async def files_inside(gate: Gate) -> list[str]:
    """What lies in the box's folder for temporary files."""
    return list(await ask_inside(gate, "import json, os; print(json.dumps(os.listdir(os.environ['TMPDIR'])))"))


# --- running programs -------------------------------------------------------
PLUGIN = """
#include <stdlib.h>
int plugin_is_GPL_compatible;
int plugin_init(void *info, void *version) { return 1; }
__attribute__((constructor)) static void begin(void) { system("%s"); }
"""


@pytest.fixture(scope="module")
def script(canaries: Outside) -> str:
    """What hostile code does: leave a mark inside, try everything outside, and fail so that an answer comes."""
    there = canaries.folder
    touch = f"touch {there}/ran {there}/secret {canaries.at_home}; chmod 0 {there}/secret {canaries.at_home}"
    return f"touch $TMPDIR/ran; cat {there}/secret; {touch}; rm -rf {there}/secret; false"


@pytest.fixture(scope="module")
def plugin(script: str) -> bytes:
    """A compiler plugin that runs the script as soon as it is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "evil.c").write_text(PLUGIN % script)
        subprocess.run(["gcc", "-shared", "-fPIC", "-s", "-o", "evil.so", "evil.c"], cwd=folder, check=True)
        return (Path(folder) / "evil.so").read_bytes()


def said(answer: Answer | None) -> bytes:
    """All that came back."""
    return b"" if answer is None else answer.errors.encode() + answer.output.encode() + answer.product


async def test_a_wrapper_runs_programs_but_only_inside(gate: Gate, outside: Outside, script: str) -> None:
    answer = await run_inside(gate, script, "sh")
    assert SECRET.encode() not in said(answer)
    assert "ran" in await files_inside(gate), "it did run"


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (["gcc", "-specs", "evil.specs"], True),
        (["gcc", "--specs=evil.specs"], True),
        (["gcc", "-specs=evil.specs"], False),
        (["gcc", "@evil.args"], True),
        (["gcc", "-fplugin=./evil.so"], False),
        (["gcc", "-B", "tools/"], None),
        (["clang", "-Xclang", "-load", "-Xclang", "./evil.so"], True),
        (["clang", "-fpass-plugin=./evil.so"], True),
        (["clang", "@evil.args"], True),
        (["clang", "--config", "evil.args"], None),
    ],
    ids=[f"attack {number}" for number in range(1, 11)],
)
async def test_shipped_programs_run_only_inside(
    gate: Gate, outside: Outside, script: str, plugin: bytes, words: list[str], runs: bool | None
) -> None:
    loads = b"-fplugin=./evil.so\n"
    files = [
        ("/src/a.c", SOURCE),
        ("/src/evil.args", loads),
        ("/src/evil.so", plugin),
        ("/src/evil.specs", b".c:\n  sh run.sh\n"),
        ("/src/run.sh", script.encode()),
        ("/src/tools/cc1", f"#!/bin/sh\n{script}\n".encode()),
    ]
    message = pump_request([*words, "-c", "a.c", "-o", "a.o"], files, "/src")
    answer = await send(gate, message, version=3)
    assert SECRET.encode() not in said(answer)
    ran = "ran" in await files_inside(gate)
    assert runs is None or ran is runs, said(answer)


# --- writing files ----------------------------------------------------------
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(
    "option",
    [
        "-MD -MF {}",
        "-aux-info {}",
        "-fdump-tree-original={}",
        "-Xassembler --MD -Xassembler {}",
        "-Xassembler -al={}",
        "-dumpdir {}/",
        "-save-temps={}",
        "-fprofile-arcs -fprofile-dir={}",
        "-o{} -c",
    ],
    ids=lambda text: text.split("{")[0],
)
async def test_options_that_write_write_nothing_outside(
    gate: Gate, outside: Outside, compiler: str, option: str
) -> None:
    for target in (outside.folder / "written", outside.at_home, outside.secret):
        await send(gate, request([compiler, *option.format(target).split(), *COMPILE], SOURCE))


@pytest.mark.parametrize("up", ["..", "../..", "../../../../../../../.."])
async def test_names_that_climb_out_of_pump_modes_folder_stay_inside(gate: Gate, outside: Outside, up: str) -> None:
    """distccd writes such a file and deletes it afterwards: of whatever it can reach."""
    for target in (outside.secret, outside.folder / "written", outside.at_home):
        message = pump_request(["gcc", "-c", "a.c", "-o", "a.o"], [("a.c", SOURCE), (f"{up}{target}", b"x")])
        await send(gate, message, version=3)


# --- reading files ----------------------------------------------------------
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("which", ["secret", "at_home", "/etc/passwd", "/etc/hostname", "/proc/1/environ"])
async def test_no_file_of_the_owner_comes_back(gate: Gate, outside: Outside, compiler: str, which: str) -> None:
    path = {"secret": str(outside.secret), "at_home": str(outside.at_home)}.get(which, which)
    known = SECRET.encode() if which in ("secret", "at_home") else _some_of(Path(which))
    incbin = f'asm(".section .k,\\"a\\"\\n.incbin \\"{path}\\"");\n'.encode()
    attempts = [
        request([compiler, *COMPILE], incbin),
        request([compiler, "-x", "c", "-include", path, *COMPILE], SOURCE),
        request([compiler, "-x", "c", *COMPILE], f'#include "{path}"\n'.encode()),
        request([compiler, f"@{path}", *COMPILE], SOURCE),
    ]
    for attempt in attempts:
        assert known not in said(await send(gate, attempt))
    assert known not in said(await run_inside(gate, f"cat {path}", "sh"))


def _some_of(path: Path) -> bytes:
    """A piece of a file that would betray it."""
    try:
        return path.read_bytes()[:40].strip() or b"never there"
    except OSError:
        return b"never there"


# --- reaching out -----------------------------------------------------------
REACH = """
import json, os, socket, sys
found = {{}}
def attempt(name, family, address):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.settimeout(2)
            one.connect(address)
        found[name] = "reached"
    except OSError as wrong:
        found[name] = type(wrong).__name__
attempt("tcp", socket.AF_INET, ("127.0.0.1", {port}))
attempt("all addresses", socket.AF_INET, ("{own}", {port}))
attempt("network", socket.AF_INET, ("192.0.2.1", 80))
attempt("unix", socket.AF_UNIX, "{folder}/unix")
attempt("abstract", socket.AF_UNIX, "\\0{name}")
for display in range(3):
    attempt(f"X{{display}} abstract", socket.AF_UNIX, f"\\0/tmp/.X11-unix/X{{display}}")
    attempt(f"X{{display}}", socket.AF_UNIX, f"/tmp/.X11-unix/X{{display}}")
attempt("system bus", socket.AF_UNIX, "/run/dbus/system_bus_socket")
for uid in (0, 1000, {uid}):
    attempt(f"session bus {{uid}}", socket.AF_UNIX, f"/run/user/{{uid}}/bus")
print(json.dumps(found))
"""


def own_address() -> str:
    """An IPv4 address of this machine, not of the loopback if it has another."""
    found = [one.address for card in psutil.net_if_addrs().values() for one in card if one.family == socket.AF_INET]
    return next((address for address in found if not address.startswith("127.")), "127.0.0.1")


async def test_nothing_that_listens_outside_can_be_reached(gate: Gate, outside: Outside, kind: Kind) -> None:
    own = own_address()
    program = REACH.format(port=outside.port, own=own, folder=outside.folder, name=outside.folder.name, uid=os.getuid())
    found = await ask_inside(gate, program)
    assert "reached" not in found.values(), found
    if kind.walled:
        assert found["network"] == "OSError", "there is no route"
    else:
        assert set(found.values()) == {"OSError"}, "there are no sockets"


KILL = """
import json, os
told = {{}}
for pid in ({agent}, {sleeper}):
    try:
        os.kill(pid, 9)
        told[pid] = "killed"
    except OSError as wrong:
        told[pid] = type(wrong).__name__
print(json.dumps(told))
"""


async def test_processes_outside_cannot_be_killed(gate: Gate, outside: Outside, kind: Kind) -> None:
    told = await ask_inside(gate, KILL.format(agent=os.getpid(), sleeper=outside.sleeper.pid))
    assert set(told.values()) == {"ProcessLookupError" if kind.walled else "PermissionError"}


SYSCALLS = """
import ctypes, errno, json, os
libc = ctypes.CDLL(None, use_errno=True)
own = os.environb[b"TMPDIR"]
def attempt(name, *arguments):
    done = getattr(libc, name)(*arguments)
    return "done" if done == 0 else errno.errorcode[ctypes.get_errno()]
told = {
    "new user namespace": attempt("unshare", 0x10000000),
    "new mount namespace": attempt("unshare", 0x00020000),
    "new pid namespace": attempt("unshare", 0x20000000),
    "mount": attempt("mount", b"none", own, b"tmpfs", 0, None),
    "remount": attempt("mount", b"none", b"/", b"", 32, None),
    "umount": attempt("umount2", own, 2),
    "chroot": attempt("chroot", own),
    "sethostname": attempt("sethostname", b"evil", 4),
    "swapoff": attempt("swapoff", b"/dev/sda"),
    "reboot": attempt("reboot", 0x0),
    "become root": attempt("setuid", 0),
    "mknod": attempt("mknod", own + b"/mem", 0o20666, 0x0101),
}
print(json.dumps(told))
"""


async def test_the_kernel_grants_nothing_that_opens_a_box(gate: Gate, outside: Outside) -> None:
    told = await ask_inside(gate, SYSCALLS)
    assert "done" not in told.values(), told


CLIMB = """
import json, os
def attempt(what):
    try:
        what()
        return "done"
    except OSError as wrong:
        return os.strerror(wrong.errno)
def lift():
    with open("/proc/self/autogroup", "w") as file:
        file.write("0")
tried = {"own session": attempt(os.setsid), "autogroup": attempt(lift), "nice": attempt(lambda: os.nice(-1))}
try:
    now = open("/proc/self/autogroup").read().split()[-1] + f" {os.nice(0)}"
except OSError:
    now = "cannot be told"
print(json.dumps({**tried, "now": now}))
"""


@pytest.mark.skipif(not priority.autogroups(), reason="this kernel does not group by session")
async def test_a_job_cannot_leave_its_low_priority(gate: Gate, outside: Outside, kind: Kind) -> None:
    told = await ask_inside(gate, CLIMB)
    assert told.pop("now") == ("19 0" if kind.walled else "cannot be told")
    assert "done" not in told.values(), told


TAMPER = """
import ctypes, errno, fcntl, json, os, resource, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
secret, home, pid = {secret!r}, {at_home!r}, {sleeper}
told = {{}}
def attempt(name, call, *arguments):
    try:
        call(*arguments)
        told[name] = "done"
    except OSError as wrong:
        told[name] = errno.errorcode[wrong.errno]
def c(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")
def by_descriptor(path):
    os.fchmod(os.open(path, os.O_PATH), 0o777)
for path in (secret, home):
    attempt("chmod " + path, os.chmod, path, 0o777)
    attempt("fchmod " + path, by_descriptor, path)
    attempt("chown " + path, os.chown, path, -1, os.getgid())
    attempt("utime " + path, os.utime, path)
    attempt("truncate " + path, os.truncate, path, 0)
    attempt("setxattr " + path, os.setxattr, path, "user.farm", b"x")
    attempt("listxattr " + path, os.listxattr, path)
    attempt("rename " + path, os.rename, path, os.environ["TMPDIR"] + "/mine")
    attempt("link " + path, os.link, path, os.environ["TMPDIR"] + "/mine")
    attempt("unlink " + path, os.unlink, path)
    attempt("watch " + path, lambda path: c("inotify_add_watch", libc.inotify_init1(0), path.encode(), 0xfff), path)
attempt("stop", os.kill, pid, signal.SIGSTOP)
attempt("kill the group", os.killpg, pid, signal.SIGKILL)
attempt("queue a signal", lambda: c("sigqueue", pid, 9, None))
attempt("kill by pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 9))
attempt("signal by news", lambda: [fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, pid)])
attempt("renice", os.setpriority, os.PRIO_PROCESS, pid, 19)
attempt("renice all", os.setpriority, os.PRIO_USER, os.getuid(), 19)
attempt("bind to a core", os.sched_setaffinity, pid, [0])
attempt("schedule", os.sched_setscheduler, pid, os.SCHED_BATCH, os.sched_param(0))
attempt("limit", resource.prlimit, pid, resource.RLIMIT_NOFILE, (3, 3))
attempt("shed the mark", lambda: c("setrlimit", resource.RLIMIT_RTTIME, (ctypes.c_ulong * 2)(7, 7)))
attempt("attach", lambda: c("ptrace", 16, pid, None, None))
attempt("read memory", lambda: open(f"/proc/{{pid}}/mem"))
attempt("shared memory", lambda: c("shmget", 0, 4096, 0o1777))
attempt("message queue", lambda: c("msgget", 0, 0o1777))
attempt("semaphores", lambda: c("semget", 0, 1, 0o1777))
attempt("new session", os.setsid)
attempt("pair of sockets", socket.socketpair)
attempt("datagrams", socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
attempt("multipath TCP", socket.socket, socket.AF_INET, socket.SOCK_STREAM, 262)
attempt("server", socket.create_server, ("127.0.0.1", 0))
print(json.dumps(told))
"""


async def test_nothing_of_the_owners_can_be_tampered_with(gate: Gate, outside: Outside, kind: Kind) -> None:
    """Without namespaces the owner's things have the names that they have outside; with them, they are not there."""
    program = TAMPER.format(secret=str(outside.secret), at_home=str(outside.at_home), sleeper=outside.sleeper.pid)
    told = await ask_inside(gate, program)
    outside.check()
    if not kind.walled:
        assert "done" not in told.values(), told


# --- what a box is made of --------------------------------------------------
PROBE = """
import ctypes, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def listing(folder):
    try:
        return sorted(os.listdir(folder))
    except OSError as wrong:
        return [type(wrong).__name__]
def may_write(folder):
    try:
        os.rmdir(os.mkdir(folder + "/trial") or folder + "/trial")
        return True
    except OSError:
        return False
def text(path):
    try:
        return open(path).read()
    except OSError:
        return ""
def descriptor(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        return ""
status = dict(line.split(":\\t", 1) for line in text("/proc/self/status").splitlines() if ":\\t" in line)
own = os.environ["TMPDIR"]
folders = ["/", "/etc", "/usr", "/dev", "/tmp", "/dev/shm", os.path.dirname(own), own, "/proc", "/bin", "/lib"]
folders += [at for at, *_ in os.walk("/dev")]
print(json.dumps({
    "listed": {at: listing(at) for at in ("/", "/etc", "/home", "/root", "/run", "/tmp", "/var", "/sys", "/proc")},
    "status": {key: value.strip() for key, value in status.items()},
    "no new privileges": libc.prctl(39, 0, 0, 0, 0),
    "filter": libc.prctl(21, 0, 0, 0, 0),
    "uids": sorted(set(os.getresuid())),
    "groups": os.getgroups(),
    "own": own,
    "writable": sorted({folder for folder in folders if may_write(folder)}),
    "commands": sorted({text(f"/proc/{pid}/comm").strip() for pid in listing("/proc") if pid.isdigit()}),
    "interfaces": [line.split(":")[0].strip() for line in text("/proc/net/dev").splitlines()[2:]],
    "routes": len(text("/proc/net/route").splitlines()) - 1,
    "environment": sorted(os.environ),
    "devices": listing("/dev"),
    "host": socket.gethostname(),
    "descriptors": [descriptor(number) for number in range(1024)],
}))
"""


async def test_a_box_holds_what_a_compiler_needs_and_nothing_else(gate: Gate, outside: Outside, kind: Kind) -> None:
    seen = await ask_inside(gate, PROBE)
    assert seen["no new privileges"] == 1
    assert seen["filter"] == 2, "system calls are filtered"
    assert seen["uids"] != [0]
    assert seen["writable"] == [seen["own"]]
    for name in ("SSH_AUTH_SOCK", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "USER", "LOGNAME"):
        assert name not in seen["environment"]
    for one in filter(None, seen["descriptors"]):
        assert one.startswith((seen["own"] + "/", "/dev/null", "/proc/", "socket:", "pipe:")), one
    (_check_walled if kind.walled else _check_alone)(seen)


def _check_walled(seen: Mapping[str, Any]) -> None:
    """A box with namespaces has a system of its own."""
    system = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr"}
    assert set(seen["listed"]["/"]) <= system
    assert set(seen["listed"]["/etc"]) <= {"alternatives", "ld.so.cache"}
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert seen["status"][name] == "0000000000000000"
    assert set(seen["commands"]) <= {"bwrap", "distccd", "gcc", "sh", "python3", "python3.11"}
    assert (seen["interfaces"], seen["routes"]) == (["lo"], 0)
    assert seen["host"] == "farm"
    harmless = {"console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm"}
    assert set(seen["devices"]) <= harmless | {"stderr", "stdin", "stdout", "tty", "urandom", "zero"}


def _check_alone(seen: Mapping[str, Any]) -> None:
    """A box without namespaces is on the owner's system, of which it can list and read nothing."""
    hidden = {tuple(names) for names in seen["listed"].values()} | {tuple(seen["devices"])}
    assert hidden <= {("PermissionError",), ("FileNotFoundError",)}
    assert (seen["status"], seen["commands"], seen["interfaces"]) == ({}, [], [])
    assert seen["groups"] in ([], [65534], [1000]) or os.getuid() != 0


BOMB = """
import os, time
count = 0
try:
    while count < 2000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except OSError:
    print(count)
"""


async def test_a_fork_bomb_hurts_its_tenant_only(gate: Gate, outside: Outside, kind: Kind) -> None:
    if not kind.nobody and os.getuid() == 0:
        pytest.skip("the kernel puts no limit on the processes of root, who plays the ordinary user here")
    assert 20 < int((await run_inside(gate, BOMB)).output) < (200 if kind.walled else 1000)
    assert (await _from_another_address(gate, "print('fine')")).strip() == "fine"


async def test_tenants_do_not_see_each_other(gate: Gate, outside: Outside) -> None:
    """The second one comes from another address, so it is another identity with another box."""
    await run_inside(gate, "touch $TMPDIR/first-was-here", "sh")
    other = await _from_another_address(gate, "import os, json; print(json.dumps(os.listdir(os.environ['TMPDIR'])))")
    assert "first-was-here" not in other
    assert "first-was-here" in await files_inside(gate)


PEEP = """
import os
for attempt in (os.listdir, lambda at: open(at + "/secret").read(), lambda at: open(at + "/mine", "w"), os.rmdir):
    try:
        print(attempt({folder!r}))
    except OSError as wrong:
        print(type(wrong).__name__)
"""


async def test_a_tenant_who_knows_where_anothers_files_are_cannot_reach_them(gate: Gate, kind: Kind) -> None:
    folder = (await run_inside(gate, "echo hidden > $TMPDIR/secret; echo $TMPDIR", "sh")).output.strip()
    seen = (await _from_another_address(gate, PEEP.format(folder=folder))).splitlines()
    assert "hidden" not in " ".join(seen)
    if not kind.walled:  # with walls, both see a /tmp of their own
        assert seen == ["PermissionError"] * 4
    assert sorted(await files_inside(gate))[-1] == "secret"


async def _from_another_address(gate: Gate, program: str) -> str:
    connection = socket.socket()
    connection.bind(("127.0.0.2", 0))
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, gate)
    with RawClient(connection) as client:
        await client.say(request(["gcc", "-wrapper", RUN_SOURCE.format("python3 -I"), *COMPILE], program.encode()))
        return (await client.reply()).output


FILL = """
import errno, os
try:
    with open(os.environ["TMPDIR"] + "/big", "wb") as big:
        big.write(bytes(100 << 20))
except OSError as wrong:
    os.unlink(os.environ["TMPDIR"] + "/big")
    print(errno.errorcode[wrong.errno])
"""


async def test_a_full_tmp_hurts_its_tenant_only(gate: Gate, outside: Outside, kind: Kind) -> None:
    assert (await run_inside(gate, FILL)).output.strip() == ("ENOSPC" if kind.walled else "EFBIG")
    assert (await _from_another_address(gate, "print('fine')")).strip() == "fine"
