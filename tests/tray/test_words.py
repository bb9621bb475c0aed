"""Texts: rounded so that they are never wrong, shortened so that they always fit."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand_tray import words


@pytest.mark.parametrize(
    ("seconds", "text", "holds"),
    [
        (-5, "0 s", 6),
        (0, "0 s", 1),
        (12.25, "12 s", 0.75),
        (59, "59 s", 1),
        (60, "1 min", 60),
        (845, "14 min", 55),
        (3600, "1 h", 60),
        (4260, "1 h 11 min", 60),
        (172799, "47 h 59 min", 1),
        (172800, "2 days", 86400),
        (300000, "3 days", 45600),
    ],
)
def test_elapsed_time_is_rounded_down(seconds: float, text: str, holds: float) -> None:
    assert words.elapsed(seconds) == words.Span(text, holds)


@pytest.mark.parametrize(
    ("seconds", "text", "holds"),
    [
        (-1, "a moment", math.inf),
        (0, "a moment", math.inf),
        (0.5, "1 s", 0.5),
        (12.25, "13 s", 0.25),
        (60, "60 s", 1),
        (61, "2 min", 1),
        (170, "3 min", 50),
        (3600, "1 h", 60),
        (3601, "1 h 1 min", 1),
    ],
)
def test_remaining_time_is_rounded_up(seconds: float, text: str, holds: float) -> None:
    assert words.remaining(seconds) == words.Span(text, holds)


@given(st.floats(-100, 400000), st.floats(0, 0.999))
def test_elapsed_time_stays_true_for_as_long_as_it_says(seconds: float, part: float) -> None:
    now = words.elapsed(seconds)
    assert now.holds > 0
    assert words.elapsed(seconds + now.holds * part).text == now.text
    assert words.elapsed(seconds + now.holds + 0.001).text != now.text


@given(st.floats(0.01, 400000), st.floats(0, 0.999))
def test_remaining_time_stays_true_for_as_long_as_it_says(seconds: float, part: float) -> None:
    now = words.remaining(seconds)
    assert now.holds > 0
    assert words.remaining(seconds - now.holds * part).text == now.text
    assert words.remaining(seconds - now.holds - 0.001).text != now.text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 10, 9, 17, 30, tzinfo=UTC), "17:30"),
        (datetime(2025, 10, 10, 6, 0, tzinfo=UTC), "Friday 06:00"),
        (datetime(2025, 10, 8, 6, 0, tzinfo=UTC), "Wednesday 06:00"),
        (datetime(2025, 10, 16, 6, 0, tzinfo=UTC), "2025-10-16 06:00"),
    ],
)
def test_a_moment_names_the_day_only_when_it_is_another_one(moment: datetime, text: str) -> None:
    assert words.at(moment, datetime(2025, 10, 9, 9, 0, tzinfo=UTC)) == words.Span(text, 15 * 3600)


def test_texts_of_strangers_become_one_visible_line() -> None:
    assert words.plain("a\nb\u202ec\x1bd") == "a\ufffdb\ufffdc\ufffdd"
    assert words.plain("/a/very/long/path/file.c", 10) == "…th/file.c"
    assert words.plain("exactly10!", 10) == "exactly10!"


def test_long_reasons_lose_their_end() -> None:
    assert words.brief("short") == "short"
    assert words.brief("a rather long, winding reason", 15) == "a rather long…"
    assert words.brief("exactly10!", 10) == "exactly10!"


def test_sentences_begin_large_and_end_in_a_stop() -> None:
    assert words.sentence("the gate is closed") == "The gate is closed."
    assert words.sentence(" Why? ") == "Why?"
    assert words.sentence("") == ""
    assert words.because("") == ""
    assert words.because("you are away") == "Because you are away."
    assert words.lasting("3 min", "") == "For 3 min."
    assert words.lasting("3 min", "you are away") == "For 3 min, because you are away."


def test_things_are_counted() -> None:
    assert words.who(0) == "Who is using this machine…"
    assert words.who(3) == "Who is using this machine… (3)"
    assert words.reclaiming("draining", 0) == "Giving the machine back"
    assert words.reclaiming("draining", 1) == "Letting 1 job finish"
    assert words.reclaiming("stopping", 1) == "Giving the machine back"
    assert words.reclaiming("held", 1) == "Holding still: are you back?"


def test_a_reclaim_is_told_in_its_own_unit() -> None:
    assert words.back_to_you(14.2, 1) == "Last time back to you in 14 ms."
    assert words.back_to_you(1234, 7) == "Last time back to you in 1.2 s; 7 times so far."


def test_senses_name_their_sources() -> None:
    assert words.senses((("input", "X11"), ("screensaver", ""))) == "input: X11 · screensaver: nothing can tell"


def test_what_goes_wrong_is_said_in_full() -> None:
    assert words.unreadable("rubbish").endswith("(rubbish)")
    assert words.unknown_state("asleep") == "it reports the state 'asleep'"
    assert words.cannot_start(words.agent_not_found()) == (
        "It cannot be started: the program farmhand-agent is not installed."
    )
    assert words.cannot_start(words.agent_broken("/a")) == "It cannot be started: /a does not run."
    assert words.cannot_start(words.unit_failed("no\nbus")) == "It cannot be started: systemctl says: no\ufffdbus."
    assert words.display_gone(":7").startswith("the display :7 does not answer; ")


def test_what_keeps_the_tray_from_showing_itself_is_told_with_what_to_do() -> None:
    assert words.display_gone(":9") == (
        "the display :9 does not answer; start the tray in a desktop session, or name that session's display"
    )
    assert words.display_closed(":9", is_x11=True).endswith("or set XAUTHORITY to its file")
    assert words.display_closed("wayland-0", is_x11=False).endswith("start the tray in that desktop session")
    assert words.no_platform("no\x1bsuch").startswith("Qt knows no platform 'no")
    assert words.not_this_platform("wayland", "xcb") == "QT_QPA_PLATFORM=wayland does not work here; xcb does"
    assert words.unloadable("libEGL.so.1: no such file", "libegl1").endswith("with: apt install libegl1")
    assert words.unloadable("broken", "") == "Qt cannot be used (broken)"
    assert words.platform_broken("xcb", "no reason") == (
        "Qt cannot show anything by xcb (no reason); set QT_QPA_PLATFORM to wayland or xcb"
    )
