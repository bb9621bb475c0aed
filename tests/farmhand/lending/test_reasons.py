"""The words, where `test_policy` does not say them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from farmhand.lending import reasons
from farmhand.lending.facts import Facts
from farmhand.lending.observation import Choice, Ending, Observation, Return, Wish
from farmhand.settings import Settings

NOW = 10_000.0
FACTS = Facts(Observation(), Settings(exclusive=("quake",)), NOW, choice_ends=None, slots=8)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.9, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (86400, "24 h")],
)
def test_a_span(seconds: float, words: str) -> None:
    assert reasons.span(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (60.0000002, "60 s"),
        (118.5, "119 s"),
        (119.5, "2 min"),
        (3599.97, "60 min"),
        (7139, "119 min"),
        (7141, "2 h"),
        (32399.9, "9 h"),
        (32340, "8 h 59 min"),
    ],
)
def test_what_is_left_is_rounded_up(seconds: float, words: str) -> None:
    assert reasons.left(seconds) == words


@pytest.mark.parametrize(
    ("say", "seen", "words"),
    [
        (reasons.sleep, {}, "nothing tells when this machine goes to sleep"),
        (reasons.sleep, {"sleeping": True}, "this machine is going to sleep"),
        (reasons.sleep, {"sleeping": False}, "this machine is awake"),
        (reasons.shutdown, {}, "nothing tells when this machine is shut down"),
        (reasons.shutdown, {"shutting_down": True}, "this machine is being shut down"),
        (reasons.shutdown, {"shutting_down": False}, "this machine stays on"),
        (reasons.ending, {}, "nobody has told the agent to end"),
        (reasons.ending, {"ending": Ending.WHEN_DONE}, "the agent ends as soon as running jobs are done"),
        (reasons.ending, {"ending": Ending.AT_ONCE}, "the agent ends"),
        (reasons.sandbox, {}, "the sandbox has not been tried yet"),
        (reasons.sandbox, {"sandbox": ""}, "the sandbox works"),
        (reasons.sandbox, {"sandbox": "install bwrap"}, "no sandbox works here: install bwrap"),
        (reasons.wish, {"choice": Choice(Wish.KEEP, back=Return.NOT_LEFT)}, "you chose keep until you are back"),
        (reasons.wish, {"choice": Choice(Wish.KEEP, back=Return.AWAY)}, "you chose keep until you are back"),
        (reasons.wish, {"choice": Choice(back=Return.AWAY)}, "you chose auto"),
        (reasons.memory, {}, "nothing tells how much memory is free"),
        (reasons.memory, {"free_memory_mib": 7}, "7 MiB are free and a job needs 1024 MiB"),
        (reasons.hands, {}, "nothing can tell whether you are there"),
        (reasons.hands, {"in_use": True}, "you are using keyboard or mouse"),
        (reasons.hands, {"in_use": False}, "keyboard and mouse rest"),
        (reasons.hands, {"in_use": False, "idle_since": NOW - 7}, "you touched keyboard or mouse 7 s ago"),
        (reasons.hands, {"in_use": False, "woke_at": NOW - 7}, "this machine woke 7 s ago"),
        (reasons.share, {}, "no slots are lent while you work"),
        (reasons.load, {}, "nothing tells yet how busy the machine is"),
        (reasons.load, {"others_cpu": 0.07}, "your programs use 7% of the machine, the limit is 30%"),
        (reasons.disk, {}, "nothing tells how busy the disks are"),
        (reasons.disk, {"disk_pressure": 0.2}, "your programs wait for disks 20% of the time, the limit is 60%"),
        (reasons.screensaver, {}, "no screensaver answers"),
        (reasons.screensaver, {"screensaver": False}, "the screen is neither blanked nor locked"),
        (reasons.screensaver, {"screensaver": True}, "the screen is blanked or locked, and there was input since"),
        (
            reasons.screensaver,
            {"screensaver": True, "screensaver_since": NOW, "idle_since": NOW},
            "the screen is blanked or locked",
        ),
        (reasons.exclusive, {}, "nothing tells yet which programs run"),
        (reasons.exclusive, {"exclusive": ""}, "no program that wants this machine for itself is running"),
        (reasons.exclusive, {"exclusive": "quake"}, "quake is running"),
        (reasons.own_build, {}, "nothing tells when a build of your own starts"),
        (reasons.own_build, {"own_build": ""}, "no build of your own runs"),
        (reasons.own_build, {"own_build": "make"}, "make builds here"),
        (reasons.power, {}, "nothing tells about a battery"),
        (reasons.power, {"on_battery": True}, "this machine runs on its battery"),
        (reasons.power, {"on_battery": False}, "this machine does not run on a battery"),
        (reasons.network, {}, "nothing tells whether the network is metered"),
        (reasons.network, {"metered": True}, "the network is metered"),
        (reasons.network, {"metered": False}, "the network is not metered"),
        (reasons.front, {}, "nothing tells whose session is at the screen"),
        (reasons.front, {"in_front": True}, "your session is at the screen"),
        (reasons.front, {"in_front": False}, "another session is at the screen"),
        (reasons.vpn, {}, "nothing tells about a VPN"),
        (reasons.vpn, {"vpn": True}, "the network goes through a VPN"),
        (reasons.vpn, {"vpn": False}, "the network goes through no VPN"),
        (reasons.presenting, {}, "nothing tells about films or talks"),
        (reasons.presenting, {"presenting": ""}, "nothing fills the screen or holds off the screensaver"),
        (reasons.presenting, {"presenting": "a film"}, "a film"),
        (reasons.presenting, {"presenting": "a film", "screensaver": True}, "a film, behind the screensaver"),
    ],
)
def test_the_owner_reads(say: Callable[[Facts], str], seen: dict[str, object], words: str) -> None:
    assert say(replace(FACTS, seen=replace(Observation(), **seen))) == words


def test_what_was_chosen_and_set() -> None:
    keeping = replace(FACTS, seen=Observation(choice=Choice(Wish.KEEP)))
    assert reasons.wish(keeping) == "you chose keep"
    assert reasons.wish(replace(keeping, choice_ends=NOW + 60)) == "you chose keep for another 60 s"
    assert reasons.wish(replace(keeping, choice_ends=NOW)) == "you chose auto"
    assert reasons.setting(FACTS) == "the setting lend is auto"
    sharing = replace(FACTS, settings=Settings(slots_in_use=3), seen=Observation(in_use=True))
    assert reasons.share(sharing) == "you lend up to 3 slots while you work, and you are using keyboard or mouse"
    assert reasons.rest(FACTS) == "no input for 5 min"
    assert reasons.exclusive(replace(FACTS, settings=Settings())) == "no program wants this machine for itself"


@pytest.mark.parametrize(
    ("meetings", "words"),
    [
        (None, "your calendar cannot be read, or has not been yet"),
        ((), "no meeting is near"),
        (((90.0, 200.0),), "the next meeting begins in 90 s"),
        (((-90.0, 200.0), (300.0, 400.0)), "you are in a meeting for another 4 min"),
    ],
)
def test_meetings(meetings: tuple[tuple[float, float], ...] | None, words: str) -> None:
    told = replace(FACTS, settings=Settings(calendar=("/a.ics",)), clock=-NOW, seen=Observation(meetings=meetings))
    assert reasons.meeting(told) == words
    assert reasons.meeting(FACTS) == "no calendar is set"


def test_hours_are_said_as_they_were_written() -> None:
    evening = replace(FACTS, settings=Settings(schedule="18:00-20:00"), clock=-NOW)
    assert reasons.hours(evening) == "it is outside your hours: 18:00-20:00"
    assert reasons.hours(replace(evening, now=NOW + 18 * 3600)) == "it is within your hours: 18:00-20:00"
    assert reasons.hours(FACTS) == "no hours are set"
