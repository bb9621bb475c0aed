"""Whoever spoils a box spoils it for itself: others have boxes of their own."""

from __future__ import annotations

import os

import pytest
from fakes.hostile_client import Gate, Kind, files_inside, run_from_another_address, run_inside
from fakes.outside import Outside

BOMB = """
import os, time
count = 0
try:
    while count < 2000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except OSError:
    print(count)
"""


async def test_a_fork_bomb_hurts_its_tenant_only(gate: Gate, outside: Outside, kind: Kind) -> None:
    if not kind.nobody and os.getuid() == 0:
        pytest.skip("the kernel puts no limit on the processes of root, who plays the ordinary user here")
    assert 20 < int((await run_inside(gate, BOMB)).output) < (200 if kind.walled else 1000)
    assert (await run_from_another_address(gate, "print('fine')")).strip() == "fine"


async def test_tenants_do_not_see_each_other(gate: Gate, outside: Outside) -> None:
    """The second one comes from another address, so it is another identity with another box."""
    await run_inside(gate, "touch $TMPDIR/first-was-here", "sh")
    other = await run_from_another_address(gate, "import os, json; print(json.dumps(os.listdir(os.environ['TMPDIR'])))")
    assert "first-was-here" not in other
    assert "first-was-here" in await files_inside(gate)


PEEP = """
import os
for attempt in (os.listdir, lambda at: open(at + "/secret").read(), lambda at: open(at + "/mine", "w"), os.rmdir):
    try:
        print(attempt({folder!r}))
    except OSError as wrong:
        print(type(wrong).__name__)
"""


async def test_a_tenant_who_knows_where_anothers_files_are_cannot_reach_them(gate: Gate, kind: Kind) -> None:
    folder = (await run_inside(gate, "echo hidden > $TMPDIR/secret; echo $TMPDIR", "sh")).output.strip()
    seen = (await run_from_another_address(gate, PEEP.format(folder=folder))).splitlines()
    assert "hidden" not in " ".join(seen)
    if not kind.walled:  # with walls, both see a /tmp of their own
        assert seen == ["PermissionError"] * 4
    assert sorted(await files_inside(gate))[-1] == "secret"


FILL = """
import errno, os
try:
    with open(os.environ["TMPDIR"] + "/big", "wb") as big:
        big.write(bytes(100 << 20))
except OSError as wrong:
    os.unlink(os.environ["TMPDIR"] + "/big")
    print(errno.errorcode[wrong.errno])
"""


async def test_a_full_tmp_hurts_its_tenant_only(gate: Gate, outside: Outside, kind: Kind) -> None:
    assert (await run_inside(gate, FILL)).output.strip() == ("ENOSPC" if kind.walled else "EFBIG")
    assert (await run_from_another_address(gate, "print('fine')")).strip() == "fine"
