"""The senses in a Debian of its own, against the real logind, polkit and UPower."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from fakes.debian import LOGINDS_PATIENCE, UNIT, Debian
from fakes.waiting import comes_true, until

from farmhand_agent.sensors.logind import HOLD_UP

pytestmark = [
    pytest.mark.skipif(Debian.why_not() is not None, reason=Debian.why_not() or ""),
    pytest.mark.timeout(600),  # the first boot on a machine is preceded by an installation
]


@pytest.fixture(scope="module")
def debian() -> Iterator[Debian]:
    with Debian() as booted:
        yield booted


# --- sleep --------------------------------------------------------------------
async def test_the_machine_sleeps_after_it_has_been_given_back(debian: Debian) -> None:
    async with debian.witness("sleep", "anna", in_session=True) as agent:
        await agent.until_seen(sleeping=False)
        await comes_true(debian.holds_up_sleep)

        debian.suspend()
        await agent.until_seen(sleeping=True)
        await agent.asked.wait()
        assert not debian.has_slept(), "logind waits for us"
        before = time.monotonic()
        agent.give_back()
        await agent.until_seen(sleeping=False)
        assert debian.has_slept()
        assert before < (agent.seen.woke_at or 0.0) < time.monotonic()
        await comes_true(debian.holds_up_sleep)
    await comes_true(lambda: not debian.holds_up_sleep())


async def test_an_agent_that_hangs_does_not_keep_the_machine_awake(debian: Debian) -> None:
    async with debian.witness("sleep", "anna", in_session=True) as agent:
        await comes_true(debian.holds_up_sleep)
        before = time.monotonic()
        debian.suspend()
        await agent.until_seen(sleeping=True)
        await comes_true(debian.has_slept)
        assert time.monotonic() - before < LOGINDS_PATIENCE / 2, "not because logind lost its patience"
    assert HOLD_UP < 5, "where it is not as patient as here"


# --- sessions -----------------------------------------------------------------
async def test_a_session_is_locked_and_unlocked(debian: Debian) -> None:
    async with debian.witness("lock", "anna", in_session=True) as agent:
        await agent.until_seen(screensaver=False, screensaver_since=None)
        debian.lock(agent.session, True)
        await agent.until_seen(screensaver=True)
        assert agent.seen.screensaver_since is not None
        debian.lock(agent.session, False)
        await agent.until_seen(screensaver=False, screensaver_since=None)


async def test_a_user_service_finds_its_users_graphical_session(debian: Debian) -> None:
    with debian.desktop("anna") as session:
        debian.lock(session, True)
        async with debian.witness("lock", "anna") as agent:
            assert agent.session == ""
            await agent.until_seen(screensaver=True)
            debian.lock(session, False)
            await agent.until_seen(screensaver=False)
        async with debian.witness("lock", "boris") as agent:
            await agent.until(lambda: agent.lost is not None)


async def test_another_session_comes_to_the_screen_and_goes(debian: Debian) -> None:
    async with debian.witness("seat", "anna", in_session=True) as agent:
        await agent.until(lambda: agent.session != "")
        debian.run("loginctl", "activate", agent.session)
        await agent.until_seen(in_front=True)
        with debian.desktop("boris") as other:
            debian.run("loginctl", "activate", other)
            await agent.until_seen(in_front=False)
            debian.run("loginctl", "activate", agent.session)
            await agent.until_seen(in_front=True)


async def test_somebody_logs_in_from_afar(debian: Debian) -> None:
    debian.age_terminals()
    async with debian.witness("terminals") as agent:
        await agent.until_seen(in_use=False)
        with debian.remote_login("anna", "laptop.example") as terminal:
            assert "REMOTE=1" in debian.run("cat", f"/run/systemd/sessions/{terminal.session}")
            await agent.until_seen(in_use=True)
            debian.age_terminals()
            async with debian.witness("terminals") as later:
                await later.until_seen(in_use=False)
                terminal.type("make")
                await later.until_seen(in_use=True)


@pytest.mark.parametrize("jump", ["+1d", "-1d"])
async def test_the_clock_jumps_while_somebody_works_from_afar(debian: Debian, jump: str) -> None:
    with debian.remote_login("anna", "laptop.example") as terminal:
        async with debian.witness("terminals", clock=True) as agent:
            terminal.type("make")
            await agent.until_seen(in_use=True)
            await agent.until(lambda: agent.seen.idle_since is not None, within=20)
            debian.set_clock(jump)
            until_next_block = 9  # the kernel moves access times once in eight seconds
            await comes_true(
                lambda: bool(terminal.type("make")) or agent.seen.idle_since is None, within=until_next_block
            )
            assert not any(one.get("in_use") is False for one in agent.readings)


@pytest.mark.parametrize("kind", ["x11", "wayland"])
async def test_somebody_logs_in_at_the_screen(debian: Debian, kind: str) -> None:
    with debian.desktop("boris", "x11", "greeter"):
        async with debian.witness("no desktop") as agent:
            await agent.until_seen(in_use=False)
            with debian.desktop("anna", kind):
                await agent.until(lambda: agent.lost is not None)
                assert "somebody has a graphical session" in (agent.lost or "")
            async with debian.witness("no desktop") as later:
                await later.until_seen(in_use=False)


# --- the agent's own unit ---------------------------------------------------------
def test_a_restart_waits_for_running_jobs_and_a_stop_does_not(debian: Debian) -> None:
    debian.install_unit(patience=2)
    debian.run("systemctl", "start", UNIT)
    until(lambda: debian.told() == ["started"])
    debian.run("systemctl", "restart", UNIT)
    until(lambda: debian.told() == ["started", "SIGTERM", "done", "started"])
    debian.run("systemctl", "stop", UNIT)
    assert debian.told()[4:] == ["SIGINT"]


async def test_the_machine_is_shut_down(debian: Debian) -> None:
    async with debian.witness("sleep", "anna", in_session=True) as agent:
        await agent.until_seen(shutting_down=False)
        debian.pretend_to_shut_down()
        await agent.until(lambda: {"shutting_down": True} in agent.readings)
        await agent.until_seen(shutting_down=False)


# --- films, and the battery -----------------------------------------------------
async def test_a_program_holds_off_the_screensaver(debian: Debian) -> None:
    async with debian.witness("inhibitors") as agent:
        await agent.until_seen(presenting="")
        with debian.running("systemd-inhibit", "--what=idle", "--who=mpv", "--why=a film", "sleep", "infinity"):
            await agent.until_seen(presenting="mpv holds off the screensaver: a film")
        await agent.until_seen(presenting="")


async def test_upower(debian: Debian) -> None:
    debian.run("systemctl", "start", "upower")
    async with debian.witness("power") as agent:
        await agent.until_seen(on_battery=False)
        debian.run("systemctl", "stop", "upower")
        await agent.until(lambda: agent.lost is not None)
        assert "UPower" in (agent.lost or "")
