"""A tree of Debian's with systemd, people and a compiler, for machines of the tests' own to boot from.

Made once by debootstrap and kept under `.cache`; nobody who boots from it may write there. Our sources, packages and
Python are not in it: who boots it shows them as `SHOWN` says.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,policykit-1,login,kmod,python3,upower,libfaketime,"
    "distcc,bubblewrap,gcc"
)
PEOPLE = ("anna", "boris")
FIRST = 1000
"""User id of the first of them."""

PAM = """auth required pam_permit.so
account required pam_permit.so
session required pam_systemd.so
"""
"""What a display manager does, less the question for a password."""

SHOWN = {str(REPOSITORY): "/opt/farmhand", sysconfig.get_path("purelib"): "/opt/packages"}
"""Where here, and where there."""
if sys.base_prefix != "/usr":
    SHOWN[sys.base_prefix] = "/opt/python"

OUT_OF_THE_WAY = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child")
"""What debootstrap mounts is seen by nobody else, and gone with it even if it is killed."""


def as_desktop(user: str, kind: str = "x11", role: str = "user") -> tuple[str, ...]:
    """Options of systemd-run that open a session as a display manager does."""
    told = {"SEAT": "seat0", "SESSION_TYPE": kind, "SESSION_CLASS": role}
    names = (f"--setenv=XDG_{name}={value}" for name, value in told.items())
    return (f"--property=User={user}", "--property=PAMName=farmhand-desktop", *names)


def python(*arguments: str) -> tuple[str, ...]:
    """The command line of this Python in there, with the same packages."""
    path = "PYTHONPATH=/opt/packages:/opt/farmhand:/opt/farmhand/agent:/opt/farmhand/tests"
    program = f"/opt/python/bin/python{platform.python_version().rpartition('.')[0]}"
    if sys.base_prefix == "/usr":
        return ("env", path, "python3", *arguments)
    return ("env", path, "LD_LIBRARY_PATH=/opt/python/lib", program, *arguments)


def tree() -> Path:
    """The tree to boot from, made where there is none yet.

    Raises:
        AssertionError: it cannot be made; the message ends with what debootstrap says.
    """
    name = hashlib.sha256(f"{PACKAGES}{PAM}{PEOPLE}".encode()).hexdigest()[:12]
    root = REPOSITORY / f".cache/debian-{name}"
    root.parent.mkdir(exist_ok=True)
    with open(root.parent / "debian.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _make(root)
    return root


def _make(root: Path) -> None:
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    with tempfile.TemporaryDirectory(dir=root.parent) as folder:
        new = Path(folder) / "tree"
        made = subprocess.run(
            [*OUT_OF_THE_WAY, "debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(new), *_mirror()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert made.returncode == 0, f"debootstrap failed: {made.stdout[-2000:]}"
        for one in PEOPLE:
            subprocess.run(["chroot", str(new), "/usr/sbin/useradd", "-m", "-s", "/bin/bash", one], check=True)
        (new / "etc/pam.d/farmhand-desktop").write_text(PAM)
        (new / "etc/systemd/system/distcc.service").symlink_to("/dev/null")  # Debian's own would take the gate's port
        for archive in (new / "var/cache/apt/archives").glob("*.deb"):
            archive.unlink()
        new.rename(root)


def _mirror() -> tuple[str, ...]:
    """Where this machine takes its own packages from, the first of them; nothing leaves the choice to debootstrap."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"],
        capture_output=True,
        text=True,
    )
    return tuple(asked.stdout.split()[:1])
