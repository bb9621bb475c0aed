"""The rules, one by one in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest
from fakes.desks import (
    AWAY,
    KEEP,
    KEEP_NOW,
    LEND,
    LOCKED,
    MACHINE,
    MINE,
    NOW,
    OTHER_HOURS,
    RESTING,
    THERE,
    WALL,
    choosing,
    judge,
)

from farmhand.lending.events import Urge, Want
from farmhand.lending.facts import BUSY_MARGIN, FRESH, LOCK_GESTURE, NUDGE
from farmhand.lending.observation import Ending, Observation, Wish
from farmhand.lending.policy import decide
from farmhand.lending.rules import RULES
from farmhand.settings import Settings

CONVERSATION = [
    # what is seen, with which settings, which rule decides, what it wants, because …
    (replace(AWAY, sleeping=True), {}, "going to sleep", KEEP_NOW, "this machine is going to sleep"),
    (
        choosing(replace(AWAY, sleeping=True, sandbox="no"), Wish.LEND),
        {"lend": "always"},
        "going to sleep",
        KEEP_NOW,
        "this machine is going to sleep",
    ),
    (replace(AWAY, sleeping=False), {}, "idle", LEND, "there was no input for 5 min"),
    (
        choosing(replace(AWAY, shutting_down=True, sleeping=True), Wish.LEND),
        {},
        "shutting down",
        KEEP_NOW,
        "this machine is being shut down",
    ),
    (replace(AWAY, shutting_down=False), {}, "idle", LEND, "there was no input for 5 min"),
    (
        choosing(replace(AWAY, ending=Ending.AT_ONCE, shutting_down=True), Wish.LEND),
        {},
        "ending at once",
        KEEP_NOW,
        "the agent ends",
    ),
    (
        choosing(replace(AWAY, ending=Ending.WHEN_DONE, free_memory_mib=100), Wish.LEND),
        {},
        "ending",
        KEEP,
        "the agent ends as soon as running jobs are done",
    ),
    (choosing(replace(AWAY, ending=Ending.WHEN_DONE), Wish.KEEP), {}, "your choice: keep", KEEP_NOW, "you chose keep"),
    (replace(AWAY, sandbox=None), {}, "no sandbox", KEEP_NOW, "the sandbox has not been tried yet"),
    (replace(AWAY, sandbox="install bwrap"), {}, "no sandbox", KEEP_NOW, "no sandbox works here: install bwrap"),
    (choosing(replace(AWAY, sandbox="no"), Wish.LEND), {}, "no sandbox", KEEP_NOW, "no sandbox works here: no"),
    (choosing(AWAY, Wish.KEEP), {}, "your choice: keep", KEEP_NOW, "you chose keep"),
    (choosing(AWAY, Wish.KEEP, WALL + 60), {}, "your choice: keep", KEEP_NOW, "you chose keep for another 60 s"),
    (choosing(AWAY, Wish.KEEP, WALL + 120), {}, "your choice: keep", KEEP_NOW, "you chose keep for another 2 min"),
    (choosing(AWAY, Wish.KEEP, WALL + 7200), {}, "your choice: keep", KEEP_NOW, "you chose keep for another 2 h"),
    (choosing(AWAY, Wish.KEEP), {"lend": "always"}, "your choice: keep", KEEP_NOW, "you chose keep"),
    (choosing(AWAY, Wish.KEEP, WALL - 30), {}, "idle", LEND, "there was no input for 5 min"),
    (
        choosing(AWAY, Wish.KEEP, WALL - 29.9),
        {},
        "about to lend",
        KEEP,
        "your choice to keep it has just run out, and you may still be there",
    ),
    (AWAY, {"schedule": OTHER_HOURS}, "outside your hours", KEEP, f"it is outside your hours: {OTHER_HOURS}"),
    (
        replace(AWAY, busy_until=NOW - 5),
        {},
        "busy until now",
        KEEP,
        "your programs kept the machine busy until 5 s ago",
    ),
    (
        choosing(replace(AWAY, free_memory_mib=100), Wish.LEND),
        {},
        "no room in memory",
        KEEP,
        "100 MiB are free and a job needs 1024 MiB",
    ),
    (replace(AWAY, free_memory_mib=None), {}, "no room in memory", KEEP, "nothing tells how much memory is free"),
    (choosing(THERE, Wish.LEND), {}, "your choice: lend", LEND, "you chose lend"),
    (choosing(THERE, Wish.LEND), {"lend": "never"}, "your choice: lend", LEND, "you chose lend"),
    (choosing(THERE, Wish.LEND, WALL - 1), {}, "in use", KEEP_NOW, "you are using keyboard or mouse"),
    (
        replace(THERE, touched_once_at=NOW),
        {"on_return": "hold"},
        "a single touch",
        Want(Urge.HOLD),
        "something touched keyboard or mouse once, perhaps by accident",
    ),
    (replace(THERE, touched_once_at=NOW), {}, "in use", KEEP_NOW, "you are using keyboard or mouse"),
    (
        replace(THERE, touched_once_at=NOW - NUDGE),
        {"on_return": "hold"},
        "in use",
        KEEP_NOW,
        "you are using keyboard or mouse",
    ),
    (
        THERE,
        {"slots_in_use": 2},
        "while you work",
        Want(Urge.SHARE, 2),
        "you lend up to 2 slots while you work, and you are using keyboard or mouse",
    ),
    (
        replace(AWAY, in_use=None),
        {"slots_in_use": 1},
        "while you work",
        Want(Urge.SHARE, 1),
        "you lend up to 1 slot while you work, and nothing can tell whether you are there",
    ),
    (AWAY, {"lend": "never"}, "never by setting", KEEP, "the setting lend is never"),
    (THERE, {"lend": "always"}, "always by setting", LEND, "the setting lend is always"),
    (
        replace(AWAY, exclusive="quake"),
        {"exclusive": ("quake",), "lend": "always"},
        "exclusive program",
        KEEP_NOW,
        "quake is running",
    ),
    (AWAY, {"exclusive": ("quake",)}, "exclusive program", KEEP_NOW, "nothing tells yet which programs run"),
    (replace(AWAY, own_build="make"), {}, "own build", KEEP_NOW, "make builds here"),
    (replace(LOCKED, own_build="make"), {"schedule": OTHER_HOURS}, "own build", KEEP_NOW, "make builds here"),
    (replace(AWAY, own_build="make"), {"own_build": "ignore"}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, own_build="make"), {"lend": "always"}, "always by setting", LEND, "the setting lend is always"),
    (replace(AWAY, own_build=""), {}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, exclusive=""), {"exclusive": ("quake",)}, "idle", LEND, "there was no input for 5 min"),
    (choosing(replace(AWAY, exclusive="quake"), Wish.LEND), {}, "your choice: lend", LEND, "you chose lend"),
    (
        replace(AWAY, on_battery=True),
        {"lend": "always"},
        "on battery",
        KEEP,
        "this machine runs on its battery",
    ),
    (replace(AWAY, on_battery=True), {"on_battery": "always"}, "idle", LEND, "there was no input for 5 min"),
    (
        replace(AWAY, on_battery=True, charge=64),
        {"on_battery": "60%"},
        "on battery",
        KEEP,
        "this machine runs on its battery, 64% full, the limit is 65%",
    ),
    (
        replace(AWAY, on_battery=True),
        {"on_battery": "60%"},
        "on battery",
        KEEP,
        "this machine runs on its battery, nobody can tell how full, the limit is 65%",
    ),
    (replace(AWAY, on_battery=True, charge=65), {"on_battery": "60%"}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, on_battery=False, charge=5), {"on_battery": "60%"}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, on_battery=True, charge=100), {}, "on battery", KEEP, "this machine runs on its battery"),
    (replace(AWAY, on_battery=False), {}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, metered=True), {"lend": "always"}, "metered network", KEEP, "the network is metered"),
    (replace(AWAY, metered=True), {"metered": "always"}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, metered=False), {}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, vpn=True), {"lend": "always"}, "on a VPN", KEEP, "the network goes through a VPN"),
    (replace(AWAY, vpn=True), {"vpn": "always"}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, vpn=False), {}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, in_front=False), {}, "another session", KEEP_NOW, "another session is at the screen"),
    (replace(LOCKED, in_front=False), {}, "another session", KEEP_NOW, "another session is at the screen"),
    (replace(AWAY, in_front=False), {"lend": "always"}, "always by setting", LEND, "the setting lend is always"),
    (replace(AWAY, in_front=True), {}, "idle", LEND, "there was no input for 5 min"),
    (
        replace(THERE, in_front=False),
        {"slots_in_use": 2},
        "another session",
        KEEP_NOW,
        "another session is at the screen",
    ),
    (replace(AWAY, presenting="a window fills the screen"), {}, "presenting", KEEP, "a window fills the screen"),
    (replace(AWAY, presenting="a film"), {"presenting": "always"}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, presenting="a film"), {"lend": "always"}, "always by setting", LEND, "the setting lend is always"),
    (replace(AWAY, presenting=""), {}, "idle", LEND, "there was no input for 5 min"),
    (replace(LOCKED, presenting="a film"), {}, "screen locked", LEND, "the screen is blanked or locked"),
    (
        replace(AWAY, meetings=((WALL - 60, WALL + 600),)),
        {"calendar": ("/a.ics",)},
        "in a meeting",
        KEEP,
        "you are in a meeting for another 10 min",
    ),
    (AWAY, {"calendar": ("/a.ics",)}, "in a meeting", KEEP, "your calendar cannot be read, or has not been yet"),
    (
        replace(AWAY, meetings=((WALL + 1, WALL + 600),)),
        {"calendar": ("/a.ics",)},
        "idle",
        LEND,
        "there was no input for 5 min",
    ),
    (replace(AWAY, meetings=((WALL - 60, WALL + 600),)), {}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, woke_at=NOW - 5), {}, "in use", KEEP_NOW, "this machine woke 5 s ago"),
    (replace(AWAY, woke_at=NOW - 50), {}, "not idle long enough", KEEP, "this machine woke 50 s ago, not yet 5 min"),
    (replace(AWAY, in_use=None), {}, "nobody can tell", KEEP_NOW, "nothing can tell whether you are there"),
    (replace(LOCKED, in_use=None), {}, "nobody can tell", KEEP_NOW, "nothing can tell whether you are there"),
    (THERE, {}, "in use", KEEP_NOW, "you are using keyboard or mouse"),
    (replace(RESTING, idle_since=NOW - 4), {}, "in use", KEEP_NOW, "you touched keyboard or mouse 4 s ago"),
    (replace(RESTING, idle_since=NOW + 0.1), {}, "in use", KEEP_NOW, "you touched keyboard or mouse 0 s ago"),
    (
        replace(AWAY, others_cpu=0.5),
        {},
        "busy with your work",
        KEEP,
        "your programs use 50% of the machine, the limit is 30%",
    ),
    (
        replace(AWAY, others_cpu=None),
        {},
        "busy with your work",
        KEEP,
        "nothing tells yet how busy the machine is",
    ),
    (
        replace(AWAY, disk_pressure=0.61),
        {},
        "busy disks",
        KEEP,
        "your programs wait for disks 61% of the time, the limit is 60%",
    ),
    (replace(AWAY, disk_pressure=0.6), {}, "idle", LEND, "there was no input for 5 min"),
    (replace(AWAY, disk_pressure=1.0), {"disk_busy_above": 1.0}, "idle", LEND, "there was no input for 5 min"),
    (LOCKED, {}, "screen locked", LEND, "the screen is blanked or locked"),
    (AWAY, {}, "idle", LEND, "there was no input for 5 min"),
    (AWAY, {"idle_after": 30.0}, "idle", LEND, "there was no input for 30 s"),
    (replace(AWAY, idle_since=None), {}, "idle", LEND, "there was no input for 5 min"),
    (
        RESTING,
        {},
        "not idle long enough",
        KEEP,
        "you touched keyboard or mouse 100 s ago, not yet 5 min",
    ),
]


@pytest.mark.parametrize(("seen", "settings", "rule", "want", "because"), CONVERSATION)
def test_the_owner_reads(seen: Observation, settings: dict[str, Any], rule: str, want: Want, because: str) -> None:
    decision = judge(seen, **settings)
    assert (decision.rule, decision.want, decision.reason) == (rule, want, because)


def test_every_rule_is_reached_by_the_conversation() -> None:
    assert {rule for _, _, rule, _, _ in CONVERSATION} == {rule.name for rule in RULES}


# --- back at the screensaver --------------------------------------------------
def test_locking_lends_as_soon_as_the_hands_rest() -> None:
    locking = replace(THERE, screensaver=True, screensaver_since=NOW)
    assert judge(locking).rule == "in use", "the lock key is still going up"
    assert judge(replace(locking, idle_since=NOW + LOCK_GESTURE), now=NOW + 5).rule == "screen locked"


def test_a_touch_at_the_lock_dialog_is_the_owners_return() -> None:
    touched = replace(LOCKED, idle_since=None)
    assert judge(LOCKED, lending=True).want.lend
    assert judge(touched, lending=True).want == KEEP_NOW


def test_a_rest_at_the_lock_dialog_is_not_leaving_again() -> None:
    pondering = replace(LOCKED, screensaver_since=NOW - 60, idle_since=NOW - 60 + LOCK_GESTURE + 0.1)
    decision = judge(pondering)
    assert decision.rule == "not idle long enough"
    (verdict,) = (one for one in decision.verdicts if one.name == "screen locked")
    assert verdict.value == "the screen is blanked or locked, and there was input since"
    assert judge(replace(pondering, in_use=False)).rule == "idle"


def test_a_screensaver_nobody_saw_coming_shortens_nothing() -> None:
    assert judge(replace(LOCKED, screensaver_since=None)).rule == "in use"
    assert judge(replace(LOCKED, screensaver=None)).rule == "in use"


# --- waking up ----------------------------------------------------------------
def test_waking_counts_as_a_touch_whatever_the_senses_still_say() -> None:
    woken = replace(LOCKED, sleeping=False, woke_at=NOW - 1, screensaver_since=NOW - 900, idle_since=NOW - 900)
    assert judge(woken).rule == "in use", "what was known before is old"
    assert judge(replace(woken, in_use=False)).rule == "in use"
    assert judge(replace(woken, in_use=False), now=NOW + 299).rule == "idle"


def test_a_touch_after_waking_is_what_counts() -> None:
    assert judge(replace(THERE, woke_at=NOW - 1000)).reason == "you are using keyboard or mouse"
    assert judge(replace(RESTING, woke_at=NOW - 200)).reason.startswith("you touched keyboard or mouse 100 s ago")


def test_waking_cannot_tell_who_is_there() -> None:
    assert judge(replace(AWAY, in_use=None, woke_at=NOW - 1)).rule == "nobody can tell"


# --- battery ------------------------------------------------------------------
def test_a_battery_feeds_the_farm_down_to_its_floor_and_begins_above_it() -> None:
    at = {charge: replace(AWAY, on_battery=True, charge=charge) for charge in (59, 60, 64, 65)}
    assert [judge(one, on_battery="60%").want.lend for one in at.values()] == [False, False, False, True]
    lent = [judge(one, on_battery="60%", lending=True).want.lend for one in at.values()]
    assert lent == [False, True, True, True]
    assert judge(replace(AWAY, on_battery=True, charge=100), on_battery="98%").want.lend, "more than full is not asked"
    assert judge(replace(AWAY, on_battery=True, charge=0), on_battery="always").want.lend


# --- meetings -----------------------------------------------------------------
TWO = ((WALL - 60, WALL + 600), (WALL + 700, WALL + 1300))


@pytest.mark.parametrize(
    ("seen", "settings", "look_again_at", "lends_at"),
    [
        (AWAY, MINE, NOW + 600, NOW + 600),
        (AWAY, {**MINE, "schedule": OTHER_HOURS}, NOW + 600, NOW + 36000),
        (replace(RESTING, idle_since=NOW), MINE, NOW + FRESH, NOW + 600),
        (replace(RESTING, idle_since=NOW + 400), MINE, NOW + 410, NOW + 1300),
        (choosing(AWAY, Wish.KEEP, WALL + 720), MINE, NOW + 600, NOW + 1300),
    ],
)
def test_lending_begins_when_the_meeting_ends(
    seen: Observation, settings: dict[str, Any], look_again_at: float, lends_at: float
) -> None:
    decision = judge(replace(seen, meetings=TWO), **settings)
    assert (decision.look_again_at, decision.lends_at) == (look_again_at, lends_at)


def test_a_meeting_begins_and_ends_sharply() -> None:
    seen = replace(AWAY, meetings=TWO)
    lent = {at: judge(seen, now=NOW + at, lending=True, **MINE).want.lend for at in (599.9, 600, 699.9, 700, 1300)}
    assert list(lent.values()) == [False, True, True, False, True]
    assert judge(seen, now=NOW + 650, **MINE).look_again_at == NOW + 700


def test_a_meeting_keeps_the_machine_from_the_rules_and_not_from_the_owner() -> None:
    assert judge(choosing(replace(AWAY, meetings=TWO), Wish.LEND), **MINE).want.lend
    assert judge(replace(AWAY, meetings=TWO), lend="always", **MINE).want.lend
    assert judge(replace(THERE, meetings=TWO), **MINE).rule == "in use"


# --- slots_in_use -------------------------------------------------------------
SHARE = Want(Urge.SHARE, 2)


@pytest.mark.parametrize(
    ("seen", "settings", "rule", "want"),
    [
        (RESTING, {}, "while you work", SHARE),
        (replace(AWAY, woke_at=NOW - 5), {}, "while you work", SHARE),
        (AWAY, {}, "idle", LEND),
        (LOCKED, {}, "screen locked", LEND),
        (replace(LOCKED, idle_since=None), {}, "while you work", SHARE),
        (THERE, {"lend": "always"}, "always by setting", LEND),
        (choosing(THERE, Wish.LEND), {}, "your choice: lend", LEND),
        (replace(THERE, sleeping=True), {}, "going to sleep", KEEP_NOW),
        (replace(THERE, sandbox="no"), {}, "no sandbox", KEEP_NOW),
        (choosing(THERE, Wish.KEEP), {}, "your choice: keep", KEEP_NOW),
        (replace(THERE, free_memory_mib=100), {}, "no room in memory", KEEP_NOW),
        (THERE, {"lend": "never"}, "never by setting", KEEP_NOW),
        (replace(THERE, exclusive="quake"), {"exclusive": ("quake",)}, "exclusive program", KEEP_NOW),
        (replace(THERE, on_battery=True), {}, "on battery", KEEP_NOW),
        (replace(THERE, metered=True), {}, "metered network", KEEP_NOW),
        (replace(THERE, vpn=True), {}, "on a VPN", KEEP_NOW),
        (replace(THERE, keep_ended=NOW - 1), {}, "about to lend", KEEP_NOW),
        (replace(THERE, own_build="make"), {}, "own build", KEEP_NOW),
        (THERE, {"schedule": OTHER_HOURS}, "outside your hours", KEEP_NOW),
        (replace(THERE, presenting="a film"), {}, "presenting", KEEP_NOW),
        (THERE, {"calendar": ("/a.ics",)}, "in a meeting", KEEP_NOW),
        (replace(THERE, others_cpu=0.9), {}, "busy with your work", KEEP_NOW),
        (replace(THERE, others_cpu=None), {}, "busy with your work", KEEP_NOW),
        (replace(THERE, disk_pressure=0.9), {}, "busy disks", KEEP_NOW),
        (replace(THERE, busy_until=NOW - 5), {}, "busy until now", KEEP_NOW),
        (replace(THERE, touched_once_at=NOW), {"on_return": "hold"}, "a single touch", Want(Urge.HOLD)),
        (replace(AWAY, others_cpu=0.9), {}, "busy with your work", KEEP),
    ],
)
def test_a_part_is_lent_while_the_owner_works_unless_another_rule_keeps_it(
    seen: Observation, settings: dict[str, Any], rule: str, want: Want
) -> None:
    decision = judge(seen, slots_in_use=2, **settings)
    assert (decision.rule, decision.want) == (rule, want)


def test_the_part_is_never_more_than_the_machine_has() -> None:
    assert judge(THERE, slots_in_use=64).want.slots == 8
    assert judge(THERE, slots_in_use=2, slots=1).want.slots == 1
    assert judge(replace(THERE, free_memory_mib=1400), slots_in_use=2).want.slots == 1
    assert judge(replace(THERE, others_cpu=0.3), slots_in_use=7).want.slots == 6
    (verdict,) = (one for one in judge(THERE, slots_in_use=64).verdicts if one.decided)
    assert verdict.says == "lend only 8 slots"


def test_the_part_begins_with_the_end_of_a_choice_to_keep_after_a_warning() -> None:
    assert judge(choosing(THERE, Wish.KEEP, WALL + 50), slots_in_use=2).lends_at == NOW + 80


def test_a_standing_part_stands_still_until_the_room_has_clearly_changed() -> None:
    fresh, standing = ({"slots_in_use": 6, "busy_above": 0.9}, {"lending": True, "offered": 6})
    assert judge(replace(THERE, others_cpu=0.32), **fresh).want.slots == 5
    assert judge(replace(THERE, others_cpu=0.32), **standing, **fresh).want.slots == 6
    assert judge(replace(THERE, others_cpu=0.35), **standing, **fresh).want.slots == 5


# --- load ---------------------------------------------------------------------
def test_load_takes_back_later_than_it_refuses() -> None:
    limit = 0.3 + 0.7 * BUSY_MARGIN
    assert judge(replace(AWAY, others_cpu=0.3)).want.lend
    assert not judge(replace(AWAY, others_cpu=0.301)).want.lend
    assert judge(replace(AWAY, others_cpu=limit), lending=True).want.lend
    assert judge(replace(AWAY, others_cpu=limit + 0.001), lending=True).want == KEEP
    limit = 0.6 + 0.4 * BUSY_MARGIN
    assert judge(replace(AWAY, disk_pressure=limit), lending=True).want.lend
    assert judge(replace(AWAY, disk_pressure=limit + 0.001), lending=True).want == KEEP


def test_a_loaded_machine_offers_what_is_left() -> None:
    assert judge(replace(AWAY, others_cpu=0.25)).want.slots == 6
    assert judge(replace(AWAY, others_cpu=0.25), lending=True, offered=6).want.slots == 6


def test_a_machine_that_was_busy_is_lent_only_after_a_calm_while() -> None:
    calm = replace(AWAY, busy_until=NOW)
    assert judge(calm, now=NOW + 19.9).want == KEEP
    assert judge(calm, now=NOW + 20).want.lend
    assert judge(calm, now=NOW + 5, dwell=5.0).want.lend
    assert judge(calm, lending=True).want.lend, "the limit for taking back is another one"


# --- after a reclaim for a while ----------------------------------------------
def test_lending_after_a_keep_is_announced_whichever_rule_would_lend() -> None:
    ended = replace(THERE, keep_ended=NOW - 10)
    assert judge(ended).rule == "in use"
    assert judge(ended, lend="always").rule == "about to lend"
    assert judge(ended, lend="always").lends_at == NOW + 20
    assert judge(ended, lend="always", now=NOW + 20).rule == "always by setting"
    assert judge(replace(AWAY, keep_ended=NOW - 10, others_cpu=0.9)).rule == "busy with your work"


def test_the_warning_is_reckoned_with_already_while_jobs_end() -> None:
    assert judge(choosing(AWAY, Wish.KEEP, WALL + 50), lending=True).lends_at == NOW + 80


def test_nobody_is_warned_who_has_left_or_has_chosen_to_lend() -> None:
    assert judge(replace(LOCKED, keep_ended=NOW - 1), now=NOW + 5).rule == "screen locked"
    assert judge(choosing(replace(AWAY, keep_ended=NOW - 1), Wish.LEND)).rule == "your choice: lend"
    assert judge(replace(AWAY, keep_ended=NOW - 1), lending=True).rule == "idle"


# --- hours --------------------------------------------------------------------
def test_the_owners_return_counts_outside_the_hours_too() -> None:
    assert judge(THERE, lending=True, schedule=OTHER_HOURS).want == KEEP_NOW


def test_hours_bind_the_rules_and_not_the_owner() -> None:
    assert judge(choosing(AWAY, Wish.LEND), schedule=OTHER_HOURS).want.lend
    assert judge(AWAY, lend="always", schedule=OTHER_HOURS).want.lend
    assert judge(AWAY, schedule="08:00-08:01").want.lend


def test_holidays_and_the_zone_count() -> None:
    assert judge(AWAY, schedule="mon-sat 18:00-06:00, sun all", holidays=("2027-01-15",)).want.lend
    east = decide(AWAY, Settings(schedule=OTHER_HOURS), MACHINE, NOW, WALL, False, zone=timezone(timedelta(hours=10)))
    assert east.want.lend


# --- time ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seen", "settings", "look_again_at", "lends_at"),
    [
        (AWAY, {}, None, None),
        (THERE, {}, None, None),
        (RESTING, {}, NOW + 200, NOW + 200),
        (replace(RESTING, idle_since=NOW - 4), {}, NOW - 4 + FRESH, NOW + 296),
        (replace(RESTING, idle_since=NOW - 4), {"idle_after": 6.0}, NOW + 2, NOW + 2),
        (RESTING, {"idle_after": 50.0}, None, None),
        (RESTING, {"lend": "never"}, NOW + 200, None),
        (replace(RESTING, others_cpu=0.9), {}, NOW + 200, None),
        (replace(RESTING, idle_since=NOW - 4, others_cpu=0.9), {}, NOW - 4 + FRESH, None),
        (LOCKED, {}, NOW - 5 + FRESH, None),
        (replace(AWAY, sleeping=True), {}, None, None),
        (replace(RESTING, on_battery=True), {}, NOW + 200, None),
        (replace(RESTING, presenting="a film"), {}, NOW + 200, None),
        (replace(RESTING, idle_since=NOW - 4, presenting="a film"), {}, NOW - 4 + FRESH, None),
        (replace(AWAY, woke_at=NOW - 50), {}, NOW + 250, NOW + 250),
        (replace(AWAY, woke_at=NOW - 4), {}, NOW - 4 + FRESH, NOW + 296),
        (choosing(AWAY, Wish.KEEP), {}, None, None),
        (choosing(replace(AWAY, others_cpu=0.9), Wish.KEEP, WALL + 50), {}, NOW + 50, None),
        (choosing(replace(AWAY, free_memory_mib=0), Wish.LEND, WALL + 50), {}, NOW + 50, None),
        (choosing(AWAY, Wish.KEEP, WALL + 50), {}, NOW + 50, NOW + 80),
        (choosing(AWAY, Wish.KEEP, WALL + 50), {"warn_before": 0.0}, NOW + 50, NOW + 50),
        (choosing(LOCKED, Wish.KEEP, WALL + 50), {}, NOW - 5 + FRESH, NOW + 50),
        (choosing(AWAY, Wish.KEEP, WALL + 50), {"schedule": OTHER_HOURS}, NOW + 50, NOW + 36000),
        (replace(AWAY, keep_ended=NOW - 10), {}, NOW + 20, NOW + 20),
        (replace(AWAY, busy_until=NOW - 5), {}, NOW + 15, NOW + 15),
        (replace(AWAY, busy_until=NOW - 5, others_cpu=0.9), {}, NOW + 15, None),
        (AWAY, {"schedule": OTHER_HOURS}, NOW + 36000, NOW + 36000),
        (replace(AWAY, busy_until=NOW - 5), {"schedule": OTHER_HOURS}, NOW + 15, NOW + 36000),
        (AWAY, {"schedule": "07:00-09:00"}, NOW + 3600, None),
        (choosing(AWAY, Wish.KEEP, WALL + 50), {"lend": "never"}, NOW + 50, None),
        (choosing(RESTING, Wish.KEEP, WALL + 50), {}, NOW + 50, NOW + 200),
        (choosing(RESTING, Wish.KEEP, WALL + 900), {}, NOW + 200, NOW + 930),
        (choosing(AWAY, Wish.LEND, WALL + 50), {}, NOW + 50, None),
        (replace(AWAY, in_use=None, idle_since=NOW - 4), {}, None, None),
        (replace(AWAY, idle_since=NOW - 4), {}, None, None),
        (replace(THERE, touched_once_at=NOW - 1), {"on_return": "hold"}, NOW - 1 + NUDGE, None),
        (replace(THERE, touched_once_at=NOW - 1), {}, None, None),
    ],
)
def test_time(seen: Observation, settings: dict[str, Any], look_again_at: float | None, lends_at: float | None) -> None:
    decision = judge(seen, **settings)
    assert (decision.look_again_at, decision.lends_at) == (look_again_at, lends_at)


def test_a_short_rest_is_over_before_it_is_stale() -> None:
    assert judge(replace(RESTING, idle_since=NOW - 1.5), idle_after=1.0).rule == "not idle long enough"


def test_the_end_of_the_owners_presence_is_sharp() -> None:
    assert judge(replace(RESTING, idle_since=NOW - FRESH)).rule == "not idle long enough"


# --- hurry --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("seen", "settings", "rule"),
    [
        (replace(THERE, ending=Ending.WHEN_DONE), {}, "ending"),
        (replace(THERE, ending=Ending.WHEN_DONE, touched_once_at=NOW), {"on_return": "hold"}, "ending"),
        (replace(THERE, ending=Ending.WHEN_DONE), {"slots_in_use": 2}, "ending"),
        (replace(AWAY, ending=Ending.WHEN_DONE, in_front=False), {}, "ending"),
        (replace(AWAY, ending=Ending.WHEN_DONE, own_build="make"), {}, "ending"),
        (replace(THERE, on_battery=True), {}, "on battery"),
        (replace(THERE, metered=True), {}, "metered network"),
        (replace(THERE, vpn=True), {}, "on a VPN"),
        (replace(THERE, free_memory_mib=50), {}, "no room in memory"),
        (replace(AWAY, free_memory_mib=50, exclusive="quake"), {"exclusive": ("quake",)}, "no room in memory"),
        (THERE, {"lend": "never"}, "never by setting"),
        (replace(AWAY, on_battery=True, own_build="make"), {}, "on battery"),
    ],
)
def test_a_softer_reason_does_not_keep_the_owner_waiting(
    seen: Observation, settings: dict[str, Any], rule: str
) -> None:
    decision = judge(seen, **settings)
    assert (decision.rule, decision.want) == (rule, KEEP_NOW)


def test_who_lent_it_by_hand_and_sits_before_it_lets_jobs_finish() -> None:
    assert judge(choosing(replace(THERE, free_memory_mib=50), Wish.LEND)).want == KEEP
    assert judge(choosing(replace(THERE, ending=Ending.WHEN_DONE), Wish.LEND)).want == KEEP


def test_an_agent_that_ends_lends_no_more() -> None:
    decision = judge(choosing(replace(RESTING, ending=Ending.WHEN_DONE), Wish.KEEP, WALL + 50))
    assert decision.lends_at is None
