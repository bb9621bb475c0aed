"""The program in a real tray: an X server, a session bus, StatusNotifierItem and dbusmenu, read as a panel does."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator

import msgspec
import pytest
from fakes.desktop import Desktop, wait_until
from fakes.fake_agent import KEPT, LENT, FakeAgent
from fakes.status_notifier_watcher import Panel

from farmhand.wire.local import Choose, JobView, Quit


@pytest.fixture
def agent(desktop: Desktop) -> Iterator[FakeAgent]:
    folder = desktop.runtime / "farmhand"
    folder.mkdir(mode=0o700)
    with FakeAgent(folder / "agent.sock", LENT) as one:
        yield one


@pytest.fixture
def panel(desktop: Desktop) -> Iterator[Panel]:
    one = Panel(desktop.bus)
    yield one
    one.close()


def _windows(desktop: Desktop) -> str:
    """Titles of the windows that can be seen."""
    shown = subprocess.run(
        ["xdotool", "search", "--onlyvisible", "--name", "Farmhand", "getwindowname", "%@"],
        env=desktop.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    return shown.stdout


def _embedded_icons(desktop: Desktop) -> int:
    """How many icons of ours an X11 tray holds."""
    tree = subprocess.run(
        ["xwininfo", "-root", "-tree"], env=desktop.environment(), capture_output=True, text=True, check=True
    )
    return len(re.findall(r'"Farmhand": \("farmhand-tray" .* 22x22', tree.stdout))


def test_taking_the_machine_back_from_the_menu(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    desktop.start_watcher()
    desktop.start_tray()
    wait_until(lambda: panel.tooltip().startswith("Lending 8 slots"), "the tooltip of a lent machine")

    labels = [item.label for item in panel.menu()]
    assert labels[0] == "Lending 8 slots – nobody needs them at the moment"
    assert not panel.menu()[0].enabled
    assert panel.menu()[4].label == "Lend when I am away"
    assert panel.menu()[4].mark == 1

    panel.click("Take it back now")
    assert agent.requests.get(timeout=30) == Choose("keep")
    wait_until(lambda: panel.tooltip().startswith("Lending is paused"), "the tooltip of a kept machine")
    assert "Lend now" in [item.label for item in panel.menu()]


def test_names_of_others_are_only_names(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    """A panel takes "_" in a menu for a mark, and may take "<" in a tooltip for markup."""
    job = JobView("an_na", "atlas", "p", "my_file__b&c&&d.c", "gcc", LENT.since, 0.0)
    agent.show(msgspec.structs.replace(LENT, jobs=(job,), reason="<b>bold</b>"))
    desktop.start_watcher()
    desktop.start_tray()
    wait_until(lambda: panel.tooltip().startswith("Lending 8 slots"), "the tooltip")
    assert panel.tooltip().endswith("Because ‹b>bold‹/b>.")
    (row,) = (item for item in panel.menu() if "atlas" in item.label)
    assert row.label == "an_na@atlas  my_file__b&c&&d.c"
    assert [item.label for item in row.rows] == ["Block an_na@atlas"]


def test_a_panel_that_comes_late_still_gets_the_icon(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    tray = desktop.start_tray()
    wait_until(lambda: (desktop.runtime / "farmhand" / "tray.sock").exists(), "the tray to run")
    desktop.start_watcher()
    wait_until(lambda: len(panel.items()) == 1, "the icon")
    assert panel.tooltip().startswith("Lending 8 slots")
    assert tray.poll() is None


@pytest.mark.skipif(shutil.which("trayer") is None, reason="trayer, a tray of X11's own kind, is not installed")
def test_a_tray_of_x11s_own_kind_may_come_late_too(desktop: Desktop, agent: FakeAgent) -> None:
    desktop.start_tray()
    wait_until(lambda: (desktop.runtime / "farmhand" / "tray.sock").exists(), "the tray to run")
    desktop.start("trayer", "--edge", "bottom", "--align", "right", "--widthtype", "request", "--height", "24")
    wait_until(lambda: _embedded_icons(desktop) == 1, "the icon in the tray")


def test_clicking_the_icon_shows_the_window(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    desktop.start_watcher()
    desktop.start_tray()
    wait_until(lambda: panel.tooltip().startswith("Lending 8 slots"), "the icon")
    assert "Farmhand on orchard" not in _windows(desktop)
    panel.activate()
    wait_until(lambda: "Farmhand on orchard" in _windows(desktop), "the window")


def test_without_any_tray_the_window_is_the_face(desktop: Desktop, agent: FakeAgent) -> None:
    desktop.start_tray()
    wait_until(lambda: "Farmhand on orchard" in _windows(desktop), "the window")


def test_a_panel_that_restarts_gets_exactly_one_icon_back(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    watcher = desktop.start_watcher()
    desktop.start_tray()
    wait_until(lambda: len(panel.items()) == 1, "the icon")
    desktop.stop(watcher)
    desktop.start_watcher()
    wait_until(lambda: len(panel.items()) == 1, "the icon in the new panel")
    agent.show(KEPT)
    wait_until(lambda: panel.tooltip().startswith("This machine is yours"), "the new state")
    assert len(panel.items()) == 1


def test_quitting_with_the_machine_ends_both(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    desktop.start_watcher()
    tray = desktop.start_tray()
    wait_until(lambda: panel.tooltip().startswith("Lending 8 slots"), "the icon")
    panel.click("Quit and take the machine back")
    assert agent.requests.get(timeout=30) == Quit()
    assert tray.wait(30) == 0


def test_a_second_tray_gives_way_to_the_first(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    desktop.start_watcher()
    desktop.start_tray()
    wait_until(lambda: len(panel.items()) == 1, "the icon")
    second = desktop.start_tray()
    assert second.wait(30) == 0
    wait_until(lambda: "Farmhand on orchard" in _windows(desktop), "the window of the first tray")
    assert len(panel.items()) == 1


def test_ending_the_tray_politely_leaves_the_agent_alone(desktop: Desktop, agent: FakeAgent, panel: Panel) -> None:
    desktop.start_watcher()
    tray = desktop.start_tray()
    wait_until(lambda: len(panel.items()) == 1, "the icon")
    tray.terminate()
    assert tray.wait(30) == 0
    wait_until(lambda: panel.items() == [], "the icon to go")
    assert agent.requests.empty()
