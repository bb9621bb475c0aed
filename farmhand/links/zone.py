"""Whose time the clocks of this machine show, summer times to come included: `datetime` alone knows the present one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo


def local_zone(environ: Mapping[str, str] = os.environ, file: Path = Path("/etc/localtime")) -> tzinfo:
    """Return the zone that TZ names, else that of the system, else the present distance from Greenwich.

    Args:
        environ: of the process; see tzset(3) for TZ.
        file: the system's zone in the form of RFC 8536.
    """
    named = environ.get("TZ", "").removeprefix(":")
    try:
        if named.startswith("/"):
            file = Path(named)
        elif named:
            return ZoneInfo(named)
        with file.open("rb") as data:
            return ZoneInfo.from_file(data, key=named or "local")
    except (OSError, ValueError, KeyError):
        zone = datetime.now().astimezone().tzinfo
        assert zone is not None
        return zone
