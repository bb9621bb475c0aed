"""Takes over what an earlier version, or this machine under another name, has kept.

1. A machine keeps its state in a folder of its own, for several machines may share a home. Versions before kept it one
   folder above, where a choice that was made on one machine held on all.
2. The first machine that comes has all of that: choice, blocks, journal, recordings.
3. Nobody knows on which machine the choice was made. So a machine that comes later takes over what lends less: a keep,
   and the blocks, but no `lend`. For its sake the file stays where it is.
4. A machine whose agent starts anew under another name takes its state along: the folder of the socket, which no other
   machine has, tells where it lay.
5. A machine that starts up under another name, such as a network's, is known by its id. Its copies may have the same
   id. So again what lends less is taken over.
6. What was cut off is gone on with at the next start: only when all is done it is noted, and never done again.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from farmhand.errors import OwnerError
from farmhand.lending.observation import Wish
from farmhand.links.machine_id import same_machine
from farmhand_agent.memory import FILE

FIRST = ".first"
"""A link beside the machines' folders that names the one that came first."""

DONE = ".begun"
"""Says that there is nothing more to be taken over."""

LEFT = ("journal.*", "observations*.jsonl", "agent.damaged")
"""What else an earlier version has left, as patterns."""

_OF_CHOICE = ("wish", "until", "back", "span")

_log = logging.getLogger("farmhand.agent")


def take_over(state: Path, link: Path) -> None:
    """Make `state`, a folder of this machine's, hold what the machine remembers.

    Args:
        state: must exist.
        link: leads to the folder where this machine's state lay, and afterwards to `state`; need not exist.

    Raises:
        OwnerError: the owner's choice is there but cannot be taken over.
    """
    _follow_name(state, link)
    if not _has_begun(state):
        before = _under_another_name(state)
        if before is None:
            _inherit(state, state.parent.parent)
        elif told := _read(before / FILE):
            _write(state / FILE, _what_lends_less(told))
    with suppress(OSError):  # it is done again, then
        (state / DONE).touch()
    _lead(link, state)


def _follow_name(state: Path, link: Path) -> None:
    """Take the state along that lies under the name of before; one that lies here already stays."""
    try:
        before = Path(os.readlink(link))
    except OSError:
        return
    if before != state and before.parent == state.parent:
        with suppress(OSError):  # there is none, or one here
            before.rename(state)


def _under_another_name(state: Path) -> Path | None:
    """The folder that this machine, or a copy of it, used last."""
    others = (one for one in state.parent.iterdir() if one != state and same_machine(one.name, state.name))
    return max(filter(_has_begun, others), key=_used_at, default=None)


def _has_begun(state: Path) -> bool:
    return (state / FILE).exists() or (state / DONE).exists()


def _used_at(folder: Path) -> float:
    return max(one.stat().st_mtime for one in (folder, *folder.glob(FILE)))


def _inherit(state: Path, old: Path) -> None:
    """Take over what an earlier version has left in the folder `old`."""
    left = [file for pattern in LEFT for file in old.glob(pattern) if file.is_file()]
    told = _read(old / FILE)
    if not left and told is None:
        return
    first = _is_first(state)
    for file in left if first else ():
        _move(file, state / file.name)
    if told is not None:
        _write(state / FILE, told if first else _what_lends_less(told))


def _is_first(state: Path) -> bool:
    mark = state.parent / FIRST
    with suppress(FileExistsError):
        mark.symlink_to(state.name)
    return os.readlink(mark) == state.name


def _move(file: Path, where: Path) -> None:
    try:
        if not where.exists():
            file.rename(where)
    except OSError as wrong:
        _log.warning("%s stays where it is: %s", file, wrong.strerror)


def _what_lends_less(told: bytes) -> bytes:
    """What another machine may have been told, without a choice to lend; what is damaged stays so, and is told of."""
    with suppress(msgspec.DecodeError):
        kept: dict[str, Any] = msgspec.json.decode(told, type=dict[str, Any])
        if kept.get("wish") == Wish.LEND.value:
            told = msgspec.json.encode({name: value for name, value in kept.items() if name not in _OF_CHOICE})
    return told


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as wrong:
        raise OwnerError(f"cannot read {file}, which holds your choice: {wrong.strerror}") from None


def _write(file: Path, told: bytes) -> None:
    fresh = file.with_suffix(".new")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
            opened.write(told)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    except OSError as wrong:
        raise OwnerError(f"cannot write {file}, which is to hold your choice: {wrong.strerror}") from None


def _lead(link: Path, state: Path) -> None:
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(state)
    fresh.replace(link)
