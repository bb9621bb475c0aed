"""What the owner reads of the rules."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from fakes.desks import (
    AWAY,
    LOCKED,
    NOW,
    OTHER_HOURS,
    THERE,
    WALL,
    choosing,
    judge,
)

from farmhand.lending.observation import Ending, Observation, Wish
from farmhand.lending.policy import Decision
from farmhand.wire.local import RuleView


def test_a_verdict_is_what_the_wire_carries() -> None:
    assert tuple(one.name for one in fields(judge(AWAY).verdicts[0])) == RuleView.__struct_fields__


def why(decision: Decision) -> list[tuple[str, bool, str, str]]:
    return [(one.name, one.holds, one.says, one.change) for one in decision.verdicts]


def test_why_an_idle_machine_is_lent() -> None:
    decision = judge(AWAY)
    assert [one.name for one in decision.verdicts if one.decided] == ["idle"]
    assert why(decision) == [
        ("ending at once", False, "keep now", "Ctrl-C where the agent runs, or telling it twice to end"),
        ("shutting down", False, "keep now", "shutting this machine down"),
        ("going to sleep", False, "keep now", "going to sleep"),
        ("no sandbox", False, "keep now", "losing the sandbox"),
        ("your choice: keep", False, "keep now", "choosing keep"),
        ("ending", False, "keep", "restarting the agent"),
        ("no room in memory", False, "keep", "less free memory"),
        ("your choice: lend", False, "lend 8 slots", "choosing lend"),
        ("never by setting", False, "keep", "lend = never"),
        ("exclusive program", False, "keep now", "starting a program that the setting exclusive names"),
        ("on battery", False, "keep", "unplugging, unless on_battery allows it"),
        ("metered network", False, "keep", "a metered network, unless metered = always"),
        ("on a VPN", False, "keep", "joining a VPN, unless vpn = always"),
        ("about to lend", False, "keep", "a choice to keep that runs out while you may be there"),
        ("always by setting", False, "lend 8 slots", "lend = always"),
        ("another session", False, "keep now", "another session at the screen"),
        ("nobody can tell", False, "keep now", "losing the source for keyboard and mouse, unless slots_in_use is set"),
        ("a single touch", False, "hold", "one touch after an absence, with on_return = hold"),
        ("in use", False, "keep now", "touching keyboard or mouse, unless slots_in_use is set"),
        ("own build", False, "keep now", "starting make, ninja, cargo or a compiler, unless own_build = ignore"),
        ("outside your hours", False, "keep", "the end of the hours of the schedule"),
        ("presenting", False, "keep", "a film or a talk, unless presenting = always"),
        ("in a meeting", False, "keep", "a meeting in your calendar"),
        ("busy with your work", False, "keep", "a load above 30%"),
        ("busy disks", False, "keep", "waiting for disks more than 60% of the time"),
        ("busy until now", False, "keep", "a load above 30%"),
        ("screen locked", False, "lend 8 slots", "locking the screen and leaving"),
        ("idle", True, "lend 8 slots", "touching keyboard or mouse"),
        ("while you work", False, "lend only 0 slots", "touching keyboard or mouse, with slots_in_use above 0"),
        ("not idle long enough", True, "keep", "no input for 5 min, or locking the screen and leaving"),
    ]
    assert [one.value for one in decision.verdicts] == [
        "nobody has told the agent to end",
        "nothing tells when this machine is shut down",
        "nothing tells when this machine goes to sleep",
        "the sandbox works",
        "you chose auto",
        "nobody has told the agent to end",
        "12000 MiB are free and a job needs 1024 MiB",
        "you chose auto",
        "the setting lend is auto",
        "no program wants this machine for itself",
        "nothing tells about a battery",
        "nothing tells whether the network is metered",
        "nothing tells about a VPN",
        "no choice of yours to keep it has just run out",
        "the setting lend is auto",
        "nothing tells whose session is at the screen",
        "you touched keyboard or mouse 10 min ago",
        "no single touch is in doubt",
        "you touched keyboard or mouse 10 min ago",
        "nothing tells when a build of your own starts",
        "no hours are set",
        "nothing tells about films or talks",
        "no calendar is set",
        "your programs use 2% of the machine, the limit is 30%",
        "nothing tells how busy the disks are",
        "the machine has not just been busy",
        "the screen is neither blanked nor locked",
        "you touched keyboard or mouse 10 min ago",
        "no slots are lent while you work",
        "you touched keyboard or mouse 10 min ago",
    ]


def test_why_nothing_works() -> None:
    decision = judge(Observation())
    changes = {one.name: one.change for one in decision.verdicts if one.holds}
    assert changes == {
        "no sandbox": "a working sandbox",
        "no room in memory": "more free memory, or a lower memory_per_job",
        "nobody can tell": "a source for keyboard and mouse",
        "busy with your work": "a load of at most 30%",
        "not idle long enough": "no input for 5 min, or locking the screen and leaving",
    }
    assert {one.value for one in decision.verdicts} >= {"no screensaver answers"}


@pytest.mark.parametrize(
    ("seen", "settings", "rule", "change"),
    [
        (choosing(AWAY, Wish.KEEP), {}, "your choice: keep", "choosing auto or lend"),
        (choosing(AWAY, Wish.LEND), {}, "your choice: lend", "choosing auto or keep"),
        (AWAY, {"lend": "never"}, "never by setting", "lend = auto"),
        (AWAY, {"lend": "always"}, "always by setting", "lend = auto"),
        (replace(AWAY, sleeping=True), {}, "going to sleep", "waking up"),
        (replace(AWAY, shutting_down=True), {}, "shutting down", "calling the shutdown off"),
        (replace(AWAY, ending=Ending.AT_ONCE), {}, "ending at once", "starting the agent again"),
        (replace(AWAY, ending=Ending.WHEN_DONE), {}, "ending", "starting the agent again"),
        (AWAY, {"exclusive": ("quake",)}, "exclusive program", "ending that program"),
        (replace(AWAY, on_battery=True), {}, "on battery", "plugging in, or another on_battery"),
        (replace(AWAY, metered=True), {}, "metered network", "another network, or metered = always"),
        (replace(AWAY, vpn=True), {}, "on a VPN", "leaving the VPN, or vpn = always"),
        (
            replace(AWAY, in_front=False),
            {},
            "another session",
            "switching back to your session, or ending the other",
        ),
        (replace(AWAY, presenting="a film"), {}, "presenting", "leaving the full screen, or presenting = always"),
        (AWAY, {"calendar": ("/a.ics",)}, "in a meeting", "the end of the meeting, or a calendar that can be read"),
        (THERE, {}, "in use", "leaving keyboard and mouse alone"),
        (replace(AWAY, own_build="make"), {}, "own build", "the end of that build, or own_build = ignore"),
        (AWAY, {"schedule": OTHER_HOURS}, "outside your hours", "the next hours of the schedule"),
        (replace(AWAY, disk_pressure=0.9), {}, "busy disks", "waiting for disks at most 60% of the time"),
        (replace(AWAY, busy_until=NOW), {}, "busy until now", "a low load for 20 s"),
        (replace(AWAY, keep_ended=NOW), {}, "about to lend", "letting the time pass, or choosing lend or auto"),
        (LOCKED, {}, "screen locked", "touching keyboard or mouse"),
        (THERE, {}, "idle", "no input for 5 min"),
        (THERE, {"slots_in_use": 2}, "while you work", "no input for 5 min, or slots_in_use = 0"),
    ],
)
def test_what_would_change_it(seen: Observation, settings: dict[str, Any], rule: str, change: str) -> None:
    (verdict,) = (one for one in judge(seen, **settings).verdicts if one.name == rule)
    assert verdict.change == change


def test_one_slot_is_said_as_one() -> None:
    decision = judge(AWAY, slots=1)
    assert [one.says for one in decision.verdicts if one.decided] == ["lend 1 slot"]


def test_memory_pressure_takes_slots() -> None:
    assert judge(replace(AWAY, memory_pressure=0.275)).want.slots == 4


def test_a_rest_of_unknown_length_is_still_a_rest() -> None:
    decision = judge(replace(AWAY, idle_since=None))
    assert {one.value for one in decision.verdicts} >= {"keyboard and mouse rest"}


def test_a_choice_for_a_while_says_how_long() -> None:
    values = [one.value for one in judge(choosing(AWAY, Wish.LEND, WALL + 119)).verdicts]
    assert values.count("you chose lend for another 119 s") == 2
    assert [one.value for one in judge(choosing(AWAY, Wish.LEND, WALL - 1)).verdicts].count("you chose auto") == 2
