"""Where Farmhand keeps its files: folders of the XDG standard only, so several agents run side by side with other ones.

| what | where | mode |
|---|---|---|
| socket, lock | `$XDG_RUNTIME_DIR/farmhand` | 0700 |
| settings | `$XDG_CONFIG_HOME/farmhand/farmhand.toml` | the owner's |
| choice, epoch, journal | `$XDG_STATE_HOME/farmhand` | 0700 |
| what can be found out again | `$XDG_CACHE_HOME/farmhand` | 0700 |
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from farmhand.errors import OwnerError


def runtime_folder() -> Path:
    """Folder of sockets and locks; made if missing, readable by the owner alone.

    Raises:
        OwnerError: the folder belongs to somebody else or cannot be made.
    """
    return _private(Path(platformdirs.user_runtime_dir("farmhand", appauthor=False)))


def state_folder() -> Path:
    """Folder of what must survive a restart; made if missing, readable by the owner alone.

    Raises:
        OwnerError: see `runtime_folder`.
    """
    return _private(Path(platformdirs.user_state_dir("farmhand", appauthor=False)))


def cache_folder() -> Path:
    """Folder of what may be deleted at any time; made if missing, readable by the owner alone.

    Raises:
        OwnerError: see `runtime_folder`.
    """
    return _private(Path(platformdirs.user_cache_dir("farmhand", appauthor=False)))


def settings_file() -> Path:
    """The settings file; it need not exist."""
    return Path(platformdirs.user_config_dir("farmhand", appauthor=False)) / "farmhand.toml"


def agent_socket() -> Path:
    """The socket on which the agent of this user listens."""
    return runtime_folder() / "agent.sock"


def _private(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise OwnerError(f"{folder} belongs to another user; set the XDG_ variables to folders of your own")
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as wrong:
        raise OwnerError(f"cannot use the folder {folder}: {wrong.strerror}") from None
    return folder
