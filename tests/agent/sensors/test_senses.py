"""Sources are chosen, lost, passed over and found again; then all of it on a real X server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from math import inf

import pytest
from fakes.listener import Listener
from fakes.procfs import descriptors
from fakes.scripted_sensor import ScriptedSensor
from fakes.waiting import comes_true
from fakes.xserver import XServer

from farmhand.lending.observation import Reading
from farmhand.settings import Settings
from farmhand.wire.local import SenseView
from farmhand_agent.sensors import Question, Senses, candidates, sense, senses
from farmhand_agent.sensors.hands import any_hands
from farmhand_agent.sensors.senses import SOON, SOON_FOR, STEADY, any_presentation, any_screensaver, longer

UNKNOWN = Reading({"in_use": None, "idle_since": None})
NO_SCREENSAVER = Reading({"screensaver": None, "screensaver_since": None})


class Clock:
    """Monotonic seconds that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@contextlib.asynccontextmanager
async def running(*questions: Question, clock: Callable[[], float] | None = None) -> AsyncIterator[Listener]:
    heard = Listener()
    task = asyncio.create_task(Senses(questions, heard.report, heard.told, clock or Clock()).run())
    try:
        yield heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def asking(*sources: ScriptedSensor, patience: float = 0.01, believed_for: float = 0.0) -> Question:
    return Question("input", UNKNOWN, sources, patience=patience, believed_for=believed_for)


async def test_the_first_usable_source_is_watched() -> None:
    first, second, third = ScriptedSensor("X", why_not="no X"), ScriptedSensor("Y"), ScriptedSensor("Z")
    async with running(asking(first, second, third)) as heard:
        second.say(in_use=True)
        await heard.until_seen(in_use=True)
        assert heard.views == [SenseView("input", "Y", (("X", "no X"),))]
        assert (first.watches, second.watches, third.watches) == (0, 1, 0)


async def test_what_a_lost_source_knew_is_unknown_at_once_and_it_is_found_again() -> None:
    source, clock = ScriptedSensor("X"), Clock()
    async with running(asking(source), clock=clock) as heard:
        source.say(in_use=False, idle_since=5.0)
        await heard.until_seen(in_use=False)
        clock.now += STEADY
        source.lose("the X server has gone")
        await heard.until_seen(in_use=None, idle_since=None)
        await heard.until(lambda: len(heard.views) == 3)
        source.say(in_use=True)
        await heard.until_seen(in_use=True)
        gone = SenseView("input", "", (("X", "the X server has gone"),))
        assert heard.views == [SenseView("input", "X"), gone, SenseView("input", "X")]


async def test_a_reason_against_lending_outlives_the_restart_of_its_source() -> None:
    source = ScriptedSensor("X")
    async with running(asking(source, believed_for=600)) as heard:
        source.say(in_use=True)
        await heard.until_seen(in_use=True)
        source.lose("started anew")
        source.say(in_use=False)
        await heard.until_seen(in_use=False)
        assert heard.readings == [{"in_use": True}, {"in_use": False}]


async def test_a_source_that_stays_away_is_believed_for_a_while_only() -> None:
    source = ScriptedSensor("X")
    async with running(asking(source, believed_for=0.2)) as heard:
        source.say(in_use=True)
        await heard.until_seen(in_use=True)
        source.why_not = "removed"
        source.lose("gone")
        await heard.until(lambda: heard.views[-1].source == "")
        assert heard.seen.in_use is True
        await heard.until_seen(in_use=None)


async def test_what_was_never_known_is_unknown_at_once() -> None:
    async with running(asking(ScriptedSensor("X", why_not="no X"), believed_for=600)) as heard:
        await heard.until(lambda: heard.readings[:1] == [UNKNOWN.values])


async def test_what_is_believed_when_sensing_ends_stays() -> None:
    source = ScriptedSensor("X")
    async with running(asking(source, believed_for=0.1)) as heard:
        source.say(in_use=True)
        await heard.until_seen(in_use=True)
        source.lose("gone")
        await heard.until(lambda: heard.views[-1].source == "")
    before = asyncio.get_running_loop().time()
    await comes_true(lambda: asyncio.get_running_loop().time() > before + 0.2)
    assert heard.seen.in_use is True


async def test_a_source_that_is_lost_at_once_is_passed_over() -> None:
    shaky, sound = ScriptedSensor("X"), ScriptedSensor("Y")
    async with running(asking(shaky, sound)) as heard:
        shaky.lose("no counter")
        sound.say(in_use=True)
        await heard.until_seen(in_use=True)
        assert heard.views[-1] == SenseView("input", "Y", (("X", "no counter"),))


async def test_a_steady_source_that_is_lost_is_not_replaced_by_a_worse_one() -> None:
    best, worse, clock = ScriptedSensor("X"), ScriptedSensor("Y"), Clock()
    async with running(asking(best, worse), clock=clock) as heard:
        best.say(in_use=True)
        await heard.until_seen(in_use=True)
        clock.now += STEADY
        best.lose("gone for a moment")
        await heard.until(lambda: best.watches == 2)
        assert worse.watches == 0


async def test_nothing_can_tell_and_then_something_can() -> None:
    source = ScriptedSensor("X", why_not="not yet")
    async with running(asking(source)) as heard:
        await heard.until(lambda: heard.views == [SenseView("input", "", (("X", "not yet"),))])
        source.why_not = None
        source.say(in_use=True)
        await heard.until_seen(in_use=True)


async def test_a_source_that_gives_up_in_silence_is_lost_too() -> None:
    class Brief(ScriptedSensor):
        async def watch(self, report: Callable[[Reading], None]) -> None:
            report(Reading({"in_use": False}))

    async with running(asking(Brief("X"))) as heard:
        await heard.until(lambda: heard.views[-1:] == [SenseView("input", "", (("X", "it has ended"),))])
        assert heard.seen.in_use is None


async def test_a_bug_in_a_source_makes_its_question_unknown_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedSensor):
        async def watch(self, report: Callable[[Reading], None]) -> None:
            report(Reading({"in_use": False}))
            raise KeyError("bug")

    async with running(asking(Broken("X"))) as heard:
        await heard.until(lambda: heard.views[-1:] == [SenseView("input", "", (("X", "it failed: KeyError('bug')"),))])
        assert heard.seen.in_use is None
    assert "KeyError: 'bug'" in caplog.text


async def test_a_source_that_hangs_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(senses, "ANSWER_WITHIN", 0.1)
    silent, sound = ScriptedSensor("X"), ScriptedSensor("Y")
    async with running(asking(silent, sound)) as heard:
        sound.say(in_use=True)
        await heard.until_seen(in_use=True)
        assert heard.views[-1] == SenseView("input", "Y", (("X", "it does not answer"),))
        assert not silent.watched
        await asyncio.sleep(0.2)  # the deadline is over for one that has said something
        assert sound.watches == 1


@pytest.mark.parametrize(
    ("pause", "patience", "lost_for", "next_one"),
    [(0.5, 60, inf, 1), (40, 60, inf, 60), (4, 60, SOON_FOR, 8), (4, 60, SOON_FOR - 1, SOON), (4, 1, 0, 1)],
)
def test_what_was_lost_is_soon_looked_for_again(
    pause: float, patience: float, lost_for: float, next_one: float
) -> None:
    assert longer(pause, patience, lost_for) == next_one


# --- several screensavers -----------------------------------------------------
def saver(name: str, why_not: str | None = None) -> ScriptedSensor:
    return ScriptedSensor(name, "screensaver", why_not=why_not)


def together(*sources: ScriptedSensor) -> Question:
    return Question("screensaver", NO_SCREENSAVER, sources, together=any_screensaver, patience=0.01)


async def test_any_screensaver_is_enough() -> None:
    one, two = saver("one"), saver("two")
    async with running(together(one, two)) as heard:
        await heard.until(lambda: one.watched and two.watched)
        one.say(screensaver=False, screensaver_since=None)
        await heard.until_seen(screensaver=False)
        two.say(screensaver=True, screensaver_since=7.0)
        await heard.until_seen(screensaver=True, screensaver_since=7.0)
        one.say(screensaver=True, screensaver_since=9.0)
        two.say(screensaver=False, screensaver_since=None)
        await heard.until_seen(screensaver=True, screensaver_since=9.0)
        one.say(screensaver=True, screensaver_since=None)
        await heard.until_seen(screensaver=True, screensaver_since=None)
        one.lose("gone")
        await heard.until_seen(screensaver=False)
        two.lose("gone")
        await heard.until_seen(screensaver=None)


async def test_the_owner_reads_which_screensavers_answer() -> None:
    one, two, three = saver("one"), saver("two"), saver("three", why_not="not installed")
    async with running(together(one, two, three)) as heard:
        whole = SenseView("screensaver", "one + two", (("three", "not installed"),))
        await heard.until(lambda: heard.views[-1:] == [whole])
        two.why_not = "stopped"
        two.lose("gone")
        left = SenseView("screensaver", "one", (("two", "stopped"), ("three", "not installed")))
        await heard.until(lambda: heard.views[-1:] == [left])


async def test_ending_leaves_nothing_watched() -> None:
    one, two = saver("one"), ScriptedSensor("X")
    async with running(together(one), asking(two)) as heard:
        await heard.until(lambda: one.watched and two.watched)
        before = asyncio.all_tasks()
    assert not one.watched
    assert not two.watched
    assert asyncio.all_tasks() < before


# --- one source and others beside it -------------------------------------------
NO_HANDS = Reading({"in_use": None, "idle_since": None, "touched_once_at": None})


def beside(*sources: ScriptedSensor, others: tuple[ScriptedSensor, ...]) -> Question:
    return Question("input", NO_HANDS, sources, any_hands, patience=0.01, beside=others)


async def test_hands_elsewhere_are_hands() -> None:
    best, worse, elsewhere = ScriptedSensor("X"), ScriptedSensor("Y"), ScriptedSensor("terminals")
    async with running(beside(best, worse, others=(elsewhere,))) as heard:
        best.say(in_use=False, idle_since=5.0)
        await heard.until(lambda: heard.views[-1:] == [SenseView("input", "X + terminals")])
        assert heard.seen.in_use is None, "what has not spoken yet may hide hands"
        elsewhere.say(in_use=False, idle_since=7.0)
        await heard.until_seen(in_use=False, idle_since=7.0)
        elsewhere.say(in_use=True, idle_since=None)
        await heard.until_seen(in_use=True, idle_since=None)
        elsewhere.say(in_use=False, idle_since=9.0)
        await heard.until_seen(in_use=False, idle_since=9.0)
        assert worse.watches == 0
        best.lose("gone")
        worse.say(in_use=True, idle_since=None)
        await heard.until_seen(in_use=True)
        assert heard.views[-1] == SenseView("input", "Y + terminals", (("X", "gone"),))


async def test_what_is_lost_beside_may_hide_hands() -> None:
    best, elsewhere = ScriptedSensor("X"), ScriptedSensor("terminals")
    async with running(beside(best, others=(elsewhere,))) as heard:
        best.say(in_use=False, idle_since=5.0)
        elsewhere.say(in_use=False, idle_since=5.0)
        await heard.until_seen(in_use=False)
        elsewhere.why_not = "no room"
        elsewhere.lose("gone")
        await heard.until_seen(in_use=None)
        await heard.until(lambda: heard.views[-1] == SenseView("input", "X", (("terminals", "no room"),)))


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ((), None),
        ((None,), None),
        (("", None), ""),
        (("", "a film", "a talk"), "a film"),
        ((None, "a talk"), "a talk"),
    ],
)
def test_any_film_is_enough(says: tuple[str | None, ...], answer: str | None) -> None:
    assert any_presentation([{"presenting": one} for one in says]) == Reading({"presenting": answer})


# --- for real -----------------------------------------------------------------
async def test_an_x_server_that_dies_and_returns_is_followed() -> None:
    files_before = descriptors()
    with XServer() as server:
        heard = Listener()
        task = asyncio.create_task(sense(heard.report, heard.told, Settings(idle_after=1.0), server.environ))
        await heard.until_seen(in_use=True)
        await heard.until_seen(in_use=False)
        server.kill()
        await heard.until_seen(in_use=None, idle_since=None)
        await asyncio.to_thread(server.start)
        await heard.until(lambda: heard.seen.in_use is not None)
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(server.touch)
        await heard.until_seen(in_use=True)
        sources = [view.source for view in heard.views if view.question == "input"]
        assert sources[-1] == "XSync IDLETIME + other displays + terminals"
        assert "other displays + terminals" in sources
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await comes_true(lambda: descriptors() == files_before)


@pytest.mark.parametrize(
    "left_over",
    [
        {"WAYLAND_DISPLAY": "wayland-0", "XDG_SESSION_TYPE": "x11", "XDG_RUNTIME_DIR": "/nonexistent"},
        {"XDG_SESSION_TYPE": "wayland"},
        {"XDG_SESSION_TYPE": "tty"},
        {"DISPLAY": ""},
        {"DISPLAY": "", "XDG_SESSION_TYPE": "tty", "WAYLAND_DISPLAY": "/nonexistent"},
    ],
)
async def test_what_the_environment_leaves_out_or_has_left_over(left_over: dict[str, str]) -> None:
    """A session begun by startx or from a service manager, or after another one."""
    with XServer() as server:
        heard = Listener()
        environ = {**server.environ, **left_over}
        task = asyncio.create_task(sense(heard.report, heard.told, Settings(idle_after=1.0), environ))
        await heard.until_seen(in_use=False)
        await asyncio.to_thread(server.touch)
        await heard.until_seen(in_use=True)
        told = next(view for view in reversed(heard.views) if view.question == "input")
        assert told.source == "XSync IDLETIME + other displays + terminals"
        assert not any("this is a Wayland session" in reason for _, reason in told.rejected)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_every_question_has_sources_of_its_own() -> None:
    for question in candidates(Settings(), {}):
        assert {one.question for one in (*question.sources, *question.beside)} == {question.name}
        assert set(question.unknown.values.values()) <= {None}
