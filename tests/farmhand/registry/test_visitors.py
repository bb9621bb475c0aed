"""Who must go from the registry's door when there is no room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.registry.visitors import Stage, Visitors

NOW = 1000.0


def crowd(*stages: Stage, most: int = 9, each: int = 9) -> Visitors[str]:
    """Visitors called a, b, c and so on, all from one source."""
    visitors = Visitors[str](most, each)
    for name, stage in zip("abcdefghi", stages, strict=False):
        assert visitors.come(name, "atlas", NOW) is None
        visitors.turn(name, stage, NOW)
    return visitors


def test_while_there_is_room_nobody_goes() -> None:
    visitors = crowd(Stage.NEW, Stage.NEW, most=3)
    assert visitors.come("c", "atlas", NOW) is None
    assert len(visitors) == 3


@pytest.mark.parametrize(
    ("stages", "goes"),
    [
        ((Stage.NEW, Stage.NEW, Stage.NEW), "a"),
        ((Stage.HEAD, Stage.NEW, Stage.NEW), "b"),
        ((Stage.BODY, Stage.HEAD, Stage.HEAD), "b"),
        ((Stage.REST, Stage.BODY, Stage.ANSWER), "b"),
        ((Stage.ANSWER, Stage.REST, Stage.REST), "b"),
        ((Stage.ANSWER, Stage.ANSWER, Stage.ANSWER), "a"),
    ],
)
def test_the_one_goes_whose_claim_is_least(stages: tuple[Stage, ...], goes: str) -> None:
    visitors = crowd(*stages, most=3)
    assert visitors.least() == goes
    assert visitors.come("new", "atlas", NOW) == goes
    assert len(visitors) == 3


def test_among_equals_the_one_goes_that_has_been_so_for_longest() -> None:
    visitors = crowd(Stage.REST, Stage.REST, most=2)
    visitors.turn("a", Stage.ANSWER, NOW)
    visitors.turn("a", Stage.REST, NOW)
    assert visitors.come("c", "atlas", NOW) == "b"


def test_one_source_makes_room_among_its_own() -> None:
    visitors = crowd(Stage.REST, Stage.ANSWER, most=9, each=2)
    assert visitors.come("silent", "borg", NOW) is None
    assert visitors.come("c", "atlas", NOW) == "a"
    assert visitors.come("d", "atlas", NOW) == "c"
    assert visitors.come("e", "borg", NOW) is None


def test_an_empty_door_has_nobody_to_send_away() -> None:
    visitors = Visitors[str](3, 3)
    assert visitors.least() is None
    visitors.turn("stranger", Stage.REST, NOW)
    visitors.go("stranger")
    assert len(visitors) == 0


@pytest.mark.parametrize("stage", Stage)
def test_who_has_begun_has_a_time_to_end_and_who_has_been_heard_may_take_it(stage: Stage) -> None:
    visitors = crowd(stage, stage)
    visitors.turn("b", stage, NOW + 1)
    assert visitors.hurried is (stage in (Stage.NEW, Stage.HEAD, Stage.BODY))
    assert visitors.overdue(NOW + 4.9) == []
    assert visitors.overdue(NOW + 5.5) == (["a"] if visitors.hurried else [])
    assert visitors.overdue(NOW + 6) == (["a", "b"] if visitors.hurried else [])


def test_each_stage_has_its_own_time() -> None:
    visitors = crowd(Stage.NEW)
    visitors.turn("a", Stage.BODY, NOW + 4)
    assert visitors.overdue(NOW + 8) == []
    visitors.turn("a", Stage.ANSWER, NOW + 8)
    assert visitors.overdue(NOW + 1000) == []


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("xyz"), st.sampled_from((*Stage, "come", "go")))),
    st.integers(1, 6),
    st.integers(1, 4),
)
def test_there_are_never_more_than_there_may_be(
    doings: list[tuple[int, str, Stage | str]], most: int, each: int
) -> None:
    visitors, inside = Visitors[int](most, each), dict[int, str]()
    for who, source, doing in doings:
        if doing == "come" and who not in inside:
            inside.pop(-1 if (goes := visitors.come(who, source, NOW)) is None else goes, None)
            inside[who] = source
        elif doing == "go":
            visitors.go(who)
            inside.pop(who, None)
        elif isinstance(doing, Stage):
            visitors.turn(who, doing, NOW)
        assert len(visitors) == len(inside) <= most
        assert all(list(inside.values()).count(one) <= each for one in "xyz")
    while (least := visitors.least()) is not None:
        assert least in inside
        visitors.go(least)
        del inside[least]
    assert not inside
