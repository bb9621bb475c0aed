"""The machine's disks: a small Debian, made once and kept in .cache, and the project as it is now."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]
CACHE = PROJECT / ".cache" / "machine"
SUITE = "bookworm"
PACKAGES = (
    "systemd systemd-sysv udev dbus dbus-user-session libpam-systemd linux-image-cloud-amd64 initramfs-tools "
    "python3 distcc bubblewrap gcc g++ libc6-dev procps util-linux iproute2"
)
SIZE = "2500M"

SERVICE = """[Unit]
After=multi-user.target user@1000.service
[Service]
Type=oneshot
Environment=PYTHONPATH=/project/code:/project/code/agent:/project/site PYTHONDONTWRITEBYTECODE=1
ExecStart=/usr/bin/python3 /project/code/tests/machine/guest.py
ExecStopPost=/usr/bin/systemctl --no-block poweroff
StandardOutput=file:/dev/ttyS1
StandardError=inherit
"""


def system_disk() -> Path:
    """The disk of a Debian with systemd and a user named owner, who is at home without being logged in ("linger").

    Raises:
        subprocess.CalledProcessError: a program that makes it failed, and has said why.
    """
    disk = _system() / "disk"
    if not disk.exists():
        print(f"Making a Debian for the tests in {CACHE}", flush=True)
        CACHE.mkdir(parents=True, exist_ok=True)
        root = _system() / "root"
        if root.exists():
            shutil.rmtree(root)
        root.mkdir(parents=True)
        _run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES.split())}", SUITE, str(root))
        _set_up(root)
        fresh = disk.with_suffix(".new")
        _run("mke2fs", "-q", "-t", "ext4", "-d", str(root), str(fresh), SIZE)
        fresh.replace(disk)
    return disk


def kernel() -> Path:
    """The kernel of that system."""
    return next((_system() / "root/boot").glob("vmlinuz-*"))


def initial_memory() -> Path:
    """What that kernel starts with."""
    return next((_system() / "root/boot").glob("initrd.img-*"))


def project_disk(folder: Path, only: str) -> Path:
    """A disk with the project's code and the libraries that it needs, made in `folder`; for `only` see `guest.py`."""
    libraries = _libraries()
    top = folder / "project"
    for name in ("farmhand", "agent", "installers", "tests/machine"):
        shutil.copytree(PROJECT / name, top / "code" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (top / "code/only").write_text(only)
    _run(sys.executable, "-m", "compileall", "-q", str(top / "code"))
    disk = folder / "project.disk"
    shutil.copytree(libraries, top / "site")
    _run("mke2fs", "-q", "-t", "ext4", "-d", str(top), str(disk), "300M")
    return disk


def _system() -> Path:
    """Where the system is kept; another place whenever it would become another one."""
    recipe = hashlib.sha256(f"{SUITE} {PACKAGES} {SIZE} {SERVICE}".encode()).hexdigest()
    return CACHE / recipe[:12]


def _set_up(root: Path) -> None:
    _run("chroot", str(root), "useradd", "--create-home", "--shell", "/bin/bash", "owner")
    (root / "project").mkdir()
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n/dev/vdb /project ext4 ro 0 0\n")
    (root / "etc/hostname").write_text("machine\n")
    (root / "etc/systemd/system/trial.service").write_text(SERVICE)
    wants = root / "etc/systemd/system/graphical.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / "trial.service").symlink_to("../trial.service")
    (root / "var/lib/systemd/linger").mkdir(parents=True, exist_ok=True)
    (root / "var/lib/systemd/linger/owner").touch()


def _libraries() -> Path:
    """The libraries that the agent needs, without the tray's."""
    needed: list[str] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    folder = CACHE / f"site-{hashlib.sha256(' '.join(needed).encode()).hexdigest()[:12]}"
    if not folder.exists():
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        _run(
            sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", str(fresh), *needed
        )
        fresh.rename(folder)
    return folder


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
        done.check_returncode()
