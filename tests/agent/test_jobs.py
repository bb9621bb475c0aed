"""What is known of one job, and what of it may be shown."""

from __future__ import annotations

from farmhand.wire.local import JobView
from farmhand_agent.admission import Client
from farmhand_agent.jobs import End, Job


def test_the_owner_sees_who_builds_what_and_how_long_it_waited() -> None:
    client = Client("ann@laptop", "ann", "laptop", "redis", 3, "g1")
    job = Job(client, "gcc", "server.c", arrived=10.0, started=10.5, started_at=1_700_000_000.0)
    assert job.view() == JobView(
        user="ann",
        host="laptop",
        project="redis",
        file="server.c",
        compiler="gcc",
        started_at=1_700_000_000.0,
        waited=0.5,
    )


def test_every_end_has_words_of_its_own() -> None:
    assert len({one.value for one in End}) == len(End)
