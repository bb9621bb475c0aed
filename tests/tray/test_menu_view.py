"""The rows of the menu for each state of the agent."""

from __future__ import annotations

import pytest
from fakes.snapshots import job, labels, row, snapshot

from farmhand.lending.rules import NOT_YET
from farmhand.wire.local import Snapshot
from farmhand_tray.demo import NOON
from farmhand_tray.faces import STATES
from farmhand_tray.view import SEPARATOR, Action, Row
from farmhand_tray.viewmodel import present


def test_the_menu_of_a_lent_machine() -> None:
    view = present(snapshot("lent", slots=8, jobs=(job(), job("", "10.1.4.7", ""))), NOON)
    assert view.menu == (
        Row("Lending 8 slots – 2 of 8 slots in use", enabled=False),
        SEPARATOR,
        Row("Take it back now", Action.TAKE_BACK),
        Row(
            "Pause lending",
            rows=(
                Row("For 1 hour", Action.PAUSE_HOUR),
                Row("Until tomorrow morning", Action.PAUSE_TOMORROW),
                Row("Until I resume", Action.TAKE_BACK),
            ),
        ),
        Row("Lend when I am away", Action.TAKE_BACK, checked=True),
        SEPARATOR,
        Row("Who is using this machine… (2)", Action.OPEN_WINDOW),
        Row("anna@atlas  foo.c", rows=(Row("Block anna@atlas", Action.BLOCK, "anna@atlas"),)),
        Row("10.1.4.7  a file without a name", rows=(Row("Block 10.1.4.7", Action.BLOCK, "10.1.4.7"),)),
        SEPARATOR,
        Row("Quit tray (lending goes on)", Action.QUIT_TRAY),
        Row("Quit and take the machine back", Action.QUIT_ALL),
    )


def test_who_is_blocked_can_be_let_in_again() -> None:
    view = present(snapshot("lent", slots=8, blocked=("10.1.4.7", "bo@mars")), NOON)
    rows = (
        Row("Let 10.1.4.7 in again", Action.UNBLOCK, "10.1.4.7"),
        Row("Let bo@mars in again", Action.UNBLOCK, "bo@mars"),
    )
    assert Row("Blocked (2)", rows=rows) in view.menu
    assert "Blocked: 10.1.4.7, bo@mars." in view.window.footnotes


def test_a_kept_machine_can_be_lent_or_left_to_the_rules() -> None:
    view = present(snapshot("kept", wish="keep"), NOON)
    assert row(view, "Lend now") == Row("Lend now", Action.LEND_NOW)
    assert row(view, "Resume lending") == Row("Resume lending", Action.WHEN_AWAY)
    assert row(view, "Lend when I am away") == Row("Lend when I am away", Action.WHEN_AWAY, checked=False)
    assert "Pause lending" not in labels(view)
    assert view.window.button == Row("Resume lending", Action.WHEN_AWAY)


def test_a_machine_lent_by_hand_can_go_back_to_the_rules() -> None:
    view = present(snapshot("lent", slots=8, wish="lend"), NOON)
    assert row(view, "Lend only when I am away").action is Action.WHEN_AWAY
    assert row(view, "Lend when I am away").checked
    assert "Pause lending" in labels(view)


@pytest.mark.parametrize("state", sorted(STATES))
def test_the_button_follows_the_state(state: str) -> None:
    button = present(snapshot(state, slots=1), NOON).window.button
    expected = {
        "kept": Row("Lend now", Action.LEND_NOW),
        "starting": Row("Take it back now", Action.TAKE_BACK),
        "joining": Row("Take it back now", Action.TAKE_BACK),
        "lent": Row("Take it back now", Action.TAKE_BACK),
        "held": Row("Take it back now", Action.TAKE_BACK),
        "draining": Row("Take it back now", Action.TAKE_BACK),
        "stopping": Row("Taking it back…", enabled=False),
        "failing": Row("Lend now", Action.LEND_NOW, enabled=False),
        "resting": Row("Lend now", Action.LEND_NOW, enabled=False),
    }
    assert button == expected[state]


def test_a_machine_that_cannot_lend_does_not_offer_to() -> None:
    assert not present(snapshot("kept", trouble="no sandbox works here"), NOON).window.button.enabled


def test_whatever_the_trouble_a_lent_machine_can_be_taken_back() -> None:
    seen = snapshot("lent", slots=4, trouble="odd", registry_trouble="silent")
    assert present(seen, NOON).window.button.action is Action.TAKE_BACK


def test_only_a_few_jobs_get_a_row() -> None:
    view = present(snapshot("lent", slots=8, jobs=tuple(job(file=f"{n}.c") for n in range(7))), NOON)
    rows = [label for label in labels(view) if label.startswith("anna@atlas")]
    assert rows == [f"anna@atlas  {n}.c" for n in range(5)]
    assert row(view, "and 2 more jobs") == Row("and 2 more jobs", enabled=False)
    assert not any(label.startswith("and") for label in labels(present(snapshot("lent", slots=8), NOON)))


def test_the_first_row_says_why() -> None:
    def first(seen: Snapshot) -> str:
        return present(seen, NOON).menu[0].label

    assert first(snapshot("kept", rule="in use", reason="you are typing")) == "This machine is yours – you are typing"
    assert first(snapshot("kept", reason="")) == "This machine is yours"
    waits = snapshot("kept", rule=NOT_YET, lends_at=NOON + 170)
    assert first(waits) == "Waiting until you are away – lending begins in 3 min"
    assert first(snapshot("kept", wish="keep")) == "Lending is paused – by your choice"
    assert first(snapshot("kept", trouble="no sandbox works here")) == "Cannot lend – no sandbox works here"
    assert first(snapshot("resting", reason="the port is in use")) == "Trying again soon – the port is in use"
    assert first(snapshot("lent", slots=1, registry_trouble="x")) == (
        "Lending 1 slot – the registry does not know this machine"
    )
    assert len(first(snapshot("kept", reason="long " * 30))) < 80
