"""`farmhand doctor`: looks at everything that lending and building need, and says what to do about what is missing."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import psutil
from rich.text import Text

from farmhand.cli.context import agent, console, print_json, registry_url
from farmhand.cli.parsers import Commands, add_command, add_json
from farmhand.cli.words import headline
from farmhand.distcc.commandline import compiler_path
from farmhand.distcc.toolchain import title
from farmhand.driver.launchers import prepare
from farmhand.errors import FarmhandError
from farmhand.links.registry import RegistryLink
from farmhand.links.settings_file import load_settings
from farmhand.links.toolchains import fingerprints
from farmhand.text import counted


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    Attributes:
        subject: what.
        good: whether it is as it should be.
        told: what was found, or how to mend it.
        vital: whether lending or building fails without it.
    """

    subject: str
    good: bool
    told: str
    vital: bool = True


def add_commands(commands: Commands) -> None:
    """Describe the command."""
    add_json(add_command(commands, "doctor", "look for what is missing or wrong, and say what to do", _doctor))


def _doctor(options: argparse.Namespace) -> int:
    findings = [finding for look in LOOKS for finding in look()]
    if options.json:
        print_json([asdict(one) for one in findings])
    else:
        for one in findings:
            mark, style = ("ok", "green") if one.good else ("missing", "bold red") if one.vital else ("note", "yellow")
            console.print(Text(f"{mark:8}", style), f"{one.subject}: {one.told}")
    return 0 if all(one.good for one in findings if one.vital) else 1


def _programs() -> Iterator[Finding]:
    for program, package, purpose in (
        ("distccd", "distcc", "compiles for others"),
        ("bwrap", "bubblewrap", "keeps the farm's jobs away from your files, better than Landlock"),
    ):
        where, vital = shutil.which(program), program != "bwrap"  # Landlock may do instead: see the agent's sandbox
        told = where or f"{purpose}; on Debian and Ubuntu: apt install {package}"
        yield Finding(program, where is not None, told, vital)


def _compilers() -> Iterator[Finding]:
    """Every compiler once, with all names under which builds may ask for it."""
    names: dict[str, list[str]] = {}
    for name, fingerprint in fingerprints(others=_opened_folders()).items():
        names.setdefault(fingerprint, []).append(name)
    for fingerprint, called in sorted(names.items()):
        yield Finding(
            f"compiler {title(fingerprint, platform.machine())}", True, f"{fingerprint}, called {', '.join(called)}"
        )
    if not names:
        told = "distccd knows none that works; install gcc or clang, then run update-distcc-symlinks"
        yield Finding("compilers", False, told)


def _launcher() -> Iterator[Finding]:
    """What stands in front of the compilers of builds: it needs a compiler once."""
    try:
        yield Finding(
            "compiler launcher", True, str(prepare(compiler_path(os.environ.get("PATH", os.defpath))).launcher)
        )
    except FarmhandError as wrong:
        yield Finding("compiler launcher", False, f"builds here run without the farm: {wrong}", vital=False)


def _opened_folders() -> tuple[str, ...]:
    try:
        return load_settings().toolchains
    except FarmhandError:
        return ()


def _system() -> Iterator[Finding]:
    cores, memory = len(os.sched_getaffinity(0)), psutil.virtual_memory().total / (1 << 30)
    yield Finding(
        "system", True, f"{platform.system()} {platform.release()}, {counted(cores, 'core')}, {memory:.0f} GiB"
    )
    if os.geteuid() == 0:
        yield Finding(
            "user", False, "you are root; boxes run as nobody, but an ordinary user is the better owner", vital=False
        )


def _settings() -> Iterator[Finding]:
    try:
        load_settings()
    except FarmhandError as wrong:
        yield Finding("settings", False, str(wrong))
    else:
        yield Finding("settings", True, "every value is allowed")


def _agent() -> Iterator[Finding]:
    try:
        with agent() as link:
            shown = link.snapshot
    except FarmhandError as wrong:
        yield Finding("agent", False, str(wrong), vital=False)
        return
    yield Finding("agent", not shown.trouble, shown.trouble or headline(shown, time.time()))
    for sense in shown.senses:
        against = "".join(f"; not {name}: {reason}" for name, reason in sense.rejected)
        yield Finding(
            f"sense of {sense.question}",
            bool(sense.source),
            (sense.source or "nothing can tell") + against,
            vital=False,
        )
    if shown.sandbox:
        told = f"{shown.sandbox}; weaker: {shown.sandbox_weaker}" if shown.sandbox_weaker else shown.sandbox
        yield Finding("sandbox", not shown.sandbox_weaker, told, vital=False)
    if shown.priority:
        yield Finding("priority of jobs", "only" not in shown.priority, shown.priority, vital=False)
    if shown.limits:
        yield Finding("limits of jobs", "only" not in shown.limits, shown.limits, vital=False)


def _registry() -> Iterator[Finding]:
    try:
        url = registry_url(None)
        if not url:
            yield Finding("registry", True, "none set: this machine lends to itself and to `allow`")
            return
        link = RegistryLink(url)
        try:
            yield Finding("registry", True, f"{url} knows {counted(len(link.hosts()), 'lending host')}")
        finally:
            link.close()
    except FarmhandError as wrong:
        yield Finding("registry", False, str(wrong))


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _system,
    _programs,
    _compilers,
    _launcher,
    _settings,
    _agent,
    _registry,
)
