"""One agent for one runtime folder: a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from farmhand.errors import OwnerError


def only_one(folder: Path) -> IO[str]:
    """Take the lock; it holds until the returned file is closed or the process ends.

    Raises:
        OwnerError: an agent runs already; the message says which process.
    """
    file = (folder / "agent.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise OwnerError(
            f"an agent already runs here (process {holder}); `farmhand status` shows what it does"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
