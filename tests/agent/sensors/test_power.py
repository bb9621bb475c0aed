"""Batteries and chargers: from UPower on a private bus, and from files as the kernel writes them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.listener import Listener, watching
from fakes.mock_service import WHY_NOT, MockService, system_environ
from fakes.screensaver_bus import SessionBus

from farmhand_agent.sensors import power
from farmhand_agent.sensors.base import SenseLost
from farmhand_agent.sensors.power import PowerSupplies, UPower, charge, on_battery


# --- UPower -------------------------------------------------------------------
@pytest.fixture
def bus() -> Iterator[SessionBus]:
    with SessionBus() as started:
        yield started


@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
async def test_unplugging_and_plugging_in(bus: SessionBus) -> None:
    with MockService(bus, power.SERVICE, "/org/freedesktop/UPower", power.SERVICE) as upower:
        upower.has("b", OnBattery=False, LidIsClosed=False)
        heard = Listener()
        watch = asyncio.create_task(UPower(system_environ(bus)).watch(heard.report))
        await heard.until_seen(on_battery=False)
        upower.change("b", OnBattery=True)
        await heard.until_seen(on_battery=True)
        upower.change("b", LidIsClosed=True)
        upower.change("b", OnBattery=False)
        await heard.until_seen(on_battery=False)
        assert heard.readings == [{"on_battery": on, "charge": None} for on in (False, True, False)]
    with pytest.raises(SenseLost, match=r"UPower has gone|without replying"):
        await asyncio.wait_for(watch, 30)


@pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")
async def test_how_full_all_batteries_are(bus: SessionBus) -> None:
    with MockService(bus, power.SERVICE, "/org/freedesktop/UPower", power.SERVICE, "upower") as upower:
        where = power.BATTERIES.object_path
        upower.mock("SetupDisplayDevice", "uuddddxxbsu", 2, 2, 63.9, 30.0, 50.0, 5.0, 0, 0, True, "", 1)
        upower.change("b", OnBattery=True)
        async with watching(UPower(system_environ(bus))) as heard:
            await heard.until_seen(on_battery=True, charge=63)
            upower.change("d", where, power.BATTERIES.interface, Percentage=63.1)
            upower.change("d", where, power.BATTERIES.interface, Percentage=62.9)
            await heard.until_seen(charge=62)
            upower.change("b", where, power.BATTERIES.interface, IsPresent=False)
            await heard.until_seen(charge=None)
        assert [one["charge"] for one in heard.readings] == [63, 62, None]


async def test_no_upower(bus: SessionBus) -> None:
    assert UPower(system_environ(bus)).unusable() is None
    with pytest.raises(SenseLost, match="UPower"):
        await UPower(system_environ(bus)).watch(lambda _: None)


# --- the kernel's files -------------------------------------------------------
BATTERY = {"type": "Battery", "status": "Discharging"}
MAINS = {"type": "Mains", "online": "0"}
USB = {"type": "USB", "online": "0"}


def supplies(root: Path, *written: dict[str, str]) -> Path:
    for number, files in enumerate(written):
        folder = root / f"supply{number}"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("written", "on"),
    [
        ((), False),
        ((MAINS,), False),
        ((BATTERY,), True),
        ((BATTERY, MAINS), True),
        ((BATTERY, {**MAINS, "online": "1"}), False),
        ((BATTERY, MAINS, {**USB, "online": "1"}), False),
        ((BATTERY, {**USB, "type": "USB_PD", "online": "2"}), False),
        ((BATTERY, USB, MAINS), True),
        (({**BATTERY, "status": "Charging"},), False),
        (({**BATTERY, "status": "Full"}, MAINS), False),
        (({**BATTERY, "status": "Unknown"}, MAINS), True),
        (({**BATTERY, "status": "Unknown"},), None),
        (({"type": "UPS", "status": "Discharging"},), True),
        (({**BATTERY, "scope": "Device"},), False),
        (({**BATTERY, "scope": "System"},), True),
    ],
)
def test_what_the_files_say(tmp_path: Path, written: tuple[dict[str, str], ...], on: bool | None) -> None:
    assert on_battery(supplies(tmp_path, *written)) is on


@pytest.mark.parametrize(
    ("written", "percent"),
    [
        ((), None),
        ((MAINS,), None),
        ((BATTERY,), None),
        (({**BATTERY, "capacity": "55"}, MAINS), 55),
        (({**BATTERY, "capacity": "50"}, {**BATTERY, "capacity": "91"}), 70),
        (({**BATTERY, "capacity": "50"}, BATTERY), None),
        (({**BATTERY, "capacity": "50"}, {**BATTERY, "present": "0"}), 50),
        (({**BATTERY, "capacity": "50"}, {**BATTERY, "capacity": "9", "scope": "Device"}), 50),
        (({**BATTERY, "capacity": "90", "energy_now": "30", "energy_full": "50"},), 60),
        (
            ({**BATTERY, "energy_now": "10", "energy_full": "90"}, {**BATTERY, "energy_now": "9", "energy_full": "10"}),
            19,
        ),
        (({**BATTERY, "charge_now": "2", "charge_full": "8"}, {**BATTERY, "charge_now": "2", "charge_full": "2"}), 40),
        (({**BATTERY, "energy_now": "3", "energy_full": "0", "capacity": "7"},), 7),
        (({**BATTERY, "energy_now": "101", "energy_full": "100"},), 100),
        (({**BATTERY, "capacity": "104"},), 100),
        (({**BATTERY, "capacity": "much"},), None),
    ],
)
def test_how_much_the_files_say_is_left(tmp_path: Path, written: tuple[dict[str, str], ...], percent: int) -> None:
    assert charge(supplies(tmp_path, *written)) == percent


async def test_changes_are_noticed_and_nothing_else_is_told(tmp_path: Path) -> None:
    supplies(tmp_path, {**BATTERY, "status": "Unknown"})
    async with watching(PowerSupplies(tmp_path, period=0.01)) as heard:
        await heard.until(lambda: heard.readings == [{"on_battery": None, "charge": None}])
        supplies(tmp_path, BATTERY)
        await heard.until_seen(on_battery=True)
        supplies(tmp_path, {**BATTERY, "capacity": "80"})
        await heard.until_seen(charge=80)
        supplies(tmp_path, {**BATTERY, "status": "Charging"})
        await heard.until_seen(on_battery=False)
    assert [one["on_battery"] for one in heard.readings] == [None, True, True, False]


async def test_files_that_go_away(tmp_path: Path) -> None:
    root = tmp_path / "power_supply"
    root.mkdir()
    assert PowerSupplies(root).unusable() is None
    heard = Listener()
    watch = asyncio.create_task(PowerSupplies(root, period=0.01).watch(heard.report))
    await heard.until_seen(on_battery=False)
    shutil.rmtree(root)
    with pytest.raises(SenseLost, match="No such file"):
        await asyncio.wait_for(watch, 30)
    assert PowerSupplies(root).unusable() == f"there is no {root}"
