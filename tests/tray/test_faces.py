"""Which face each state of the agent has."""

from __future__ import annotations

import pytest
from fakes.snapshots import job, snapshot

from farmhand.lending.rules import NOT_YET, RULES, SHARED
from farmhand.wire.local import Snapshot
from farmhand_resources import ICONS
from farmhand_tray.demo import NOON, SCENES
from farmhand_tray.faces import face_of
from farmhand_tray.view import Face
from farmhand_tray.viewmodel import present


@pytest.mark.parametrize(
    ("seen", "face", "headline"),
    [
        (snapshot("kept", rule="in use", lends_at=NOON + 60), Face.YOURS, "This machine is yours"),
        (snapshot("kept"), Face.YOURS, "This machine is yours"),
        (snapshot("kept", rule=NOT_YET, lends_at=NOON + 60), Face.READY, "Waiting until you are away"),
        (snapshot("kept", rule="in a meeting", lends_at=NOON + 60), Face.READY, "Waiting to lend"),
        (snapshot("kept", wish="keep"), Face.PAUSED, "Lending is paused"),
        (snapshot("kept", wish="keep", lends_at=NOON + 60), Face.PAUSED, "Lending is paused"),
        (snapshot("kept", wish="keep", wish_until=NOON + 600), Face.PAUSED, "Paused until 09:10"),
        (snapshot("kept", wish="keep", trouble="no bwrap"), Face.HELD_BACK, "Cannot lend"),
        (snapshot("starting"), Face.STARTING, "Getting ready to lend"),
        (snapshot("joining"), Face.STARTING, "Getting ready to lend"),
        (snapshot("joining", registry_trouble="silent"), Face.DISCONNECTED, "Getting ready to lend"),
        (snapshot("starting", registry_trouble="silent"), Face.STARTING, "Getting ready to lend"),
        (snapshot("lent", slots=8), Face.UNUSED, "Lending 8 slots"),
        (snapshot("lent", slots=8, jobs=(job(),)), Face.BUSY, "Lending 8 slots"),
        (snapshot("lent", slots=2, rule="while you work"), Face.UNUSED, "Lending 2 slots while you work"),
        (snapshot("lent", slots=2, rule="while you work", jobs=(job(),)), Face.BUSY, "Lending 2 slots while you work"),
        (
            snapshot("lent", slots=1, rule="while you work", registry_trouble="silent"),
            Face.DISCONNECTED,
            "Lending 1 slot while you work",
        ),
        (snapshot("lent", slots=8, jobs=(job(),), trouble="odd"), Face.BUSY, "Lending 8 slots"),
        (snapshot("lent", slots=1, registry_trouble="silent"), Face.DISCONNECTED, "Lending 1 slot"),
        (snapshot("draining", jobs=(job(), job())), Face.RECLAIMING, "Letting 2 jobs finish"),
        (snapshot("draining"), Face.RECLAIMING, "Giving the machine back"),
        (snapshot("stopping", jobs=(job(),), trouble="odd"), Face.RECLAIMING, "Giving the machine back"),
        (snapshot("failing"), Face.HELD_BACK, "Trying again soon"),
        (snapshot("resting"), Face.HELD_BACK, "Trying again soon"),
        (snapshot("resting", trouble="port taken"), Face.HELD_BACK, "Cannot lend"),
        (snapshot("kept", registry_trouble="silent"), Face.YOURS, "This machine is yours"),
    ],
)
def test_each_state_has_its_face(seen: Snapshot, face: Face, headline: str) -> None:
    view = present(seen, NOON)
    assert face_of(seen) is face
    assert (view.face, view.icon, view.window.headline) == (face, face.value, headline)
    assert view.menu[0].label.startswith(headline)
    assert view.tooltip.startswith(headline)


def test_every_face_is_in_the_demo_and_has_an_icon() -> None:
    faces = {present(scene.snapshot, NOON, absence=scene.absence).face for scene in SCENES}
    assert faces == set(Face)
    assert {face.value for face in Face} <= set(ICONS)


def test_the_demo_names_rules_that_there_are() -> None:
    rules = {rule.name for rule in RULES}
    told = {scene.snapshot.rule for scene in SCENES if scene.snapshot is not None}
    assert told <= rules
    assert SHARED in told


def test_no_two_states_of_the_demo_read_the_same() -> None:
    views = [present(scene.snapshot, NOON, absence=scene.absence) for scene in SCENES]
    assert len({(view.window.headline, view.window.reason) for view in views}) == len(SCENES)
    assert len({view.menu[0].label for view in views}) == len(SCENES)
