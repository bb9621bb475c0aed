"""A clock that somebody sets by days, under a real agent: a preloaded library tells that agent alone another time.

The library keeps no lock between programs, as libfaketime 0.9.10 does: a killed box would now and then take it along.
"""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.fakes.waiting import until
from tests.whole.scene import Scene
from tests.whole.stage import Workstation

SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const long none;
static const long *ahead = &none;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("WALL_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    void *seen = file < 0 ? MAP_FAILED : mmap(0, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (seen != MAP_FAILED) ahead = seen;
    if (file >= 0) close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *(volatile const long *)ahead;
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec at;
    int failed = clock_gettime(CLOCK_REALTIME, &at);
    *now = (struct timeval){at.tv_sec, at.tv_nsec / 1000};
    return failed;
}

time_t time(time_t *told) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (told) *told = at.tv_sec;
    return at.tv_sec;
}
"""


class WallClock:
    """The time of day of the programs that are begun with `before`; time that passes is as everywhere.

    Args:
        folder: for its library and for how far it is off.
    """

    def __init__(self, folder: Path) -> None:
        self._library, self._ahead = folder / "wall_clock.so", folder / "wall_clock"
        self._ahead.write_bytes(struct.pack("l", 0))
        command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(self._library), "-x", "c", "-"]
        subprocess.run(command, input=SOURCE, text=True, check=True)

    @property
    def before(self) -> Sequence[str]:
        """Words before a command."""
        return ["env", f"LD_PRELOAD={self._library}", f"WALL_CLOCK={self._ahead}"]

    def put_by(self, days: float) -> None:
        """Set it so many days ahead of the true time."""
        with self._ahead.open("r+b", buffering=0) as file:
            file.write(struct.pack("l", int(days * 86400)))


def clock_jumps_a_day(scene: Scene, clock: WallClock) -> None:
    """The first host's clock is set again and again: while it compiles, while a span runs, and before a restart."""
    build, host = scene.build(), scene.first
    build.reach_the_middle()
    clock.put_by(1)
    assert decides(host) == ("your choice: lend", "lent")
    build.ends_well()
    assert len(scene.stage.hosts()) == len(scene.stations)
    host.say("reclaim", "--for", "2h")
    clock.put_by(3)
    assert decides(host) == ("your choice: keep", "kept")
    assert host.status()["wish_until"] > time.time() + 3 * 86400, "it lives three days ahead of us"
    host.stop()
    clock.put_by(-2)
    host.start()
    assert decides(host) == ("your choice: keep", "kept")
    clock.put_by(2)
    assert decides(host) == ("your choice: keep", "kept")
    host.say("lend", "--for", "4s")
    clock.put_by(0)
    until(lambda: decides(host)[1] == "kept", "lending ends with its span")
    assert decides(host)[0] == "never by setting"


def decides(host: Workstation) -> tuple[str, str]:
    """Let the agent decide anew; return the rule and what becomes of the machine."""
    host.say("why")
    shown = host.status()
    return shown["rule"], shown["state"]
