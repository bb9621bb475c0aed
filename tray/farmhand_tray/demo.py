"""Every state of the tray as a scripted day: data for the demo, for the screenshots and for the tests."""

from __future__ import annotations

from dataclasses import dataclass

from farmhand.wire.local import JobView, SenseView, Snapshot
from farmhand_tray.view import NOT_RUNNING, Absence

NOON = 1_760_000_400.0
"""Unix seconds at which the day is looked at."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One state of the tray.

    Attributes:
        name: fit for a file.
        snapshot: what the agent says.
        absence: why it says nothing.
        refused: its answer to the last request.
    """

    name: str
    snapshot: Snapshot | None
    absence: Absence = NOT_RUNNING
    refused: str = ""


_SENSES = (
    SenseView("input", "X11 idle counter", (("Wayland", "this session is X11"),)),
    SenseView("screensaver", "org.freedesktop.ScreenSaver"),
    SenseView("load", "/proc"),
)

_JOBS = (
    JobView("anna", "atlas", "renderer", "src/scene/light_probe.cpp", "g++", NOON - 12.4, 0.0),
    JobView("anna", "atlas", "renderer", "src/scene/shadow_map.cpp", "g++", NOON - 7.1, 0.1),
    JobView("bo", "mars", "kernel", "drivers/net/ethernet/intel/ice/ice_main.c", "gcc", NOON - 3.2, 0.0),
    JobView("", "10.1.4.7", "", "parser.cc", "clang++", NOON - 0.8, 1.6),
)


def _scene(
    state: str,
    rule: str,
    reason: str,
    ago: float,
    **more: object,
) -> Snapshot:
    """A snapshot of the demo's machine that came about `ago` seconds before noon."""
    base: dict[str, object] = {
        "version": "0.1.0",
        "name": "orchard",
        "state": state,
        "since": NOON - ago,
        "rule": rule,
        "reason": reason,
        "registry": "http://hub:3680",
        "senses": _SENSES,
        "last_reclaim_ms": 14.0,
        "reclaims": 3,
    }
    return Snapshot(**{**base, **more})  # type: ignore[arg-type]


SCENES = (
    Scene("in-use", _scene("kept", "in use", "you are using keyboard or mouse", 4260)),
    Scene(
        "waiting",
        _scene(
            "kept",
            "not idle long enough",
            "you touched keyboard or mouse 2 min ago, not yet 5 min",
            130,
            lends_at=NOON + 170,
        ),
    ),
    Scene("starting", _scene("starting", "idle", "there was no input for 5 min", 1)),
    Scene(
        "lending-unused",
        _scene("lent", "idle", "there was no input for 5 min", 95, slots=8, blocked=("eve@pluto",)),
    ),
    Scene("lending-in-use", _scene("lent", "idle", "there was no input for 5 min", 845, slots=8, jobs=_JOBS)),
    Scene(
        "lending-while-you-work",
        _scene(
            "lent",
            "while you work",
            "you lend up to 2 slots while you work, and you are using keyboard or mouse",
            1500,
            slots=2,
            jobs=_JOBS[:1],
        ),
    ),
    Scene("own-build", _scene("kept", "own build", "make builds here", 40)),
    Scene(
        "in-a-meeting",
        _scene("kept", "in a meeting", "you are in a meeting for another 25 min", 300, lends_at=NOON + 1500),
    ),
    Scene(
        "last-jobs",
        _scene(
            "draining",
            "busy with your work",
            "your programs use 64% of the machine, the limit is 51%",
            3,
            jobs=_JOBS[:2],
        ),
    ),
    Scene(
        "held",
        _scene(
            "held",
            "a single touch",
            "something touched keyboard or mouse once, perhaps by accident",
            1,
            slots=8,
            jobs=_JOBS,
        ),
    ),
    Scene("reclaiming", _scene("stopping", "in use", "you are using keyboard or mouse", 0)),
    Scene(
        "paused-until",
        _scene(
            "kept", "your choice: keep", "you chose keep for another 42 min", 1080, wish="keep", wish_until=NOON + 2520
        ),
    ),
    Scene("kept-by-choice", _scene("kept", "your choice: keep", "you chose keep", 7500, wish="keep")),
    Scene(
        "lend-by-choice",
        _scene("lent", "your choice: lend", "you chose lend", 20, wish="lend", slots=8, jobs=_JOBS[2:]),
    ),
    Scene(
        "held-back",
        _scene(
            "kept",
            "no sandbox",
            "no sandbox works here: bwrap is not installed",
            600,
            trouble="no sandbox works here: bwrap is not installed. Mend it with: apt install bubblewrap",
        ),
    ),
    Scene("trying-again", _scene("resting", "idle", "the gate's port 3632 was in use", 5)),
    Scene(
        "not-connected",
        _scene(
            "lent",
            "idle",
            "there was no input for 5 min",
            300,
            slots=8,
            registry_trouble="http://hub:3680 does not answer",
        ),
    ),
    Scene("agent-not-running", None),
    Scene("other-version", None, Absence(True, "the agent sent something that is no Farmhand message")),
)
"""The states in the order of a day."""
