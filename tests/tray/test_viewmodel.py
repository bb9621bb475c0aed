"""What the tray shows for each state of the agent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.lending.rules import NOT_YET, RULES, SHARED
from farmhand.wire.local import Block, Choose, JobView, Quit, SenseView, Snapshot
from farmhand_resources import ICONS
from farmhand_tray.demo import NOON, SCENES, Scene
from farmhand_tray.view import COLOURS, SEPARATOR, Absence, Action, Face, Row, TrayView
from farmhand_tray.viewmodel import STATES, face_of, present, request


def snapshot(state: str = "kept", **more: Any) -> Snapshot:
    base: dict[str, Any] = {
        "version": "1",
        "name": "orchard",
        "state": state,
        "since": NOON - 840,
        "rule": "idle",
        "reason": "there was no input for 300 s",
    }
    return Snapshot(**{**base, **more})


def job(user: str = "anna", host: str = "atlas", file: str = "foo.c", ago: float = 12.0) -> JobView:
    return JobView(user, host, "renderer", file, "gcc", NOON - ago, 0.0)


def labels(view: TrayView) -> list[str]:
    return [row.label for row in view.menu]


def row(view: TrayView, label: str) -> Row:
    return next(one for one in view.menu if one.label == label)


# --- faces ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seen", "face", "headline"),
    [
        (snapshot("kept", rule="in use", lends_at=NOON + 60), Face.YOURS, "This machine is yours"),
        (snapshot("kept"), Face.YOURS, "This machine is yours"),
        (snapshot("kept", rule=NOT_YET, lends_at=NOON + 60), Face.READY, "Waiting until you are away"),
        (snapshot("kept", rule="in a meeting", lends_at=NOON + 60), Face.READY, "Waiting to lend"),
        (snapshot("kept", wish="keep"), Face.PAUSED, "Lending is paused"),
        (snapshot("kept", wish="keep", lends_at=NOON + 60), Face.PAUSED, "Lending is paused"),
        (snapshot("kept", wish="keep", wish_until=NOON + 600), Face.PAUSED, "Paused until 09:10"),
        (snapshot("kept", wish="keep", trouble="no bwrap"), Face.HELD_BACK, "Cannot lend"),
        (snapshot("starting"), Face.STARTING, "Getting ready to lend"),
        (snapshot("joining"), Face.STARTING, "Getting ready to lend"),
        (snapshot("joining", registry_trouble="silent"), Face.DISCONNECTED, "Getting ready to lend"),
        (snapshot("starting", registry_trouble="silent"), Face.STARTING, "Getting ready to lend"),
        (snapshot("lent", slots=8), Face.UNUSED, "Lending 8 slots"),
        (snapshot("lent", slots=8, jobs=(job(),)), Face.BUSY, "Lending 8 slots"),
        (snapshot("lent", slots=2, rule="while you work"), Face.UNUSED, "Lending 2 slots while you work"),
        (snapshot("lent", slots=2, rule="while you work", jobs=(job(),)), Face.BUSY, "Lending 2 slots while you work"),
        (
            snapshot("lent", slots=1, rule="while you work", registry_trouble="silent"),
            Face.DISCONNECTED,
            "Lending 1 slot while you work",
        ),
        (snapshot("lent", slots=8, jobs=(job(),), trouble="odd"), Face.BUSY, "Lending 8 slots"),
        (snapshot("lent", slots=1, registry_trouble="silent"), Face.DISCONNECTED, "Lending 1 slot"),
        (snapshot("draining", jobs=(job(), job())), Face.RECLAIMING, "Letting 2 jobs finish"),
        (snapshot("draining"), Face.RECLAIMING, "Giving the machine back"),
        (snapshot("stopping", jobs=(job(),), trouble="odd"), Face.RECLAIMING, "Giving the machine back"),
        (snapshot("failing"), Face.HELD_BACK, "Trying again soon"),
        (snapshot("resting"), Face.HELD_BACK, "Trying again soon"),
        (snapshot("resting", trouble="port taken"), Face.HELD_BACK, "Cannot lend"),
        (snapshot("kept", registry_trouble="silent"), Face.YOURS, "This machine is yours"),
    ],
)
def test_each_state_has_its_face(seen: Snapshot, face: Face, headline: str) -> None:
    view = present(seen, NOON)
    assert face_of(seen) is face
    assert (view.face, view.icon, view.window.headline) == (face, face.value, headline)
    assert view.menu[0].label.startswith(headline)
    assert view.tooltip.startswith(headline)


def test_every_face_is_in_the_demo_and_has_an_icon() -> None:
    faces = {present(scene.snapshot, NOON, absence=scene.absence).face for scene in SCENES}
    assert faces == set(Face)
    assert {face.value for face in Face} <= set(ICONS)


def test_the_demo_names_rules_that_there_are() -> None:
    rules = {rule.name for rule in RULES}
    told = {scene.snapshot.rule for scene in SCENES if scene.snapshot is not None}
    assert told <= rules
    assert SHARED in told


def test_no_two_states_of_the_demo_read_the_same() -> None:
    views = [present(scene.snapshot, NOON, absence=scene.absence) for scene in SCENES]
    assert len({(view.window.headline, view.window.reason) for view in views}) == len(SCENES)
    assert len({view.menu[0].label for view in views}) == len(SCENES)


# --- the agent is not there -------------------------------------------------------
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


# --- the menu -----------------------------------------------------------------------
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


# --- the tooltip ----------------------------------------------------------------------
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


# --- the window -----------------------------------------------------------------------
def test_the_window_of_a_lent_machine() -> None:
    seen = snapshot(
        "lent",
        slots=4,
        jobs=(job(), job("bo", "mars", "bar.c", 3.5), job(file="baz.c", ago=1)),
        last_reclaim_ms=14.0,
        reclaims=3,
        senses=(SenseView("input", "X11"), SenseView("load", "")),
    )
    window = present(seen, NOON).window
    assert window.title == "Farmhand on orchard"
    assert window.reason == "For 14 min, because there was no input for 300 s."
    assert window.note == ""
    assert window.blocks == (0, 0, 1, None)
    assert window.slots == "3 of 4 slots in use"
    assert [(one.who, one.lasts, one.file, one.work, one.colour) for one in window.jobs] == [
        ("anna@atlas", "12 s", "foo.c", "gcc · renderer", 0),
        ("bo@mars", "3 s", "bar.c", "gcc · renderer", 1),
        ("anna@atlas", "1 s", "baz.c", "gcc · renderer", 0),
    ]
    assert window.jobs[0].spoken == "anna@atlas compiles foo.c, for 12 s"
    assert window.jobs[1].block == Row("Block", Action.BLOCK, "bo@mars")
    assert window.footnotes == (
        "Last time back to you in 14 ms; 3 times so far.",
        "input: X11 · load: nothing can tell",
    )


def test_an_empty_window_has_no_blocks_and_no_footnotes() -> None:
    window = present(snapshot("kept"), NOON).window
    assert (window.blocks, window.slots, window.jobs, window.footnotes) == ((), "", (), ())


def test_jobs_that_outlive_the_offer_keep_their_blocks() -> None:
    window = present(snapshot("draining", jobs=(job(), job())), NOON).window
    assert (window.blocks, window.slots) == ((0, 0), "2 of 2 slots in use")


def test_more_people_than_colours_share_them() -> None:
    jobs = tuple(job(f"user{n}") for n in range(COLOURS + 1))
    window = present(snapshot("lent", slots=8, jobs=jobs), NOON).window
    assert [one.colour for one in window.jobs] == [*range(COLOURS), 0]


def test_the_window_explains() -> None:
    def told(seen: Snapshot) -> str:
        return present(seen, NOON).window.reason

    why = "Because there was no input for 300 s."
    assert told(snapshot("starting")) == told(snapshot("stopping")) == why
    waits = snapshot("kept", rule=NOT_YET, lends_at=NOON + 170)
    assert told(waits) == f"{why} Lending begins in 3 min unless you come back."
    assert told(msgspec.structs.replace(waits, reason="")) == "Lending begins in 3 min unless you come back."
    assert told(msgspec.structs.replace(waits, rule="about to lend")) == f"{why} Lending begins in 3 min."
    assert told(snapshot("kept", wish="keep")) == "By your choice, for 14 min."
    assert told(snapshot("kept", wish="keep", wish_until=NOON + 600)) == "By your choice, for another 10 min."
    assert told(snapshot("kept", trouble="no bwrap: install it")) == "No bwrap: install it."
    assert told(snapshot("failing")) == "For 14 min, because there was no input for 300 s."


def test_troubles_are_noted_together() -> None:
    seen = snapshot("lent", slots=1, trouble="the disk is full", registry_trouble="hub does not answer")
    assert present(seen, NOON, refused="not now").window.note == (
        "That did not work: not now. Not connected to the farm: hub does not answer. The disk is full."
    )
    assert present(snapshot("kept", trouble="the disk is full"), NOON).window.note == ""


def test_what_strangers_send_cannot_deface_the_tray() -> None:
    nasty = job("anna\n", "atlas\u202e", "x" * 500 + "/foo\x00.c")
    view = present(snapshot("lent", slots=1, jobs=(nasty,)), NOON)
    blocking = next(row for row in view.menu if "atlas" in row.label).rows[0].label
    texts = (
        [label for label in labels(view) if "atlas" in label]
        + [blocking]
        + [view.window.jobs[0].who, view.window.jobs[0].file]
    )
    assert all(text.isprintable() and len(text) < 110 for text in texts)
    assert view.window.jobs[0].file.endswith("/foo\ufffd.c")


# --- time -------------------------------------------------------------------------------
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


# --- requests -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("action", "sent"),
    [
        (Action.TAKE_BACK, Choose("keep")),
        (Action.LEND_NOW, Choose("lend")),
        (Action.WHEN_AWAY, Choose("auto")),
        (Action.PAUSE_HOUR, Choose("keep", NOON + 3600)),
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
    assert request(action, NOON, NOON + 50000, "anna@atlas") == sent


def test_every_action_can_be_reached_by_a_click() -> None:
    views = [present(scene.snapshot, NOON, absence=scene.absence) for scene in SCENES]
    rows = [one for view in views for top in view.menu for one in (top, *top.rows)]
    assert {one.action for one in rows} >= set(Action)
