"""Canaries: what no job may touch, and how it is seen that none has."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from fakes import procfs

SECRET = "the owner's secret"


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
        return os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid), limits, procfs.state(pid) in "Tt"

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
