"""A scope is asked for in systemd's words; what systemd answers is told in ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.mock_service import WHY_NOT, MockService, system_environ
from fakes.screensaver_bus import SessionBus

from farmhand_agent.limits import scope
from farmhand_agent.limits.scope import NoScope

pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "-")

MAKES_IT = """
self.EmitSignal('{interface}', 'JobRemoved', 'uoss', [1, '/job/other', 'other.service', 'failed'])
self.EmitSignal('{interface}', 'JobRemoved', 'uoss', [2, '/job/7', args[0], '{result}'])
ret = '/job/7'
"""
NO_IDLE = "if dict(args[2])['CPUWeight'] == 0: raise ValueError('Value specified in CPUWeight is out of range')\n"


@pytest.fixture
def bus() -> Iterator[SessionBus]:
    with SessionBus() as made:
        yield made


@pytest.fixture
def manager(bus: SessionBus) -> Iterator[MockService]:
    """A systemd that knows what it may be asked, and has yet to be told what to do then."""
    with MockService(bus, scope.SERVICE, "/org/freedesktop/systemd1", scope.INTERFACE) as made:
        made.answers("Subscribe", "", "", "")
        made.answers("AttachProcessesToUnit", "ssau", "", "")
        yield made


def makes_scopes(manager: MockService, result: str = "done", before: str = "") -> None:
    code = before + MAKES_IT.format(interface=scope.INTERFACE, result=result)
    manager.answers("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", code)


def asked(manager: MockService, method: str) -> list[list[Any]]:
    """The arguments of each call of a method."""
    (calls,) = manager.mock("GetMethodCalls", "s", method)
    return [[value for _, value in arguments] for _, arguments in calls]


async def test_an_idle_scope_of_our_own_is_asked_for_at_the_top(bus: SessionBus, manager: MockService) -> None:
    makes_scopes(manager)
    await scope.open_scope(bus.address, "boxes.scope", 77)
    ((name, mode, properties, others),) = asked(manager, "StartTransientUnit")
    assert (name, mode, others) == ("boxes.scope", "fail", [])
    told = {key: value for key, (_, value) in properties}
    assert (told["Slice"], told["Delegate"], told["CPUWeight"], told["PIDs"]) == ("-.slice", True, 0, [77])


async def test_an_older_systemd_gets_the_lowest_weight(bus: SessionBus, manager: MockService) -> None:
    makes_scopes(manager, before=NO_IDLE)
    await scope.open_scope(bus.address, "boxes.scope", 77)
    weights = [dict(properties)["CPUWeight"][1] for _, _, properties, _ in asked(manager, "StartTransientUnit")]
    assert weights == [0, 1]


async def test_a_job_that_fails_is_told(bus: SessionBus, manager: MockService) -> None:
    makes_scopes(manager, "failed")
    with pytest.raises(NoScope, match="its job ended as 'failed'"):
        await scope.open_scope(bus.address, "boxes.scope", 77)


async def test_a_refusal_is_told_in_systemds_words(bus: SessionBus, manager: MockService) -> None:
    makes_scopes(manager, before="raise ValueError('no scopes today')\n")
    with pytest.raises(NoScope, match="no scopes today"):
        await scope.open_scope(bus.address, "boxes.scope", 77)


async def test_a_systemd_that_comes_to_its_bus_late_is_waited_for(bus: SessionBus) -> None:
    with MockService(bus, "org.example.Late", "/org/freedesktop/systemd1", scope.INTERFACE) as late:
        late.answers("Subscribe", "", "", "")
        late.answers("Come", "", "", f"self.name = dbus.service.BusName('{scope.SERVICE}', self.connection)")
        makes_scopes(late)
        asking = asyncio.create_task(scope.open_scope(bus.address, "boxes.scope", 77))
        await asyncio.wait([asking], timeout=0.3)
        assert not asking.done(), "it waits"
        late.call("Come")
        await asking
        assert len(asked(late, "StartTransientUnit")) == 1


async def test_a_bus_without_systemd_is_told(bus: SessionBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "COMES_WITHIN", 0.1)
    with pytest.raises(NoScope, match="systemd gives none"):
        await scope.open_scope(bus.address, "boxes.scope", 77)


async def test_a_silent_systemd_is_not_waited_for(
    bus: SessionBus, manager: MockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scope, "DONE_WITHIN", 0.2)
    monkeypatch.setattr(scope, "COMES_WITHIN", 0.0)
    manager.answers("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", "ret = '/job/7'")
    with pytest.raises(NoScope, match="did not answer in time"):
        await scope.open_scope(bus.address, "boxes.scope", 77)


async def test_a_process_is_moved_by_systemd(bus: SessionBus, manager: MockService) -> None:
    await scope.attach(bus.address, "boxes.scope", 77, "/boxes/1")
    assert asked(manager, "AttachProcessesToUnit") == [["boxes.scope", "/boxes/1", [77]]]


async def test_a_process_that_is_not_moved_is_told(bus: SessionBus) -> None:
    with pytest.raises(OSError, match="systemd does not move process 77 to boxes"):
        await scope.attach(bus.address, "boxes.scope", 77, "/boxes/1")


def test_root_asks_the_machines_systemd_and_a_user_their_own(bus: SessionBus, tmp_path: Path) -> None:
    environ = {**system_environ(bus), "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/sys"}
    assert scope.manager_bus(environ, root=True) == "unix:path=/sys"
    assert scope.manager_bus(environ, root=False) == bus.address
    assert scope.manager_bus({"XDG_RUNTIME_DIR": str(tmp_path)}, root=False) == ""
    (tmp_path / "bus").touch()
    environ["XDG_RUNTIME_DIR"] = str(tmp_path)
    assert scope.manager_bus(environ, root=False) == f"unix:path={tmp_path}/bus", "a session may have a bus of its own"


def test_whether_systemd_runs_is_seen_by_its_folder(tmp_path: Path) -> None:
    assert not scope.runs_systemd(tmp_path)
    (tmp_path / "systemd/system").mkdir(parents=True)
    assert scope.runs_systemd(tmp_path)
