"""What the window says for each state of the agent."""

from __future__ import annotations

import msgspec
from fakes.snapshots import job, labels, snapshot

from farmhand.lending.rules import NOT_YET
from farmhand.wire.local import SenseView, Snapshot
from farmhand_tray.demo import NOON
from farmhand_tray.view import COLOURS, Action, Row
from farmhand_tray.viewmodel import present


def test_the_window_of_a_lent_machine() -> None:
    seen = snapshot(
        "lent",
        slots=4,
        jobs=(job(), job("bo", "mars", "bar.c", 3.5), job(file="baz.c", ago=1)),
        last_reclaim_ms=14.0,
        reclaims=3,
        senses=(SenseView("calendar", ""), SenseView("screensaver", ""), SenseView("input", "X11")),
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
        "input: X11 · screensaver: nothing can tell",
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
