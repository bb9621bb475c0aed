"""A snapshot as a terminal shows it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from farmhand.cli.words import headline, job_line, span, status_lines
from farmhand.lending.lender import State
from farmhand.wire.local import JobView, SenseView, Snapshot

NOW = 1_800_000_000.0
KEPT = Snapshot("0.1.0", "anna-desk", "kept", NOW - 60, "in use", "you are using keyboard or mouse")
JOB = JobView("ben", "ws2", "lua", "lapi.c", "gcc", NOW - 3, 0.1)


def shown(**changes: Any) -> Snapshot:
    return msgspec.structs.replace(KEPT, **changes)


@pytest.mark.parametrize(
    ("snapshot", "line"),
    [
        (KEPT, "not lending, because you are using keyboard or mouse"),
        (shown(lends_at=NOW + 30), "not lending, because you are using keyboard or mouse; lends in 30 s"),
        (shown(lends_at=NOW), "not lending, because you are using keyboard or mouse"),
        (shown(state="lent", slots=4, reason="r"), "lending 4 slots, none in use, because r"),
        (shown(state="lent", slots=1, jobs=(JOB,), reason="r"), "lending 1 slot, 1 in use, because r"),
        (
            shown(state="joining", slots=1, reason="r"),
            "lending 1 slot, none in use, not yet known to the registry, because r",
        ),
        (shown(state="joining", reason="r"), "lending, not yet known to the registry, because r"),
        (shown(state="resting", reason="r"), "could not lend, will try again, because r"),
        (shown(state="lent", slots=2, reason=""), "lending 2 slots, none in use"),
        (shown(state="dancing", reason="r"), "dancing, because r"),
    ],
)
def test_the_headline(snapshot: Snapshot, line: str) -> None:
    assert headline(snapshot, NOW) == line


@pytest.mark.parametrize("state", State)
def test_every_state_has_words(state: State) -> None:
    assert not headline(shown(state=state.value), NOW).startswith(f"{state.value},")


def test_the_status_of_a_machine_that_does_nothing() -> None:
    assert status_lines(KEPT, NOW) == [
        "anna-desk: not lending, because you are using keyboard or mouse",
        "registry: none",
    ]


def test_the_status_of_a_busy_machine() -> None:
    full = shown(
        state="lent",
        slots=2,
        jobs=(JOB,),
        reason="you chose lend",
        wish="lend",
        wish_until=NOW + 5400,
        registry="http://hub:3680",
        registry_trouble="no answer",
        trouble="no room",
        gate="127.0.0.1:3632",
        sandbox="Landlock",
        sandbox_weaker="it leaks",
        last_reclaim_ms=12.6,
        priority="idle control group",
        limits="512 MiB",
        senses=(SenseView("input", "XSync IDLETIME"), SenseView("screensaver", "")),
    )
    assert status_lines(full, NOW) == [
        "anna-desk: lending 2 slots, 1 in use, because you chose lend",
        "trouble: no room",
        "  ben@ws2 (lua)  lapi.c  3 s",
        "your choice: lend for another 90 min",
        "registry: http://hub:3680 (no answer)",
        "gate: 127.0.0.1:3632",
        "sandbox: Landlock (weaker: it leaks)",
        "last reclaim: back to you in 13 ms",
        "priority of jobs: idle control group",
        "limits of jobs: 512 MiB",
        "input: XSync IDLETIME",
        "screensaver: nothing can tell",
    ]


def test_a_question_with_a_single_source_says_why_that_one_does_not_answer() -> None:
    calendar = SenseView("calendar", "", ((".ics files", "mine.ics cannot be read"),))
    power = SenseView("power", "", (("UPower", "gone"), ("/sys", "gone")))
    lines = status_lines(shown(senses=(calendar, power)), NOW)
    assert lines[-2:] == ["calendar: nothing can tell: mine.ics cannot be read", "power: nothing can tell"]


def test_the_strongest_sandbox_is_named_without_ado() -> None:
    assert "sandbox: bubblewrap" in status_lines(shown(sandbox="bubblewrap"), NOW)


def test_a_choice_says_when_it_ends() -> None:
    assert "your choice: keep" in status_lines(shown(wish="keep"), NOW)
    assert "your choice: keep until you are back" in status_lines(shown(wish="keep", until_back=True), NOW)


def test_a_job_of_which_little_is_known() -> None:
    assert job_line(JobView("10.0.0.7", "10.0.0.7", "", "", "g++", NOW + 1, 0.0), NOW) == "10.0.0.7  g++  0 s"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, "0 s"), (0.4, "0 s"), (119.4, "119 s"), (120, "2 min"), (7199, "119 min"), (7260, "2 h 1 min")],
)
def test_a_span(seconds: float, words: str) -> None:
    assert span(seconds) == words
