"""An ordinary user with a password, who exists only for the programs that the test starts as them.

Lock screens refuse root, and ask PAM. So a program runs in a mount namespace in which the files of users and
passwords are copies with one user more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from fakes.ports import takes_calls
from fakes.waiting import until

NAME, ID = "farmhand-anna", "64321"
PASSWORD = "wiese"
FILES = ("passwd", "shadow", "group")

AS_HER = f"""
for file in passwd shadow group; do mount --bind "$0/$file" "/etc/$file"; done
exec setpriv --reuid={ID} --regid={ID} --clear-groups -- "$@"
"""


BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""
"""A session bus that lets in the test as well, which is root."""


@dataclass(frozen=True, slots=True)
class HerBus:
    """A session bus of hers; the same as `SessionBus` for who uses it."""

    address: str

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a session on it."""
        return {"DBUS_SESSION_BUS_ADDRESS": self.address}


class Resident:
    """Her home and what runs in her name, until the end of the block."""

    def __enter__(self) -> Self:
        self.home = Path(tempfile.mkdtemp(prefix="farmhand-home-"))
        self.home.chmod(0o711)
        self._programs: list[subprocess.Popen[bytes]] = []
        secret = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD.encode(), capture_output=True, check=True
        ).stdout.decode()
        lines = (
            f"{NAME}:x:{ID}:{ID}::{self.home}/own:/bin/sh",
            f"{NAME}:{secret.strip()}:20000::::::",
            f"{NAME}:x:{ID}:",
        )
        for file, line in zip(FILES, lines, strict=True):
            shutil.copy2(f"/etc/{file}", self.home / file)
            shutil.chown(self.home / file, *_owner(f"/etc/{file}"))
            with open(self.home / file, "a") as written:
                written.write(line + "\n")
        (self.home / "own").mkdir(mode=0o700)
        self._give(self.home / "own")
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for one in reversed(self._programs):
            one.kill()
            one.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    @classmethod
    def why_not(cls) -> str | None:
        """Why there cannot be one, or None."""
        return None if os.geteuid() == 0 else "only root can start programs as somebody else"

    def write(self, name: str, text: str) -> None:
        """Give her a file."""
        (self.home / "own" / name).write_text(text)
        self._give(self.home / "own" / name)

    def start(self, *command: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start a program as her; it ends with the block."""
        program = subprocess.Popen(
            ["unshare", "--mount", "--propagation=private", "sh", "-ec", AS_HER, str(self.home), *command],
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **environ, **self._own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._programs.append(program)
        return program

    def own_copy(self, program: str) -> str:
        """Give her a program without the capabilities of its file, which not every container allows."""
        copy = self.home / program
        shutil.copyfile(shutil.which(program) or program, copy)
        copy.chmod(0o755)
        return str(copy)

    def start_bus(self) -> HerBus:
        """Start her session bus."""
        path = self.home / "own/bus"
        self.write("bus.conf", BUS.format(path=path))
        self.start("dbus-daemon", "--nofork", f"--config-file={self.home}/own/bus.conf")
        until(lambda: takes_calls(path), "her session bus listens")
        return HerBus(f"unix:path={path}")

    @property
    def _own(self) -> dict[str, str]:
        return {"HOME": f"{self.home}/own", "USER": NAME, "LOGNAME": NAME, "XDG_RUNTIME_DIR": f"{self.home}/own"}

    def _give(self, path: Path) -> None:
        os.chown(path, int(ID), int(ID))


def _owner(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_uid, found.st_gid
