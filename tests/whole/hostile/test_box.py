"""What code finds in a box: what a compiler needs, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fakes.gate_program import TOKEN
from fakes.hostile_client import Gate, Kind, ask_inside
from fakes.outside import Outside

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


SEARCH = """
import json, os, re
token = bytes(reversed({backwards!r}))
read, found = [], []
def look(pid, what, content):
    read.append(f"{{what}} of {{pid}}")
    if token in content:
        found.append(read[-1])
def memory(pid):
    with open(f"/proc/{{pid}}/maps") as maps, open(f"/proc/{{pid}}/mem", "rb", 0) as held:
        for start, end in re.findall(r"^(\\w+)-(\\w+) r", maps.read(), re.M):
            try:
                held.seek(int(start, 16))
                look(pid, "memory", held.read(int(end, 16) - int(start, 16)))
            except (OSError, OverflowError):
                pass  # what the kernel itself shows there
def attempt(call, *arguments):
    try:
        return call(*arguments)
    except OSError:
        return b""
def content(path):
    with open(path, "rb") as file:
        return file.read()
pids = [int(name) for name in attempt(os.listdir, "/proc") if str(name).isdigit()]
pids = pids or [1, {agent}, os.getppid()]
for pid in pids:
    for what in ("environ", "cmdline", "auxv", "maps", "mountinfo", "cgroup", "status"):
        look(pid, what, attempt(content, f"/proc/{{pid}}/{{what}}"))
    for what in ("cwd", "root", "exe", *(f"fd/{{number}}" for number in range(32))):
        look(pid, what, os.fsencode(attempt(os.readlink, f"/proc/{{pid}}/{{what}}")))
    if pid != os.getpid():
        attempt(memory, pid)
look(os.getpid(), "variables", str(os.environ).encode())
print(json.dumps({{"read": read, "found": found}}))
"""


async def test_nothing_of_the_owners_session_is_left_in_any_process_of_a_box(gate: Gate, kind: Kind) -> None:
    """bubblewrap lives on inside, and jobs may read its memory."""
    seen = await ask_inside(gate, SEARCH.format(backwards=TOKEN.encode()[::-1], agent=os.getpid()))
    assert seen["found"] == []
    if kind.walled:
        assert {"environ of 1", "memory of 1"} <= set(seen["read"])
