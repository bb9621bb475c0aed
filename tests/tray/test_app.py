"""The tray as a whole, drawn into memory, with an agent on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from fakes.fake_agent import KEPT, LENT, FakeAgent
from fakes.status_notifier_watcher import as_shown
from PySide6 import QtGui
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot

from farmhand.wire.local import Block, Choose, JobView
from farmhand_tray.app import Tray, local_time, next_morning
from farmhand_tray.demo import SCENES, Scene
from farmhand_tray.link import AgentLink
from farmhand_tray.menu import TrayMenu
from farmhand_tray.single import SingleInstance
from farmhand_tray.starter import AgentStarter
from farmhand_tray.view import Action, Face, Row
from farmhand_tray.viewmodel import present
from farmhand_tray.window import FarmhandWindow, JobLines, SlotBlocks


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[FakeAgent]:
    with FakeAgent(tmp_path / "agent.sock", LENT) as one:
        yield one


@pytest.fixture
def tray(qtbot: QtBot, tmp_path: Path) -> Iterator[Tray]:
    link = AgentLink(tmp_path / "agent.sock")
    one = Tray(link, AgentStarter("true"))  # a service manager that says yes and starts nothing
    qtbot.addWidget(one.window)
    one.begin()
    yield one
    link.end()
    one.icon.hide()


def texts(window: FarmhandWindow) -> list[str]:
    return [label.text() for label in window.findChildren(QLabel) if label.text() and label.isVisibleTo(window)]


# --- clicks -------------------------------------------------------------------
def test_the_button_takes_the_machine_back(qtbot: QtBot, agent: FakeAgent, tray: Tray) -> None:
    qtbot.waitUntil(lambda: tray.view.face is Face.UNUSED)
    tray.window.bring_up()
    assert tray.window.button.text() == "Take it back now"
    qtbot.mouseClick(tray.window.button, Qt.MouseButton.LeftButton)
    assert agent.requests.get(timeout=30) == Choose("keep")
    qtbot.waitUntil(lambda: tray.window.button.text() == "Resume lending")


def test_the_keyboard_is_enough(qtbot: QtBot, agent: FakeAgent, tray: Tray) -> None:
    qtbot.waitUntil(lambda: tray.view.face is Face.UNUSED)
    tray.window.bring_up()
    qtbot.waitUntil(tray.window.button.hasFocus)
    qtbot.keyClick(tray.window.button, Qt.Key.Key_Space)
    assert agent.requests.get(timeout=30) == Choose("keep")
    qtbot.keyClick(tray.window, Qt.Key.Key_Escape)
    assert not tray.window.isVisible()


def test_the_check_row_keeps_the_machine_and_moves_when_the_agent_agrees(
    qtbot: QtBot, agent: FakeAgent, tray: Tray
) -> None:
    qtbot.waitUntil(lambda: tray.view.face is Face.UNUSED)
    agent.refuses = "not now"
    row = next(one for one in tray.menu.widget.actions() if one.text() == "Lend when I am away")
    row.trigger()
    assert row.isChecked()
    assert agent.requests.get(timeout=30) == Choose("keep")
    qtbot.waitUntil(lambda: "That did not work: not now." in texts(tray.window))

    agent.refuses = ""
    row.trigger()
    qtbot.waitUntil(lambda: tray.view.face is Face.PAUSED)
    row = next(one for one in tray.menu.widget.actions() if one.text() == "Lend when I am away")
    assert not row.isChecked()
    assert "That did not work: not now." not in texts(tray.window)


def test_a_sender_is_blocked_with_one_click_and_let_in_with_another(qtbot: QtBot, agent: FakeAgent, tray: Tray) -> None:
    job = JobView("anna", "atlas", "renderer", "foo.c", "gcc", 0.0, 0.0)
    agent.show(msgspec.structs.replace(LENT, jobs=(job,)))
    qtbot.waitUntil(lambda: tray.view.face is Face.BUSY)
    tray.window.bring_up()
    (lines,) = tray.window.findChildren(JobLines)
    assert lines.button.accessibleName() == "Block anna@atlas"
    qtbot.mouseClick(lines.button, Qt.MouseButton.LeftButton)
    assert agent.requests.get(timeout=30) == Block("anna@atlas")

    agent.show(msgspec.structs.replace(LENT, blocked=("anna@atlas",)))
    qtbot.waitUntil(lambda: tray.view.face is Face.UNUSED)
    blocked = next(one for one in tray.menu.widget.actions() if one.text() == "Blocked (1)").menu()
    assert isinstance(blocked, QMenu)
    blocked.actions()[0].trigger()
    assert agent.requests.get(timeout=30) == Block("anna@atlas", on=False)


def test_a_pause_ends_in_an_hour_or_in_the_morning(qtbot: QtBot, agent: FakeAgent, tray: Tray) -> None:
    qtbot.waitUntil(lambda: tray.view.face is Face.UNUSED)
    tray.act(Action.PAUSE_TOMORROW)
    asked = agent.requests.get(timeout=30)
    assert isinstance(asked, Choose)
    assert asked.until is not None
    assert local_time(asked.until).strftime("%H:%M:%S") == "06:00:00"


def test_a_click_on_the_icon_shows_and_hides_the_window(qtbot: QtBot, tray: Tray) -> None:
    tray.icon.clicked.emit()
    assert tray.window.isVisible()
    qtbot.waitUntil(tray.window.isActiveWindow)
    tray.icon.clicked.emit()
    assert not tray.window.isVisible()
    tray.act(Action.OPEN_WINDOW)
    assert tray.window.isVisible()


def test_a_problem_with_the_start_is_shown_until_the_agent_is_there(qtbot: QtBot, tray: Tray, tmp_path: Path) -> None:
    tray._starter.failed.emit("It cannot be started: no such program.")
    assert tray.view.window.note == "It cannot be started: no such program."
    with FakeAgent(tmp_path / "agent.sock"):
        tray.act(Action.START_AGENT)
        qtbot.waitUntil(lambda: tray.view.face is Face.YOURS)
        assert tray.view.window.note == ""


def test_quitting_without_an_agent_ends_at_once(qtbot: QtBot, tray: Tray) -> None:
    with qtbot.waitSignal(QApplication.instance().aboutToQuit, raising=False, timeout=200):
        tray.act(Action.QUIT_ALL)
    assert not tray.window.isVisible()


# --- time ---------------------------------------------------------------------
def test_a_timer_runs_only_while_ageing_texts_are_in_sight(qtbot: QtBot, agent: FakeAgent, tray: Tray) -> None:
    qtbot.waitUntil(lambda: tray.view.face is Face.UNUSED)
    assert not tray._ageing.isActive()
    tray.window.bring_up()
    assert tray._ageing.isActive()
    tray.window.showMinimized()
    assert not tray._ageing.isActive()
    tray.window.bring_up()
    assert tray._ageing.isActive()
    tray.window.hide()
    assert not tray._ageing.isActive()


def test_a_running_job_grows_older_before_your_eyes(qtbot: QtBot, agent: FakeAgent, tray: Tray) -> None:
    import time

    job = JobView("anna", "atlas", "renderer", "foo.c", "gcc", time.time() - 4.5, 0.0)
    agent.show(msgspec.structs.replace(LENT, jobs=(job,)))
    qtbot.waitUntil(lambda: tray.view.face is Face.BUSY)
    tray.window.bring_up()
    for seconds in ("5 s", "6 s"):
        qtbot.waitUntil(lambda seconds=seconds: seconds in texts(tray.window))


@pytest.mark.parametrize("hour", [0, 5, 12, 23])
def test_tomorrow_morning_is_the_next_days(hour: int) -> None:
    now = datetime(2025, 10, 9, hour, 30).astimezone().timestamp()
    assert local_time(next_morning(now)).strftime("%Y-%m-%d %H:%M") == "2025-10-10 06:00"


# --- the window ---------------------------------------------------------------
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_window_shows_every_text_of_the_view(qtbot: QtBot, scene: Scene) -> None:
    window = FarmhandWindow()
    qtbot.addWidget(window)
    view = present(scene.snapshot, 1_760_000_400.0, absence=scene.absence)
    window.show_view(view)
    window.show()
    shown = " ".join(texts(window))
    told = view.window
    for text in (told.headline, told.reason, told.note, told.slots, *told.footnotes):
        assert text in shown
    for job in told.jobs:
        assert job.who in shown
        assert job.file in shown
        assert job.lasts in shown
    assert window.windowTitle() == told.title
    assert window.button.text() == told.button.label
    assert not window.button.isCheckable()


def test_jobs_come_and_go_without_a_trace(qtbot: QtBot) -> None:
    window = FarmhandWindow()
    qtbot.addWidget(window)
    window.show()
    heights = []
    for name in ("in-use", "lending-in-use", "lending-unused", "in-use"):
        scene = next(one for one in SCENES if one.name == name)
        window.show_view(present(scene.snapshot, 1_760_000_400.0))
        heights.append(window.height())
        assert window._scroll.isVisible() == (name == "lending-in-use")
    assert heights[0] == heights[3] < heights[2] < heights[1]


def test_what_is_painted_can_be_heard(qtbot: QtBot) -> None:
    window = FarmhandWindow()
    qtbot.addWidget(window)
    scene = next(one for one in SCENES if one.name == "lending-in-use")
    window.show_view(present(scene.snapshot, 1_760_000_400.0))
    names = {one.accessibleName() for one in window.findChildren(SlotBlocks) + window.findChildren(JobLines)}
    assert "4 of 8 slots in use" in names
    assert "anna@atlas compiles src/scene/light_probe.cpp, for 12 s" in names


def test_many_slots_take_several_rows(qtbot: QtBot) -> None:
    blocks = SlotBlocks()
    qtbot.addWidget(blocks)
    blocks.show_blocks((None,) * 512, "0 of 512 slots in use")
    assert blocks.heightForWidth(380) == -(-512 // 19) * 20 - 4
    assert blocks.heightForWidth(1) == 512 * 20 - 4
    assert not blocks.grab().isNull()


def test_markup_from_strangers_is_only_text(qtbot: QtBot) -> None:
    window = FarmhandWindow()
    qtbot.addWidget(window)
    job = JobView("<b>anna", "atlas</b>", "<img src=x>", "<a href='x'>.c", "gcc", 0.0, 0.0)
    window.show_view(present(msgspec.structs.replace(LENT, jobs=(job,)), 1.0))
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in window.findChildren(QLabel) if label.text())


@pytest.mark.parametrize("file", ["<img src='/etc/x.png'>.c", "<b>", "< b>x", "&lt;b>", "a & b < c.c"])
@pytest.mark.parametrize("user", ["<img src='/etc/x.png'>", "<b>anna</b>", "&lt;anna", "anna & ben"])
def test_a_tooltip_says_names_of_strangers_letter_by_letter(qtbot: QtBot, user: str, file: str) -> None:
    window = FarmhandWindow()
    qtbot.addWidget(window)
    job = JobView(user, "ws2", user, file, user, 0.0, 0.0)
    window.show_view(present(msgspec.structs.replace(LENT, jobs=(job,), name=user), 1.0))
    tips = [one.toolTip() for one in window.findChildren(QWidget) if one.toolTip()]
    said = {QTextDocumentFragment.fromHtml(tip).toPlainText() if QtGui.Qt.mightBeRichText(tip) else tip for tip in tips}
    assert {f"{user}@ws2", f"Block {user}@ws2"} < said


# --- the menu -------------------------------------------------------------------
def test_a_menu_of_the_same_shape_keeps_its_rows(qtbot: QtBot) -> None:
    menu = TrayMenu()
    first = (Row("One & two", enabled=False), Row("Three", Action.TAKE_BACK), Row("Sub", rows=(Row("Four"),)))
    menu.show_rows(first)
    before = menu.widget.actions()
    assert [one.text() for one in before] == ["One && two", "Three", "Sub"]
    menu.show_rows((Row("Other", enabled=False), Row("Five", Action.LEND_NOW), Row("Sub", rows=(Row("Six"),))))
    assert menu.widget.actions() == before
    submenu = before[2].menu()
    assert isinstance(submenu, QMenu)
    assert [one.text() for one in submenu.actions()] == ["Six"]
    with qtbot.waitSignal(menu.chosen) as chosen:
        before[1].trigger()
    assert chosen.args == [Action.LEND_NOW, ""]


@pytest.mark.parametrize("label", ["my_file.c", "_a__b_", "a & b", "&a&&b&", "a_b & c_d", "&", "_&_"])
def test_a_label_is_shown_letter_by_letter(qtbot: QtBot, label: str) -> None:
    menu = TrayMenu()
    menu.show_rows((Row(label), Row("Sub", rows=(Row(label),))))
    assert menu.widget.actions()[0].text() == label.replace("&", "&&")
    menu.suit(panel=True)
    over_dbus = _as_qt_sends_it(menu.widget.actions()[0].text())
    assert as_shown(over_dbus) == label
    submenu = menu.widget.actions()[1].menu()
    assert isinstance(submenu, QMenu)
    assert _as_qt_sends_it(submenu.actions()[0].text()) == over_dbus
    menu.suit(panel=False)
    assert menu.widget.actions()[0].text() == label.replace("&", "&&")


def _as_qt_sends_it(text: str) -> str:
    """What Qt makes of a label: the first "&" that is not the last letter becomes the mark "_"."""
    first = text.find("&")
    return text if first in (-1, len(text) - 1) else f"{text[:first]}_{text[first + 1 :]}"


def test_a_menu_of_another_shape_is_made_anew(qtbot: QtBot) -> None:
    menu = TrayMenu()
    menu.show_rows((Row("Sub", rows=(Row("Four"),)), Row("Check", Action.WHEN_AWAY, checked=True)))
    menu.show_rows((Row("Plain"),))
    assert [one.text() for one in menu.widget.actions()] == ["Plain"]
    with qtbot.assertNotEmitted(menu.chosen):
        menu.widget.actions()[0].trigger()


# --- one tray ---------------------------------------------------------------------
def test_a_second_tray_asks_the_first_to_show_itself(qtbot: QtBot, tmp_path: Path) -> None:
    first, second = SingleInstance(tmp_path), SingleInstance(tmp_path)
    assert first.take()
    with qtbot.waitSignal(first.asked_to_show):
        assert not second.take()
    first.leave()
    assert second.take()
    second.leave()


def test_what_a_dead_tray_left_behind_does_no_harm(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "tray.sock").touch()
    (tmp_path / "tray.lock").touch()
    only = SingleInstance(tmp_path)
    assert only.take()
    only.leave()


def test_nothing_of_a_state_is_shown_after_the_agent_is_gone(qtbot: QtBot, tray: Tray, tmp_path: Path) -> None:
    with FakeAgent(tmp_path / "agent.sock", KEPT):
        qtbot.waitUntil(lambda: tray.view.face is Face.YOURS)
    qtbot.waitUntil(lambda: tray.view.face is Face.ABSENT)
