"""What is known of one job, and what of it may be shown."""

from __future__ import annotations

import asyncio

from farmhand.text import MAX_NAME
from farmhand.wire.local import JobView
from farmhand_agent.gate.admission import Client
from farmhand_agent.gate.jobs import End, Job, Ledger, NoLedger, Refusal


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


def test_a_job_is_known_by_its_command_without_folders() -> None:
    client = Client("ann@laptop", "ann", "laptop")
    job = Job.begin(client, ("gcc", "-c", "/home/ann/src/server.c", "-o", "server.o"), arrived=10.0)
    assert (job.compiler, job.file, job.arrived) == ("gcc", "server.c", 10.0)
    assert (Job.begin(client, (), 10.0).compiler, Job.begin(client, (), 10.0).file) == ("", "")


def test_a_job_that_is_cut_ends_for_the_reason_that_its_task_is_given() -> None:
    assert End.by(asyncio.CancelledError(End.WITHDRAWN.name)) is End.WITHDRAWN
    assert End.by(asyncio.CancelledError()) is End.by(asyncio.CancelledError("?")) is End.RECLAIMED


def test_every_end_has_words_of_its_own() -> None:
    assert len({one.value for one in End}) == len(End)


def test_every_refusal_has_words_of_its_own() -> None:
    assert len({one.value for one in Refusal}) == len(Refusal)


def test_what_a_command_names_is_made_presentable() -> None:
    argv = ("gcc\x1b[2J", "-c", b"\xff\n.c".decode(errors="surrogateescape"))
    job = Job.begin(Client("ann@laptop", "ann", "laptop"), argv, 10.0)
    assert (job.compiler, job.file) == ("gcc?[2J", "??.c")
    assert len(Job.begin(job.client, ("x" * 5000,), 10.0).compiler) == MAX_NAME


def test_whoever_keeps_no_count_is_asked_nothing_of() -> None:
    ledger: Ledger = NoLedger()
    job = Job(Client("i", "u", "h"), "gcc", "a.c", 0.0, 0.0, 0.0)
    ledger.ended(job, End.SERVED)
    ledger.refused(Refusal.FULL)
