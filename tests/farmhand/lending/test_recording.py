"""What is written down, what is not, and that it reads as it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmhand.lending.observation import Choice, Observation, Reading, Return, Wish
from farmhand.lending.recording import SETTINGS, Moment, Session, begin_line, moment_line, read
from farmhand.machine import Machine
from farmhand.settings import Settings

MACHINE = Machine("anna-desk", cores=8, memory_mib=16384)
SETTINGS_OF_ANNA = Settings(
    idle_after=60,
    schedule="18:00-08:00",
    holidays=("12-25",),
    name="anna-desk",
    exclusive=("quake",),
    calendar=("/home/anna/m.ics",),
)
SEEN = Observation(
    choice=Choice(Wish.KEEP, 1_800_000_000.5, Return.AWAY),
    in_use=True,
    idle_since=12.34567,
    presenting="Secret plans.odp",
    exclusive="quake",
    meetings=((1_800_000_000.0, 1_800_003_600.0),),
    others_cpu=0.123456,
    sandbox="no bwrap in /home/anna",
    keep_ended=3.0,
    busy_until=4.0,
)


def test_a_session_reads_as_it_was_written() -> None:
    after = replace(SEEN, in_use=False, exclusive="")
    lines = [
        begin_line(MACHINE, SETTINGS_OF_ANNA),
        moment_line(SEEN, Observation(), 100.0, 1_800_000_000.0, "in use", False),
        moment_line(after, SEEN, 160.0, 1_800_000_060.0, "idle", True, 7.5),
    ]
    (session,) = read(lines)
    assert session.machine == Machine("recorded", 8, 16384)
    assert session.settings == replace(SETTINGS_OF_ANNA, name="", exclusive=("*",), calendar=("*",))
    first, second = session.moments
    assert (first.at, first.wall, first.rule, first.lent) == (100.0, 1_800_000_000.0, "in use", False)
    assert Observation().with_(first.reading) == replace(
        SEEN,
        presenting="*",
        exclusive="*",
        sandbox="*",
        keep_ended=None,
        busy_until=None,
    )
    changed = Reading({"in_use": False, "exclusive": ""})
    assert second == Moment(160.0, 1_800_000_060.0, "idle", True, changed, slept=7.5)


def test_a_line_without_sleep_is_of_a_machine_that_has_not_slept() -> None:
    line = b'{"type":"seen","at":1.0,"wall":2.0,"rule":"idle","lent":true,"values":{}}\n'
    (session,) = read([begin_line(MACHINE, Settings()), line])
    assert session.moments == (Moment(1.0, 2.0, "idle", True, Reading({})),)


def test_nothing_about_anybody_is_written() -> None:
    lines = begin_line(MACHINE, SETTINGS_OF_ANNA) + moment_line(SEEN, Observation(), 1.0, 2.0, "in use", False)
    for name in (b"anna", b"quake", b"plans", b"bwrap", b"/home"):
        assert name not in lines


def test_every_setting_that_counts_for_a_decision_is_known() -> None:
    assert set(SETTINGS) <= set(Settings.__dataclass_fields__)


def test_sessions_follow_each_other() -> None:
    begin, moment = begin_line(MACHINE, Settings()), moment_line(SEEN, SEEN, 1.0, 2.0, "in use", False)
    assert [len(one.moments) for one in read([begin, moment, begin, begin, moment, moment])] == [1, 0, 2]
    assert list(read([])) == []


def test_a_line_that_a_crash_cut_off_is_left_out() -> None:
    begin, moment = begin_line(MACHINE, Settings()), moment_line(SEEN, SEEN, 1.0, 2.0, "in use", False)
    assert [len(one.moments) for one in read([begin, moment, moment[:-1]])] == [1]


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"{}\n",
        b'{"type":"begin","cores":8,"memory_mib":1,"settings":{"name":"x"}}\n',
        b'{"type":"begin","cores":8,"memory_mib":1,"settings":{"slots":"x"}}\n',
        b'{"type":"seen","at":1,"wall":2,"rule":"","lent":false,"values":{"title":"x"}}\n',
        b'{"type":"seen","at":1,"wall":2,"rule":"","lent":false,"values":{"keep_ended":1}}\n',
        b'{"type":"seen","at":1,"wall":2,"rule":"","lent":false,"values":{"in_use":3}}\n',
    ],
)
def test_what_is_no_recording_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="line 2 is not of a recording"):
        list(read([begin_line(MACHINE, Settings()), line]))


@given(st.lists(st.binary(max_size=40).map(lambda data: data + b"\n")))
def test_any_bytes_are_read_or_refused(lines: list[bytes]) -> None:
    with suppress(ValueError):
        assert all(isinstance(one, Session) for one in read(lines))
