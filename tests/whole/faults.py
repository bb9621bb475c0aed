"""What can go wrong while a farm builds: each fault is a function of a `Scene`, and `FAULTS` is the matrix.

A fault begins a build, does harm, and sees to the build's end; what it measures on the way it notes in the scene.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from farmhand.distcc.protocol import request
from tests.fakes.cgroups import groups_of
from tests.fakes.procfs import session
from tests.fakes.waiting import until
from tests.whole.endings import (
    agent_ended_at_once,
    agent_ended_for_an_upgrade,
    lending_ends_without_hurry,
    returns_during_an_upgrade,
    settings_of_boxes_change,
)
from tests.whole.scene import (
    RECLAIM_MS,
    Scene,
    compilers,
    inits,
    kill_all,
    milliseconds_until,
    named,
)
from tests.whole.stage import boxed


# --- faults of a host ---------------------------------------------------------
def agent_killed(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    foreign, killed = boxed(scene.first.pid), scene.first.pid
    scene.first.stop(signal.SIGKILL)
    scene.measured("boxes dead", milliseconds_until(lambda: not foreign & boxed(), "no box survives"), 5000)
    until(lambda: not groups_of(killed), "the guardian removes the control groups")
    scene.first.start()
    took = milliseconds_until(lambda: scene.first.status().get("state") == "lent", "it lends again")
    scene.measured("lent again", took / 1e3, 15, "s")
    build.ends_well()
    assert len(scene.stage.hosts()) == len(scene.stations)


def agent_stopped(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    os.kill(scene.first.pid, signal.SIGSTOP)
    took = milliseconds_until(lambda: len(scene.stage.hosts()) < len(scene.stations), "it is off the list")
    scene.measured("off the list", took / 1e3, 20, "s")
    time.sleep(max(0.0, 8 - took / 1e3))
    os.kill(scene.first.pid, signal.SIGCONT)
    build.ends_well()
    until(lambda: len(scene.stage.hosts()) == len(scene.stations), "it is on the list again")


def agent_stopped_for_good(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    began = time.monotonic()
    os.kill(scene.first.pid, signal.SIGSTOP)
    build.ends_well()
    scene.measured("build ended", time.monotonic() - began, 60, "s")
    os.kill(scene.first.pid, signal.SIGCONT)
    until(lambda: not scene.first.status()["jobs"], "the stopped host ends what nobody waits for")


def box_killed(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    kill_all(inits(scene.first))
    build.ends_well()
    assert scene.first.status()["state"] == "lent"


def distccd_killed(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    kill_all(named("distccd", boxed(scene.first.pid)))
    build.ends_well()
    assert scene.first.status()["state"] == "lent"


def distccd_stopped(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    kill_all(boxed(scene.first.pid), signal.SIGSTOP)
    build.ends_well()


def compiler_stopped(scene: Scene) -> None:
    build = scene.build()
    stopped = build.reach_the_middle()
    kill_all(stopped, signal.SIGSTOP)
    began = time.monotonic()
    until(lambda: not stopped & boxed(), "the stopped compiler is ended")
    scene.measured("stopped compiler ended", time.monotonic() - began, LIFETIME + 10, "s")
    build.ends_well()


def compiler_hung(scene: Scene) -> None:
    """Like a stopped compiler, but its host would keep it for the ten minutes of the default `job_lifetime`."""
    build = scene.build()
    hung = build.reach_the_middle()
    kill_all(hung, signal.SIGSTOP)
    began = time.monotonic()
    until(lambda: not hung & boxed(), "the host ends what nobody waits for", 60)
    scene.measured("overtaken", time.monotonic() - began, 45, "s")
    told = build.ends_well()
    scene.said.append(f"{told['races_won']} of {told['raced']} races won")
    assert told["races_won"], "nothing hung"


def compiler_killed(scene: Scene) -> None:
    build = scene.build()
    kill_all(build.reach_the_middle())
    build.ends_well()


def compiler_without_memory(scene: Scene) -> None:
    for pid in named("distccd", boxed(scene.first.pid)):
        owner = Path(f"/proc/{pid}").owner()
        subprocess.run(["prlimit", "--pid", str(pid), "--as=40000000"], user=owner, extra_groups=[], check=True)
    told = scene.build().ends_well()
    assert told["hosts"].get("first", 0) < told["total"] // 3, "its compilers must have failed"


def box_without_room(scene: Scene) -> None:
    for init in inits(scene.first):
        with suppress(OSError), Path(f"/proc/{init}/root/tmp/filler").open("wb", buffering=0) as filler:
            while filler.write(bytes(1 << 20)):
                pass
    scene.build().ends_well()


def state_folder_full(scene: Scene) -> None:
    filler = Path(f"/proc/{scene.first.pid}/root{scene.first.folder}/state/filler")
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    build = scene.build()
    build.reach_the_middle()
    scene.take_back(scene.first)
    scene.first.choose("lend")
    scene.first.wait("lent")
    build.ends_well()


def disk(folder: Path, room: str) -> list[str]:
    """Words before a command that give it a file system of its own at `folder`."""
    script = f'mount -t tmpfs -o size={room} none "$0" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, str(folder)]


# --- faults of the registry ---------------------------------------------------
def registry_killed(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    assert scene.stage.registry_process is not None
    scene.stage.registry_process.kill()
    scene.stage.registry_process.wait()
    time.sleep(1)  # for as long as it takes somebody to start it again
    scene.stage.open_registry()
    took = milliseconds_until(lambda: len(scene.stage.hosts()) == len(scene.stations), "the list is whole")
    scene.measured("list whole", took / 1e3, 15, "s")
    build.ends_well()


def registry_stopped(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    assert scene.stage.registry_process is not None
    scene.stage.registry_process.send_signal(signal.SIGSTOP)
    scene.take_back(scene.first)
    build.ends_well()
    began = time.monotonic()
    scene.build().ends_well()
    scene.measured("a whole build without an answer", time.monotonic() - began, 60, "s")
    scene.stage.registry_process.send_signal(signal.SIGCONT)
    until(lambda: [host["name"] for host in scene.stage.hosts()] == ["second"], "only who lends is listed")


def registry_gone(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    assert scene.stage.registry_process is not None
    scene.stage.registry_process.kill()
    scene.stage.registry_process.wait()
    scene.take_back(scene.first)
    build.ends_well()
    scene.build().ends_well()
    scene.stage.open_registry()


# --- the owner returns --------------------------------------------------------
def returns_before_any_job(scene: Scene) -> None:
    scene.take_back(scene.first)
    scene.build().ends_well()


def returns_while_compiling(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    scene.take_back(scene.first)
    build.ends_well()


def returns_between_jobs(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    until(lambda: not scene.first.status()["jobs"], "a pause", every=0)
    scene.take_back(scene.first)
    build.ends_well()


def returns_while_asking(scene: Scene) -> None:
    build = scene.build()
    with held(scene.gate, request(COMMAND, b"int x;\n")[:17]) as client:
        build.begins()
        _take_back_from(client, scene)
    build.ends_well()


def returns_while_sending(scene: Scene) -> None:
    with held(scene.gate, request(COMMAND, b"int x;\n" * 99_999)[:-300_000]) as client:
        until(lambda: _has_job(scene, "held.c"), "the upload has begun")
        build = scene.build()
        build.begins()
        _take_back_from(client, scene)
    build.ends_well()


def returns_while_answering(scene: Scene) -> None:
    with held(scene.gate, request(COMMAND, b"char big[64 << 20] = {1};\n"), 4096) as client:
        client.recv(1, socket.MSG_PEEK)
        build = scene.build()
        build.begins()
        assert _has_job(scene, "held.c"), "the reply must not be through"
        _take_back_from(client, scene)
    build.ends_well()


def returns_again_and_again(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    rounds = 0
    while build.process.poll() is None or rounds < 3:
        scene.take_back(scene.first)
        scene.first.choose("lend")
        time.sleep(1.5)
        rounds += 1
    build.ends_well()
    scene.first.wait("lent")


COMMAND = ("gcc", "-c", "held.c", "-o", "held.o")
"""What a client asks for that stops on its way."""

LIFETIME = 3
"""Seconds that a compile may take where compilers are stopped."""


@contextmanager
def held(address: tuple[str, int], words: bytes, room: int = 0) -> Generator[socket.socket]:
    """A client of plain distcc's kind that says `words` and then nothing; `room` bytes it takes in unread."""
    with socket.socket() as client:
        if room:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        client.settimeout(10)
        client.connect(address)
        client.sendall(words)
        yield client


def _has_job(scene: Scene, file: str) -> bool:
    return any(job["file"] == file for job in scene.first.status()["jobs"])


def _take_back_from(client: socket.socket, scene: Scene) -> None:
    told: list[float] = []

    def listen() -> None:
        with suppress(ConnectionError):
            while client.recv(1 << 20):
                pass
        told.append(time.monotonic())

    listener = threading.Thread(target=listen)
    listener.start()
    began = time.monotonic()
    scene.take_back(scene.first)
    listener.join(30)
    scene.measured("client told", (told[0] - began) * 1e3, RECLAIM_MS + 100)


# --- faults of the client -----------------------------------------------------
def build_interrupted(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    os.killpg(build.process.pid, signal.SIGINT)  # as a terminal does
    _frees_its_slots(scene)
    output, _ = build.process.communicate(timeout=30)
    assert build.process.returncode != 0, output
    until(lambda: not session(build.process.pid), "nothing of the build is left here")
    scene.build().ends_well()


def build_killed(scene: Scene) -> None:
    build = scene.build()
    build.reach_the_middle()
    build.process.kill()
    _frees_its_slots(scene)
    until(lambda: build.done == len(scene.project.objects), "make, left alone, compiles by itself", 100)
    until(lambda: not scene.project.wrong(build.folder), "and well")
    left = until(lambda: _only_one(scene.stage.scratch), "distcc removes its own files")
    assert left.name.startswith("farmhand-build-"), left
    shutil.rmtree(left)
    scene.build().ends_well()


def _only_one(folder: Path) -> Path | None:
    found = list(folder.iterdir())
    return found[0] if len(found) == 1 else None


def _frees_its_slots(scene: Scene) -> None:
    def free() -> bool:
        return not any(compilers(one) or one.status()["jobs"] for one in scene.stations)

    scene.measured("compilers gone", milliseconds_until(free, "no compiler is left"), 5000)


Play = Callable[[Scene], None]


@dataclass(frozen=True)
class Fault:
    """A fault and the stage it needs.

    Attributes:
        play: begins a build, does harm, and sees to the build's end.
        settings: of the first host.
        pause: seconds that make sleeps before each compile.
        alone: whether there is only one host.
    """

    play: Play
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    pause: float = 0
    alone: bool = False


FAULTS: Mapping[str, Fault] = {
    "agent killed": Fault(agent_killed),
    "agent ended at once": Fault(agent_ended_at_once),
    "agent ended for an upgrade": Fault(agent_ended_for_an_upgrade),
    "owner returns while an agent ends for an upgrade": Fault(returns_during_an_upgrade),
    "agent stopped for 8 s": Fault(agent_stopped),
    "agent stopped for good": Fault(agent_stopped_for_good),
    "box killed": Fault(box_killed),
    "distccd killed": Fault(distccd_killed),
    "box stopped": Fault(distccd_stopped, {"job_lifetime": LIFETIME}),
    "compiler stopped": Fault(compiler_stopped, {"job_lifetime": LIFETIME}),
    "compiler hung, its agent alive": Fault(compiler_hung),
    "compiler killed": Fault(compiler_killed),
    "compiler out of memory": Fault(compiler_without_memory),
    "box out of room": Fault(box_without_room, {"scratch": 64}),
    "registry killed and back": Fault(registry_killed),
    "registry stopped": Fault(registry_stopped),
    "registry gone": Fault(registry_gone),
    "owner returns before any job": Fault(returns_before_any_job, alone=True),
    "owner returns while a client asks": Fault(returns_while_asking),
    "owner returns while a client sends": Fault(returns_while_sending),
    "owner returns while compiling": Fault(returns_while_compiling),
    "owner returns while compiling, the only host": Fault(returns_while_compiling, alone=True),
    "owner returns while a client is answered": Fault(returns_while_answering),
    "owner returns between jobs": Fault(returns_between_jobs, pause=0.2),
    "owner returns every 1.5 s": Fault(returns_again_and_again),
    "lending ends without hurry": Fault(lending_ends_without_hurry),
    "settings of boxes change": Fault(settings_of_boxes_change),
    "build interrupted": Fault(build_interrupted),
    "build killed": Fault(build_killed),
}
"""The matrix: every cell that needs no network of its own."""
