"""What the tray shows as a whole, for how long, and what its clicks become."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from fakes.snapshots import job, snapshot
from hypothesis import given
from hypothesis import strategies as st

from farmhand.lending.rules import NOT_YET
from farmhand.wire.local import Block, Choose, Quit
from farmhand_tray.demo import NOON, SCENES, Scene
from farmhand_tray.view import SEPARATOR, Absence, Action, Face, Row
from farmhand_tray.viewmodel import present, request


# --- the agent is not there ----------------------------------------------------------
def test_without_an_agent_it_can_be_started() -> None:
    view = present(None, NOON)
    assert view.face is Face.ABSENT
    assert view.tooltip == "Farmhand is not running\nNothing is lent."
    assert view.menu == (
        Row("Farmhand is not running – nothing is lent", enabled=False),
        SEPARATOR,
        Row("Start Farmhand", Action.START_AGENT),
        Row("Show window", Action.OPEN_WINDOW),
        SEPARATOR,
        Row("Quit tray", Action.QUIT_TRAY),
    )
    assert view.window.button == Row("Start Farmhand", Action.START_AGENT)
    assert view.window.reason == "Nothing is lent."
    assert view.window.note == ""
    assert view.window.title == "Farmhand"
    assert view.next_change_at is None


def test_what_went_wrong_with_the_start_is_shown() -> None:
    view = present(None, NOON, absence=Absence(detail="it cannot be started: no such program"))
    assert view.window.note == "It cannot be started: no such program."


def test_an_agent_of_another_version_is_neither_started_nor_trusted() -> None:
    view = present(None, NOON, absence=Absence(stranger=True, detail="it sent rubbish"))
    assert (view.face, view.window.headline) == (Face.HELD_BACK, "Farmhand speaks another version")
    assert view.window.reason.endswith("(it sent rubbish)")
    assert view.window.note == ""
    assert not view.window.button.enabled
    assert view.menu[0].label == "Farmhand speaks another version – restart the agent and this window"
    assert view.tooltip == "Farmhand speaks another version\nRestart the agent and this window."


def test_a_state_that_nobody_knows_yet_is_not_guessed_at() -> None:
    view = present(snapshot("asleep"), NOON)
    assert view.window.headline == "Farmhand speaks another version"
    assert "it reports the state 'asleep'" in view.window.reason


# --- the tooltip ---------------------------------------------------------------------
def test_the_tooltip_says_state_reason_and_since_when() -> None:
    seen = snapshot("lent", slots=8)
    assert present(seen, NOON).tooltip == (
        "Lending 8 slots\nNobody needs them at the moment, since 08:46.\nBecause there was no input for 300 s."
    )
    assert present(snapshot("kept", reason="you are typing"), NOON).tooltip == (
        "This machine is yours\nYou are typing.\nSince 08:46."
    )
    assert present(snapshot("stopping", reason="you are typing"), NOON).tooltip == (
        "Giving the machine back\nYou are typing."
    )
    assert present(snapshot("kept", rule=NOT_YET, lends_at=NOON + 180), NOON).tooltip == (
        "Waiting until you are away\nLending begins at 09:03 unless you come back."
    )
    assert present(snapshot("kept", rule="about to lend", lends_at=NOON + 180), NOON).tooltip == (
        "Waiting to lend\nLending begins at 09:03."
    )


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_tooltip_does_not_grow_old(scene: Scene) -> None:
    assert present(scene.snapshot, NOON).tooltip == present(scene.snapshot, NOON + 600).tooltip


def test_times_are_those_of_the_place() -> None:
    def in_tokyo(seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, timezone(timedelta(hours=9)))

    view = present(snapshot("kept", wish="keep", wish_until=NOON + 600), NOON, local=in_tokyo)
    assert view.window.headline == "Paused until 18:10"


# --- time ----------------------------------------------------------------------------
def test_the_youngest_text_decides_when_to_look_again() -> None:
    seen = snapshot("lent", slots=2, since=NOON - 845, jobs=(job(ago=90), job(ago=12.25)))
    assert present(seen, NOON).next_change_at == NOON + 0.75
    assert present(snapshot("kept", since=NOON - 845), NOON).next_change_at == NOON + 55
    assert present(snapshot("stopping"), NOON).next_change_at is None


@given(scene=st.sampled_from(SCENES), later=st.floats(0, 100000), part=st.floats(0, 0.99))
def test_nothing_changes_before_it_is_said_to(scene: Scene, later: float, part: float) -> None:
    now = NOON + later
    view = present(scene.snapshot, now)
    until = now + 1e6 if view.next_change_at is None else view.next_change_at
    then = present(scene.snapshot, now + (until - now) * part)
    same = then.next_change_at if view.next_change_at is None else view.next_change_at
    assert replace(then, next_change_at=same) == replace(view, next_change_at=same)


# --- requests ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "sent"),
    [
        (Action.TAKE_BACK, Choose("keep")),
        (Action.LEND_NOW, Choose("lend")),
        (Action.WHEN_AWAY, Choose("auto")),
        (Action.PAUSE_HOUR, Choose("keep", span=3600)),
        (Action.PAUSE_TOMORROW, Choose("keep", NOON + 50000)),
        (Action.BLOCK, Block("anna@atlas")),
        (Action.UNBLOCK, Block("anna@atlas", on=False)),
        (Action.QUIT_ALL, Quit()),
        (Action.QUIT_TRAY, None),
        (Action.OPEN_WINDOW, None),
        (Action.START_AGENT, None),
    ],
)
def test_each_click_becomes_one_request(action: Action, sent: msgspec.Struct | None) -> None:
    assert request(action, NOON + 50000, "anna@atlas") == sent


def test_every_action_can_be_reached_by_a_click() -> None:
    views = [present(scene.snapshot, NOON, absence=scene.absence) for scene in SCENES]
    rows = [one for view in views for top in view.menu for one in (top, *top.rows)]
    assert {one.action for one in rows} >= set(Action)
