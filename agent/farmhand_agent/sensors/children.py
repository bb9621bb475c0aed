"""Programs that senses listen to."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import Process
from contextlib import suppress


async def end(child: Process) -> None:
    """Leave nothing of a program behind, even when cancelled while it ends."""
    with suppress(ProcessLookupError):
        child.kill()
    await asyncio.shield(child.wait())
