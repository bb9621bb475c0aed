"""Where Farmhand keeps its files: folders of the XDG standard only, so several agents run side by side with other ones.

| what | where | mode |
|---|---|---|
| socket, lock | `$XDG_RUNTIME_DIR/farmhand` | 0700 |
| settings | `$XDG_CONFIG_HOME/farmhand/farmhand.toml` | the owner's |
| choice, blocks, key, epoch, journal, recordings | `$XDG_STATE_HOME/farmhand/machines/MACHINE` | 0700 |
| launcher, names of compilers | `$XDG_DATA_HOME/farmhand` | 0700 |
| what can be found out again | `$XDG_CACHE_HOME/farmhand/MACHINE` | 0700 |

Several machines may share a home. The settings are the owner's and hold on all of them. What a machine has been told
and has learned is its own, so those folders bear its key (`machine_key`). The link `state` beside the socket leads to
the one that the agent uses.

Programs of one user must meet, with and without `XDG_RUNTIME_DIR`: cron, su and ssh without PAM do not set it. So where
it is missing, or names the usual folder, the socket lies in `/run/user/UID/farmhand` or, where there is no such folder,
in `/tmp/farmhand-UID`. An agent that began there, before its owner logged in, is found there afterwards, too.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from farmhand.errors import OwnerError
from farmhand.links.machine_id import machine_key

SOCKET = "agent.sock"

STATE_LINK = "state"
"""Leads from the folder of the socket to the folder of the agent's state."""


def runtime_folder() -> Path:
    """Folder of sockets and locks; made if missing, readable by the owner alone.

    Raises:
        OwnerError: the folder belongs to somebody else or cannot be made.
    """
    return _private(runtime_place(os.environ))


def runtime_place(
    environment: Mapping[str, str], sessions: Path = Path("/run/user"), shared: Path = Path("/tmp")
) -> Path:
    """Where the folder of sockets and locks is or will be; nothing is made.

    Args:
        environment: of the process.
        sessions: holds a folder for each user that is logged in, named by the user's number.
        shared: a folder where every user may make files.
    """
    told, usual = environment.get("XDG_RUNTIME_DIR", ""), sessions / str(os.getuid())
    if os.path.isabs(told) and Path(told) != usual:  # the standard: a path that is not absolute is to be ignored
        return Path(told, "farmhand")
    logged_in, otherwise = usual / "farmhand", shared / f"farmhand-{os.getuid()}"
    if not _is_own(usual):
        return otherwise
    began_before = (otherwise / SOCKET).exists() and not (logged_in / SOCKET).exists() and _is_own(otherwise)
    return otherwise if began_before else logged_in


def state_folder(name: str) -> Path:
    """Folder of what must survive a restart; made if missing, readable by the owner alone.

    Args:
        name: how the farm calls this machine.

    Raises:
        OwnerError: see `runtime_folder`.
    """
    place = _state_place(name)
    _private(place.parent.parent)
    return _private(place)


def known_state_folder(name: str) -> Path:
    """Folder of what the agent here has kept, be it running or not; it need not exist.

    Args:
        name: how the farm calls this machine, unless the agent was told otherwise.

    Raises:
        OwnerError: see `agent_socket`.
    """
    link = agent_socket().with_name(STATE_LINK)
    return link.resolve() if link.is_dir() else _state_place(name)


def cache_folder() -> Path:
    """Folder of what may be deleted at any time; made if missing, readable by the owner alone.

    Raises:
        OwnerError: see `runtime_folder`.
    """
    shared = _private(Path(platformdirs.user_cache_dir("farmhand", appauthor=False)).resolve())
    return _private(shared / machine_key(socket.gethostname()))


def _state_place(name: str) -> Path:
    shared = Path(platformdirs.user_state_dir("farmhand", appauthor=False)).resolve()
    return shared / "machines" / machine_key(name)


def data_folder() -> Path:
    """Folder of programs that Farmhand makes; made if missing, readable by the owner alone.

    Raises:
        OwnerError: see `runtime_folder`.
    """
    return _private(Path(platformdirs.user_data_dir("farmhand", appauthor=False)))


def settings_file() -> Path:
    """The settings file; it need not exist."""
    return Path(platformdirs.user_config_dir("farmhand", appauthor=False)) / "farmhand.toml"


def agent_socket() -> Path:
    """The socket on which the agent of this user listens; neither it nor its folder need exist.

    Raises:
        OwnerError: somebody else may be listening there, for the folder is theirs.
    """
    folder = runtime_place(os.environ)
    if os.path.lexists(folder) and not _is_own(folder):
        raise _foreign(folder)
    return folder / SOCKET


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_own(folder):
            raise _foreign(folder)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as wrong:
        raise OwnerError(f"cannot use the folder {folder}: {wrong.strerror}") from None
    return folder


def _is_own(folder: Path) -> bool:
    """Tell whether this is a folder of this user's, and no link that somebody may have laid."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _foreign(folder: Path) -> OwnerError:
    return OwnerError(f"{folder} belongs to another user; set the XDG_ variables to folders of your own")
