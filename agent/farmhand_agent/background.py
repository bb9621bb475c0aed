"""Tasks that nobody awaits: kept from the garbage collector, and never silent about a bug."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

_running: set[asyncio.Task[None]] = set()


def background(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run `work` by itself; an exception in it reaches the loop's exception handler."""
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_finish)
    return task


def _finish(task: asyncio.Task[None]) -> None:
    _running.discard(task)
    if task.cancelled() or (wrong := task.exception()) is None:
        return
    context = {"message": f"background work failed: {wrong!r}", "exception": wrong, "task": task}
    task.get_loop().call_exception_handler(context)
