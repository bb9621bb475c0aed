"""The box as a command line: which sandbox, what is visible in it, which distccd runs inside.

Whoever may submit a compile may run any program as distccd's user (`-wrapper`, `-specs`, `-B`, plug-ins), so the
compiler's options are no boundary: this command line is. Inside there is /usr read-only, a bounded /tmp, no network but
the box's own loopback, no capabilities, no way to make new user namespaces, nobody else's processes, no system call
that no compiler needs (see `seccomp`), and bounds to how many processes and open files there may be.

bubblewrap itself stays inside as the first process, where jobs may read its memory. So it is started bare: whatever of
the owner's session it had, tokens in variables above all, jobs would have, too.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from farmhand_agent.boxes import seccomp

BOX_PORT = 3632
"""distccd's port on the box's own loopback."""

NOBODY = "nobody"
"""Who runs the boxes of an agent that runs as root: bubblewrap then needs no privilege of root's."""

OPEN_FILES = 1024
"""File descriptors that one process in a box may have."""

PROCESSES = 64
PROCESSES_PER_SLOT = 32
"""Processes and threads that a box may have. A job needs about four; linking in one step needs more."""

NO_CORE = 1
"""Bytes of a core file: none is so small; where the kernel hands cores to a program, this very number forbids that."""

NO_HURRY = ("--rtprio=0", "--nice=0")
"""Owners who make music may often take realtime priority: a job that could would run before all else, cells or not."""

_SYSTEM = ("/bin", "/lib", "/lib64", "/lib32", "/libx32", "/sbin")


def box_command(
    slots: int,
    scratch_mib: int,
    toolchains: Sequence[str],
    info_fd: int,
    filter_fd: int,
    process_mib: int = 0,
    root: Path = Path("/"),
) -> list[str]:
    """Write the command that runs one box.

    Args:
        slots: compile jobs at once.
        scratch_mib: size of /tmp in MiB.
        toolchains: folders outside /usr that the owner opened for reading.
        info_fd: file descriptor to which bubblewrap writes who runs inside, as JSON.
        filter_fd: file descriptor from which it reads the filter of system calls; see `system_call_filter`.
        process_mib: memory in MiB that one process may take; 0: whatever there is.
        root: where the system's folders are looked for.

    Returns:
        The argument vector.
    """
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": "/tmp", "HOME": "/tmp", "LANG": "C.UTF-8"}
    command = ["bwrap", "--unshare-user", "--disable-userns", "--unshare-all", "--die-with-parent", "--new-session"]
    command += ["--clearenv", *(word for pair in environment.items() for word in ("--setenv", *pair))]
    command += ["--ro-bind", "/usr", "/usr", *_system_folders(root)]
    for path in ("/etc/alternatives", "/etc/ld.so.cache"):
        command += ["--ro-bind-try", path, path]
    for folder in toolchains:
        command += ["--ro-bind-try", folder, folder]
    command += ["--proc", "/proc", "--remount-ro", "/proc"]  # a job could write its session's priority there
    command += ["--dev", "/dev", "--dev-bind", "/dev/full", "/dev/zero"]  # as many zeros, but no memory to share
    command += ["--remount-ro", "/dev"]
    command += ["--size", str(scratch_mib << 20), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp"]
    command += ["--cap-drop", "ALL", "--hostname", "farm", "--info-fd", str(info_fd)]
    if seccomp.program(platform.machine()):
        command += ["--seccomp", str(filter_fd)]
    return [*command, "--", *bounds(slots, scratch_mib, process_mib), *distccd_command(slots)]


def bounds(slots: int, scratch_mib: int, process_mib: int = 0, release: str | None = None) -> list[str]:
    """Write the command in front of distccd's that bounds what it and its jobs may take, for `slots` jobs at once.

    Args:
        slots: compile jobs at once.
        scratch_mib: size in MiB of the largest file that is possible: what /tmp holds. Others would lie in no /tmp.
        process_mib: memory in MiB that one process may take; 0: whatever there is.
        release: of the kernel; None: the running one. Before 5.14 all processes of a user counted, the owner's too, so
            there the number of processes is left alone.
    """
    command = ["prlimit", f"--nofile={OPEN_FILES}", f"--core={NO_CORE}", f"--fsize={scratch_mib << 20}", *NO_HURRY]
    major, minor = (int(part) for part in (release or platform.release()).split("-")[0].split(".")[:2])
    if (major, minor) >= (5, 14):
        command.append(f"--nproc={PROCESSES + slots * PROCESSES_PER_SLOT}")
    if process_mib:
        command.append(f"--as={process_mib << 20}")
    return [*command, "--"]


@contextmanager
def system_call_filter() -> Generator[int]:
    """Hold the filter of system calls in a file without a name; yield its descriptor, to be read once."""
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, seccomp.program(platform.machine()))
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def distccd_command(slots: int) -> list[str]:
    """Write the command that runs stock distccd in the foreground inside a box, for `slots` jobs at once."""
    command = ["distccd", "--daemon", "--no-detach", "--port", str(BOX_PORT), "--listen", "127.0.0.1"]
    command += ["--allow", "127.0.0.1", "--jobs", str(slots), "--nice", "0"]
    return [*command, "--log-stderr", "--log-level", "critical"]


def why_unusable(patience: float = 10.0) -> str:
    """Try the sandbox for real.

    Args:
        patience: seconds after which a sandbox that does not end counts as unusable.

    Returns:
        "" when a box can be made here, else what is missing and how to mend it.
    """
    if problem := _why_missing("bwrap", "bubblewrap") or why_no_distccd():
        return problem
    try:
        done = _try_out(patience)
    except subprocess.TimeoutExpired:
        return f"bubblewrap did not answer in {patience:g} s; try `bwrap --ro-bind / / true`"
    except OSError as wrong:
        return f"bubblewrap does not start: {wrong}"
    if done.returncode == 0:
        return ""
    return f"bubblewrap cannot make a sandbox here ({done.stderr.strip() or 'no reason given'}); {_remedy()}"


def why_no_distccd() -> str:
    """Say what keeps distccd from serving here, whatever the sandbox, and how to mend it; "" when nothing does."""
    if problem := _why_missing("distccd", "distcc"):
        return problem
    if not Path("/usr/lib/distcc").is_dir():
        return "distccd would accept no compiler: /usr/lib/distcc is missing; run update-distcc-symlinks"
    return ""


def _why_missing(program: str, package: str) -> str:
    return "" if shutil.which(program) else f"{program} is not installed; on Debian and Ubuntu: apt install {package}"


def _try_out(patience: float) -> subprocess.CompletedProcess[str]:
    """Run `true` in a box."""
    with system_call_filter() as filter_fd:
        command = box_command(1, 64, (), 1, filter_fd)
        command = [*command[: len(command) - len(distccd_command(1))], "true"]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=patience, check=False, pass_fds=[filter_fd], **bare()
        )


def bare() -> dict[str, Any]:
    """The keyword arguments of `subprocess` that start bubblewrap with nothing of its maker's, root least of all.

    Raises:
        FileNotFoundError: there is no bubblewrap where the owner's programs are.
    """
    program = shutil.which("bwrap")  # by the owner's PATH, which does not go along
    if program is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "bwrap")
    apart: dict[str, Any] = {"executable": program, "env": {}, "cwd": "/"}
    return {**apart, "user": NOBODY, "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else apart


def _system_folders(root: Path) -> list[str]:
    """Show /bin, /lib and their like the way the machine has them: links into /usr, or folders of their own."""
    words: list[str] = []
    for path in _SYSTEM:
        there = root / path.lstrip("/")
        if there.is_symlink():
            words += ["--symlink", os.readlink(there), path]
        elif there.is_dir():
            words += ["--ro-bind", path, path]
    return words


def _remedy() -> str:
    if Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").exists():
        return "this kernel lets only programs with an AppArmor profile do so: install the profile for bwrap"
    return "unprivileged user namespaces are needed: see sysctl user.max_user_namespaces"
