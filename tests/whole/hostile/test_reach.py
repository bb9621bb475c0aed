"""Code in a box reaches nobody outside and changes nothing of theirs."""

from __future__ import annotations

import os
import socket

import psutil
import pytest
from fakes.hostile_client import ATTEMPTS, Gate, Kind, ask_inside
from fakes.outside import Outside

from farmhand_agent.limits import priority

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
import fcntl, resource, signal
secret, home, pid = {secret!r}, {at_home!r}, {sleeper}
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
attempt("new session", os.setsid)
attempt("datagrams", socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
attempt("multipath TCP", socket.socket, socket.AF_INET, socket.SOCK_STREAM, 262)
attempt("server", socket.create_server, ("127.0.0.1", 0))
print(json.dumps(told))
"""


async def test_nothing_of_the_owners_can_be_tampered_with(gate: Gate, outside: Outside, kind: Kind) -> None:
    """Without namespaces the owner's things have the names that they have outside; with them, they are not there."""
    program = ATTEMPTS + TAMPER.format(
        secret=str(outside.secret), at_home=str(outside.at_home), sleeper=outside.sleeper.pid
    )
    told = await ask_inside(gate, program)
    outside.check()
    if not kind.walled:
        assert "done" not in told.values(), told
