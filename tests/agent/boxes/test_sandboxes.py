"""The strongest kind of box that works is taken; what is weaker about it is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from farmhand_agent.boxes.box import BoxPlan
from farmhand_agent.boxes.sandboxes import KINDS, Kind, OwnBox, choose
from farmhand_agent.limits.enclosure import AnyCell


async def no_box(plan: BoxPlan, cell: AnyCell) -> OwnBox:
    raise AssertionError("nobody asked for a box")


def answers(reason: str) -> Callable[[], Awaitable[str]]:
    async def why() -> str:
        return reason

    return why


async def never_asked() -> str:
    raise AssertionError("the first kind works")


STRONG, WEAK = "strong", "weak"


def kinds(strong: str | None, weak: str | None) -> tuple[Kind, Kind]:
    """Two kinds and why they do not work; "" where one does, None where nobody may ask."""
    asked = [never_asked if reason is None else answers(reason) for reason in (strong, weak)]
    return Kind("Strong", STRONG, "", no_box, asked[0]), Kind("Weak", WEAK, "it leaks", no_box, asked[1])


@pytest.mark.parametrize(
    ("wanted", "works", "name", "weaker", "problem"),
    [
        ("auto", ("", None), "Strong", "", ""),
        ("auto", ("forbidden", ""), "Weak", "it leaks; Strong would be stronger: forbidden", ""),
        ("auto", ("forbidden", "too old"), "", "", "Strong: forbidden; Weak: too old"),
        (STRONG, ("", None), "Strong", "", ""),
        (STRONG, ("forbidden", None), "", "", "Strong: forbidden"),
        (WEAK, (None, ""), "Weak", "it leaks", ""),
        (WEAK, (None, "too old"), "", "", "Weak: too old"),
    ],
)
async def test_the_strongest_that_is_wanted_and_works_is_taken(
    wanted: str, works: tuple[str | None, str | None], name: str, weaker: str, problem: str
) -> None:
    found = await choose(wanted, kinds(*works))
    assert (found.name, found.weaker, found.problem) == (name, weaker, problem)


async def test_bubblewrap_is_the_strongest_and_works_here() -> None:
    assert [kind.word for kind in KINDS] == ["bubblewrap", "landlock"]
    assert (await choose("auto")).name == "bubblewrap"


async def test_landlock_works_here_too_and_is_weaker() -> None:
    found = await choose("landlock")
    assert found.name == "Landlock"
    assert "watched instead of bounded" in found.weaker
