"""The files of a box without namespaces: its own folder, how much lies in it, and how it goes.

The ward of a box uses this, too: standard library only.
"""

import os

PAGE = 4096
"""Bytes that a file counts at least, so that many small ones are as bad as one large."""


def used(folder: str, limit: int) -> int:
    """Bytes that files below a folder take, counted until `limit` is passed; what cannot be counted is too much."""
    total, waiting = 0, [folder]
    while waiting and total <= limit:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += max(PAGE, entry.stat(follow_symlinks=False).st_blocks * 512)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return limit + 1
    return total


class Files:
    """Watches that the files of a box do not outgrow their room.

    Counting them all takes long, so that is done only when the whole file system has lost that much since the box
    began. Files that are open but have no name any more cannot be counted: so a file system that runs full ends the
    box, too.
    """

    def __init__(self, folder: str, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._before = self._taken()[0]

    def overfull(self) -> bool:
        """Whether the box must end."""
        try:
            taken, full = self._taken()
        except OSError:  # somebody took the folder away
            return True
        return taken - self._before > self._limit and (full or used(self._folder, self._limit) > self._limit)

    def _taken(self) -> tuple[int, bool]:
        """Bytes in use, and whether less than an eighth is left."""
        told = os.statvfs(self._folder)
        files = (told.f_files - told.f_ffree) * PAGE
        return max((told.f_blocks - told.f_bfree) * told.f_frsize, files), told.f_bfree < told.f_blocks // 8


def remove(folder: str) -> None:
    """Remove a folder with all that is in it, whatever a job has made of it: nobody may use it any more."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
        os.rmdir(folder)
    except FileNotFoundError:
        return
    except OSError:  # folders in it, perhaps closed, perhaps a thousand levels deep
        for command in (["chmod", "-R", "u+rwX", "--", folder], ["rm", "-rf", "--", folder]):
            os.waitpid(os.posix_spawn(f"/bin/{command[0]}", command, {}), 0)
