"""What a client that may compile here can do to the machine: nothing, whatever it sends.

Every request that is known to make a whitelisted compiler run programs, write or read files goes to a real gate with
real boxes. Outside lie canaries: files that everybody may read and write, and sockets that everybody may call.
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
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from fakes.raw_client import Answer, Cut, RawClient, compile_raw, pump_request

from farmhand.distcc.protocol import request
from farmhand_agent import priority
from farmhand_agent.admission import Admission
from farmhand_agent.box import Box, BoxPlan
from farmhand_agent.gate import Gate, Patience

SECRET = "the owner's secret"
SOURCE = b"int x;\n"
COMPILE = ("-c", "a.i", "-o", "a.o")
RUN_SOURCE = "/bin/sh,-c,for a; do case $a in *.i) exec {} $a;; esac; done"
"""A compiler wrapper that runs the source as a program, once for the compiler proper."""


class Outside:
    """What must not be touched.

    Attributes:
        folder: where everybody may write; holds `secret`, which everybody may read, and the socket `unix`.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="canary-", dir="/tmp"))
        self.folder.chmod(0o777)
        self.secret = self.folder / "secret"
        self.secret.write_text(SECRET)
        self.secret.chmod(0o666)
        self.at_home = Path.home() / f".{self.folder.name}"
        self.at_home.write_text(SECRET)
        self.at_home.chmod(0o666)
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
        self.sleeper = subprocess.Popen(["sleep", "300"], user="nobody" if os.getuid() == 0 else None)

    @property
    def port(self) -> int:
        return int(self.tcp.getsockname()[1])

    def check(self) -> None:
        """Fail if anything has been touched."""
        assert sorted(one.name for one in self.folder.iterdir()) == ["secret", "unix"]
        assert self.secret.read_text() == SECRET
        assert self.at_home.read_text() == SECRET
        assert self.calls == []
        assert self.sleeper.poll() is None

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
def canaries() -> Iterator[Outside]:
    made = Outside()
    yield made
    made.clear()


@pytest.fixture
def outside(canaries: Outside) -> Iterator[Outside]:
    """The canaries, untouched before and after."""
    canaries.check()
    yield canaries
    canaries.check()


@pytest.fixture
async def gate() -> AsyncIterator[Gate]:
    opened = Gate(
        lambda: Box.start(BoxPlan(2, 64)), Admission.of("desk", bytes(32), ["127.0.0.1"]), Patience(), lambda: None
    )
    await opened.open("127.0.0.1", 0, 2)
    yield opened
    opened.shut()
    async with asyncio.timeout(10):
        await opened.gone()


def address(gate: Gate) -> tuple[str, int]:
    assert gate.address is not None
    return gate.address


async def run_inside(gate: Gate, program: str, interpreter: str = "python3 -I") -> Answer:
    """Run a program in the box and bring back what it prints."""
    argv = ["gcc", "-wrapper", RUN_SOURCE.format(interpreter), *COMPILE]
    return await compile_raw(address(gate), argv, program.encode())


async def ask_inside(gate: Gate, program: str) -> Any:
    """Run a Python program in the box that prints JSON."""
    answer = await run_inside(gate, program)
    assert answer.output, answer.errors
    return json.loads(answer.output)


async def send(gate: Gate, message: bytes, version: int = 1) -> Answer | None:
    """Send a request; None when it was refused by cutting the connection."""
    with await RawClient.open(address(gate)) as client:
        await client.say(message)
        try:
            return await client.reply(version)
        except Cut:
            return None


async def files_inside(gate: Gate) -> list[str]:
    """What lies in the box's /tmp."""
    return list(await ask_inside(gate, "import json, os; print(json.dumps(os.listdir('/tmp')))"))


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
    return f"touch /tmp/ran; cat {there}/secret; touch {there}/ran {canaries.at_home}; rm -rf {there}/secret; false"


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


async def test_nothing_that_listens_outside_can_be_reached(gate: Gate, outside: Outside) -> None:
    own = own_address()
    program = REACH.format(port=outside.port, own=own, folder=outside.folder, name=outside.folder.name, uid=os.getuid())
    found = await ask_inside(gate, program)
    assert "reached" not in found.values(), found
    assert found["network"] == "OSError", "there is no route"


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


async def test_processes_outside_cannot_be_seen_or_killed(gate: Gate, outside: Outside) -> None:
    told = await ask_inside(gate, KILL.format(agent=os.getpid(), sleeper=outside.sleeper.pid))
    assert told[str(os.getpid())] == told[str(outside.sleeper.pid)] == "ProcessLookupError"


SYSCALLS = """
import ctypes, errno, json, os
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, *arguments):
    done = getattr(libc, name)(*arguments)
    return "done" if done == 0 else errno.errorcode[ctypes.get_errno()]
told = {
    "new user namespace": attempt("unshare", 0x10000000),
    "new mount namespace": attempt("unshare", 0x00020000),
    "new pid namespace": attempt("unshare", 0x20000000),
    "mount": attempt("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "remount": attempt("mount", b"none", b"/", b"", 32, None),
    "umount": attempt("umount2", b"/tmp", 2),
    "chroot": attempt("chroot", b"/tmp"),
    "sethostname": attempt("sethostname", b"evil", 4),
    "swapoff": attempt("swapoff", b"/dev/sda"),
    "reboot": attempt("reboot", 0x0),
    "become root": attempt("setuid", 0),
    "mknod": attempt("mknod", b"/tmp/mem", 0o20666, 0x0101),
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
print(json.dumps({**tried, "now": open("/proc/self/autogroup").read().split()[-1] + f" {os.nice(0)}"}))
"""


@pytest.mark.skipif(not priority.autogroups(), reason="this kernel does not group by session")
async def test_a_job_cannot_leave_its_low_priority(gate: Gate, outside: Outside) -> None:
    told = await ask_inside(gate, CLIMB)
    assert told.pop("now") == "19 0"
    assert "done" not in told.values(), told


# --- what a box is made of --------------------------------------------------
PROBE = """
import json, os, socket
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
def may_write(folder):
    try:
        os.rmdir(os.mkdir(folder + "/trial") or folder + "/trial")
        return True
    except OSError:
        return False
folders = [at for top in ("/", "/etc", "/usr", "/dev", "/tmp", "/proc", "/bin", "/lib") for at, _, _ in [(top, 0, 0)]]
folders += [at for at, *_ in os.walk("/dev")]
commands = []
for pid in os.listdir("/proc"):
    if pid.isdigit():
        commands.append(open(f"/proc/{pid}/comm").read().strip())
print(json.dumps({
    "root": sorted(os.listdir("/")),
    "etc": sorted(os.listdir("/etc")),
    "capabilities": {key: status[key].strip() for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
    "no new privileges": status["NoNewPrivs"].strip(),
    "uids": sorted(set(status["Uid"].split())),
    "writable": sorted({folder for folder in folders if may_write(folder)}),
    "commands": sorted(set(commands)),
    "filter": status["Seccomp"].strip(),
    "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]],
    "routes": len(open("/proc/net/route").read().splitlines()) - 1,
    "environment": sorted(os.environ),
    "devices": sorted(os.listdir("/dev")),
    "host": socket.gethostname(),
    "descriptors": [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                    if os.path.exists(f"/proc/self/fd/{fd}")],
}))
"""


async def test_a_box_holds_what_a_compiler_needs_and_nothing_else(gate: Gate, outside: Outside) -> None:
    seen = await ask_inside(gate, PROBE)
    system = {"bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr"}
    assert set(seen["root"]) <= system
    assert set(seen["etc"]) <= {"alternatives", "ld.so.cache"}
    assert set(seen["capabilities"].values()) == {"0000000000000000"}
    assert seen["no new privileges"] == "1"
    assert seen["filter"] == "2", "system calls are filtered"
    assert seen["uids"] != ["0"]
    assert seen["writable"] == ["/tmp"]
    assert set(seen["commands"]) <= {"bwrap", "distccd", "gcc", "sh", "python3", "python3.11"}
    assert (seen["interfaces"], seen["routes"]) == (["lo"], 0)
    assert seen["host"] == "farm"
    harmless = {"console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm"}
    assert set(seen["devices"]) <= harmless | {"stderr", "stdin", "stdout", "tty", "urandom", "zero"}
    for name in ("SSH_AUTH_SOCK", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "USER", "LOGNAME"):
        assert name not in seen["environment"]
    for one in seen["descriptors"]:
        assert one.startswith(("/tmp/", "/dev/null", "/proc/", "socket:", "pipe:")), one


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


async def test_a_fork_bomb_hurts_its_tenant_only(gate: Gate, outside: Outside) -> None:
    gate.revise(Admission.of("desk", bytes(32), ["127.0.0.0/8"]))
    assert 20 < int((await run_inside(gate, BOMB)).output) < 200
    assert (await _from_another_address(gate, "print('fine')")).strip() == "fine"


async def test_tenants_do_not_see_each_other(gate: Gate, outside: Outside) -> None:
    """The second one comes from another address, so it is another identity with another box."""
    gate.revise(Admission.of("desk", bytes(32), ["127.0.0.0/8"]))
    await run_inside(gate, "touch /tmp/first-was-here", "sh")
    other = await _from_another_address(gate, "import os, json; print(json.dumps(os.listdir('/tmp')))")
    assert "first-was-here" not in other
    assert "first-was-here" in await files_inside(gate)


async def _from_another_address(gate: Gate, program: str) -> str:
    connection = socket.socket()
    connection.bind(("127.0.0.2", 0))
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, address(gate))
    with RawClient(connection) as client:
        await client.say(request(["gcc", "-wrapper", RUN_SOURCE.format("python3 -I"), *COMPILE], program.encode()))
        return (await client.reply()).output


FILL = """
import os
try:
    with open("/tmp/big", "wb") as big:
        big.write(bytes(100 << 20))
except OSError as wrong:
    os.unlink("/tmp/big")
    print(wrong.errno)
"""


async def test_a_full_tmp_hurts_its_tenant_only(gate: Gate, outside: Outside) -> None:
    gate.revise(Admission.of("desk", bytes(32), ["127.0.0.0/8"]))
    assert (await run_inside(gate, FILL, "python3 -I")).output.strip() == "28"
    assert (await _from_another_address(gate, "print('fine')")).strip() == "fine"
