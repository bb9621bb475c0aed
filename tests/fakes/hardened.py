"""A machine on which nobody may make a user namespace, and a user without privileges, as hardened kernels have them.

The limit holds in a user namespace of our own, so the rest of the machine notices nothing. Files and processes of
whoever runs this belong to that user, too, as far as the kernel is concerned.
"""

from __future__ import annotations

import subprocess
from functools import cache

_SET_UP = 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --inh-caps=-all --ambient-caps=-all -- "$@"'

HARDENED = (
    *("unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "--"),
    *("sh", "-c", _SET_UP, "sh"),
)
"""Words before a command that is to run there."""


@cache
def why_not() -> str:
    """Say why there can be no such machine here; "" when there can."""
    done = subprocess.run([*HARDENED, "unshare", "--user", "true"], capture_output=True, text=True, check=False)
    refused = done.returncode != 0 and "No space left on device" in done.stderr
    return "" if refused else f"no user namespace can be made for the test: {done.stderr or 'no limit'}"
