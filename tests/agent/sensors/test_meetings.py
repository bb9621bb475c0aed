"""A calendar that changes, goes away or cannot be read."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from fakes.listener import Listener, watching
from fakes.waiting import comes_true

from farmhand.settings import Settings
from farmhand_agent.sensors import meetings
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.meetings import Meetings

NOON = 1_781_085_600.0
"""2026-06-10 10:00 in Greenwich."""
EMPTY = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:tests\r\nEND:VCALENDAR\r\n"


def with_meeting(hour: int) -> str:
    lines = [
        "BEGIN:VEVENT",
        "UID:1",
        f"DTSTART:20260610T{hour:02}0000Z",
        "DURATION:PT1H",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return EMPTY.replace("END:VCALENDAR", "\r\n".join(lines))


class Wall:
    """A clock on the wall that a test moves.

    Attributes:
        now: Unix seconds.
        asked: how often somebody looked.
    """

    def __init__(self) -> None:
        self.now = NOON
        self.asked = 0

    def __call__(self) -> float:
        self.asked += 1
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.ics"


def sense(file: Path, wall: Wall) -> Meetings:
    return Meetings(Settings(calendar=(str(file),)), wall, pause=0.01)


async def test_a_calendar_is_read_again_when_it_changes(file: Path) -> None:
    file.write_text(EMPTY)
    async with watching(sense(file, Wall())) as heard:
        await heard.until(lambda: heard.readings == [{"meetings": ()}])
        file.write_text(with_meeting(12))
        await heard.until_seen(meetings=((NOON + 7200, NOON + 10800),))
        other = file.with_name("other.ics")
        other.write_text(with_meeting(13))
        os.replace(other, file)
        await heard.until_seen(meetings=((NOON + 10800, NOON + 14400),))


async def test_the_horizon_moves_and_the_clock_may_be_put_back(file: Path) -> None:
    file.write_text(with_meeting(12))
    wall = Wall()
    wall.now = NOON - 86400 * 2
    async with watching(sense(file, wall)) as heard:
        await heard.until_seen(meetings=())
        asked = wall.asked
        wall.now = NOON
        await heard.until_seen(meetings=((NOON + 7200, NOON + 10800),))
        wall.now = NOON - 86400 * 2
        await heard.until_seen(meetings=())
        assert wall.asked > asked


async def test_a_calendar_that_has_not_changed_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(EMPTY)
    wall = Wall()
    async with watching(sense(file, wall)) as heard:
        await heard.until_seen(meetings=())
        monkeypatch.setattr(meetings, "MODULE", "nothing.that.could.read")
        asked = wall.asked
        await comes_true(lambda: wall.asked >= asked + 5)
        assert len(heard.readings) == 1


async def test_a_calendar_that_goes_away(file: Path) -> None:
    file.write_text(EMPTY)
    heard = Listener()
    watch = asyncio.create_task(sense(file, Wall()).watch(heard.report))
    await heard.until_seen(meetings=())
    file.unlink()
    with pytest.raises(SenseLost, match=r"mine.ics cannot be read: No such file"):
        await asyncio.wait_for(watch, 30)


async def test_what_is_no_calendar(file: Path) -> None:
    file.write_text("hello\n")
    source = sense(file, Wall())
    assert source.unusable() is None
    with pytest.raises(SenseLost, match=r"mine.ics is no calendar"):
        await source.watch(lambda _: None)
    assert "mine.ics is no calendar" in (source.unusable() or ""), "it is not read again and again"
    file.write_text(EMPTY + " ")
    assert source.unusable() is None
    file.unlink()
    assert source.unusable() is None, "watching tells"


async def test_a_calendar_that_takes_for_ever(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meetings, "READ_WITHIN", 0.5)
    os.mkfifo(file)
    source = sense(file, Wall())
    with pytest.raises(SenseLost, match=r"could not be read within 0.5 s"):
        await source.watch(lambda _: None)
    assert source.unusable() is None, "the machine may have been busy: it is tried again"


async def test_without_the_libraries(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meetings, "NEEDED", ("icalendar", "no_such_library"))
    told = "no_such_library not installed: pip install 'farmhand[calendar]'"
    assert sense(file, Wall()).unusable() == told
    with pytest.raises(SenseLost, match="no_such_library"):
        await sense(file, Wall()).watch(lambda _: None)


def test_without_a_calendar() -> None:
    assert Meetings(Settings()).unusable() == "the setting calendar names no file"
