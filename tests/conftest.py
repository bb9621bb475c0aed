"""What holds for all tests.

Says aloud what was not tried. Where `CI` is set, a test that is skipped fails the run.

Every part that the tests drive is installed on Debian by `installers/linux/packages.sh test`, so nothing need be
skipped there. What depends on the kernel or the processor may be missing everywhere.
"""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(  # a busy machine is no bug in what is tested
    "farmhand", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("farmhand")

MAY_BE_MISSING = (
    "this kernel does not group by session",
    "no filter for this machine",
    "no /usr/include/",
    "no user-mode Linux for this processor",
    "the kernel puts no limit on the processes of root",
)
"""Beginnings of reasons that no package can do away with."""

UNTRIED = pytest.StashKey[list[tuple[str, str]]]()
"""Tests that were skipped, and why."""


HEARD = {signal.SIGHUP: signal.SIG_DFL, signal.SIGQUIT: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
"""What tests send to programs that they start, and what must not be ignored there because the run itself ignores it."""


def pytest_configure(config: pytest.Config) -> None:
    for number, action in HEARD.items():
        if signal.getsignal(number) is signal.SIG_IGN:  # begun by nohup, or in the background of a script
            signal.signal(number, action)
    config.stash[UNTRIED] = []
    config.pluginmanager.register(Skips(config.stash[UNTRIED]))


class Skips:
    """Notes what is skipped."""

    def __init__(self, untried: list[tuple[str, str]]) -> None:
        self._untried = untried

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            self._untried.append((report.nodeid, report.longrepr[2].removeprefix("Skipped: ")))


def must_be_tried(untried: list[tuple[str, str]]) -> bool:
    """Tell whether something was skipped that need not be."""
    return any(not reason.startswith(MAY_BE_MISSING) for _, reason in untried)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    untried = config.stash[UNTRIED]
    if not untried:
        return
    terminalreporter.section(f"{len(untried)} TESTS WERE NOT TRIED", red=True, bold=True)
    for reason in sorted({reason for _, reason in untried}):
        tests = [name for name, why in untried if why == reason]
        terminalreporter.line(f"{reason}: {tests[0]}" + (f" and {len(tests) - 1} more" if tests[1:] else ""), red=True)
    if os.environ.get("CI") and must_be_tried(untried):
        terminalreporter.line("CI is set, so this run has failed.", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and os.environ.get("CI") and must_be_tried(session.config.stash[UNTRIED]):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
