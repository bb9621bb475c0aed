"""Who has which box, and who has been idle for how long."""

from __future__ import annotations

from fakes.box import FakeBox
from fakes.waiting import comes_true

from farmhand_agent.boxes.any_box import AnyBox
from farmhand_agent.boxes.tenants import Tenants


class Ended(list[AnyBox]):
    """The boxes that were ended, in order."""


def tenants(ended: Ended, *names: str, idle_after: float = 60.0) -> Tenants:
    """Who has had one job each, one after the other."""
    made = Tenants(idle_after, ended.append)
    for name in names:
        tenant = made.enter(name)
        tenant.box = FakeBox()
        made.leave(name, tenant)
    return made


async def test_the_longest_idle_one_comes_first() -> None:
    known = tenants(Ended(), "ann", "bob", "cat")
    assert known.idle() == ["ann", "bob", "cat"]
    first, second = known.enter("ann"), known.enter("ann")
    known.leave("ann", first)
    assert known.idle() == ["bob", "cat"], "there is one more job"
    known.leave("ann", second)
    assert known.idle() == ["bob", "cat", "ann"]
    known.close()


async def test_who_waits_for_a_box_is_not_idle_and_who_gets_none_is_forgotten() -> None:
    known = tenants(Ended())
    waiting = known.enter("ann")
    assert (known.idle(), len(known)) == ([], 1)
    known.leave("ann", waiting)
    assert len(known) == 0


async def test_a_box_ends_after_a_while_without_jobs() -> None:
    ended = Ended()
    known = tenants(ended, "ann", "bob", idle_after=0.02)
    box = known.enter("bob").box
    await comes_true(lambda: len(ended) == 1 and len(known) == 1)
    assert box not in ended, "bob has a job"
    assert known.idle() == []


async def test_who_is_dismissed_is_forgotten_and_no_box_ends_twice() -> None:
    ended = Ended()
    known = tenants(ended, "ann", "bob", idle_after=0.02)
    known.dismiss("ann")
    assert (len(ended), known.idle()) == (1, ["bob"])
    await comes_true(lambda: len(ended) == 2)
    assert len(set(map(id, ended))) == 2


async def test_an_evicted_box_is_nobodys_and_not_ended_here() -> None:
    ended = Ended()
    known = tenants(ended, "ann", idle_after=0.02)
    ann = known.enter("ann")
    assert ann.box is not None
    known.evict(ann.box)
    assert ann.box is None
    known.leave("ann", ann)
    assert (len(known), ended) == (0, [])


async def test_an_idle_one_whose_box_was_evicted_is_forgotten_in_time() -> None:
    ended = Ended()
    known = tenants(ended, "ann", idle_after=0.02)
    ann = known.enter("ann")
    known.leave("ann", ann)
    assert ann.box is not None
    known.evict(ann.box)
    assert known.idle() == []
    await comes_true(lambda: len(known) == 0)
    assert ended == []


async def test_after_the_end_nobody_is_known_and_no_nap_ends_a_box() -> None:
    ended = Ended()
    known = tenants(ended, "ann", idle_after=0.0)
    bob = known.enter("bob")
    known.close()
    known.leave("bob", bob)
    late = tenants(ended, "cat", idle_after=0.0)
    await comes_true(lambda: len(late) == 0)
    assert len(known) == 0
    assert len(ended) == 1, "of all naps, cat's has ended"
