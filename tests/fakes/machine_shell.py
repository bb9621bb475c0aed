"""Runs in a machine (see `fakes.machine`) and does what its host asks on a serial line: a line of JSON each way.

By Debian's Python alone, for it starts in a fraction of the time that a whole environment takes.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
import tty


def main(port: str) -> None:
    """Serve until the machine is off."""
    with open(port, "r+b", buffering=0) as line:
        tty.setraw(line)
        line.write(b"ready\n")
        rest = b""
        while data := os.read(line.fileno(), 1 << 16):
            *asked, rest = (rest + data).split(b"\n")
            for one in asked:
                _say(line.fileno(), json.dumps(_answer(**json.loads(one))).encode() + b"\n")


def _answer(user: str, run: list[str] | None = None, hear: str = "") -> dict[str, object]:
    whose = pwd.getpwnam(user)
    try:
        return _heard(hear, whose) if run is None else _ran(run, whose)
    except OSError as wrong:
        return {"status": 127, "said": "", "complained": str(wrong)}


def _ran(command: list[str], whose: pwd.struct_passwd) -> dict[str, object]:
    environ = {
        "PATH": "/usr/local/bin:/usr/bin:/usr/sbin",
        "HOME": whose.pw_dir,
        "LANG": "C.UTF-8",
        "XDG_RUNTIME_DIR": f"/run/user/{whose.pw_uid}",
    }
    become = ["setpriv", f"--reuid={whose.pw_uid}", f"--regid={whose.pw_gid}", "--init-groups", "--"]
    done = subprocess.run(
        [*become * (whose.pw_uid != 0), *command],
        env=environ,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    return {"status": done.returncode, "said": done.stdout, "complained": done.stderr}


def _heard(path: str, whose: pwd.struct_passwd) -> dict[str, object]:
    """What a program says first to its own user."""
    os.seteuid(whose.pw_uid)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)
            with one.makefile() as lines:
                return {"said": lines.readline()}
    finally:
        os.seteuid(0)


def _say(line: int, words: bytes) -> None:
    while words:
        words = words[os.write(line, words) :]


if __name__ == "__main__":
    main(*sys.argv[1:])
