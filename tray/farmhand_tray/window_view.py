"""What the window says."""

from __future__ import annotations

from dataclasses import replace

from farmhand.lending.rules import NOT_YET
from farmhand.wire.local import JobView, Snapshot
from farmhand_tray import words
from farmhand_tray.faces import Clock, file_of
from farmhand_tray.menu_view import PAUSE_ROWS, block_row, main_row
from farmhand_tray.view import COLOURS, Face, JobRow, WindowView

TELLS_OF_YOU = ("input", "screensaver")
"""The senses that tell whether somebody is here; the small print names their sources, `farmhand doctor` all."""


def window(face: Face, headline: str, it: Snapshot, clock: Clock, refused: str) -> WindowView:
    """Fill the window; `refused` is the agent's answer to a request that it did not carry out."""
    colours = _colours(it.jobs)
    main = main_row(it)
    return WindowView(
        title=words.window_title(it.name),
        headline=headline,
        reason=_explanation(face, it, clock),
        note=_note(it, refused),
        button=PAUSE_ROWS["keep"][0] if face is Face.PAUSED else main,
        blocks=_blocks(it, colours),
        slots=words.slots_spoken(len(it.jobs), _rooms(it)) if _rooms(it) else "",
        jobs=tuple(_job_row(job, colours, clock) for job in it.jobs),
        footnotes=_footnotes(it),
    )


def _explanation(face: Face, it: Snapshot, clock: Clock) -> str:
    if face is Face.READY and it.lends_at is not None:
        begins = words.lends_in(clock.remaining(it.lends_at), it.rule == NOT_YET)
        return f"{words.because(it.reason)} {begins}".strip()
    if face is Face.PAUSED:
        return _pause(it, clock)
    if face is Face.HELD_BACK and it.trouble:
        return words.sentence(it.trouble)
    if face in (Face.RECLAIMING, Face.STARTING):
        return words.because(it.reason)
    return words.lasting(clock.elapsed(it.since), it.reason)


def _pause(it: Snapshot, clock: Clock) -> str:
    if it.wish_until is None:
        return words.sentence(f"{words.BY_CHOICE}, for {clock.elapsed(it.since)}")
    return words.still_paused(clock.remaining(it.wish_until))


def _note(it: Snapshot, refused: str) -> str:
    troubles = (
        words.request_failed(refused) if refused else "",
        words.registry_trouble(it.registry_trouble) if it.registry_trouble else "",
        words.sentence(it.trouble) if it.state == "lent" and it.trouble else "",
    )
    return " ".join(text for text in troubles if text)


def _rooms(it: Snapshot) -> int:
    """How many blocks there are: jobs that outlive the offer keep theirs."""
    return max(it.slots, len(it.jobs))


def _colours(jobs: tuple[JobView, ...]) -> dict[str, int]:
    """Give every sender a colour, in order of appearance."""
    senders = dict.fromkeys(words.person(job.user, job.host) for job in jobs)
    return {sender: number % COLOURS for number, sender in enumerate(senders)}


def _blocks(it: Snapshot, colours: dict[str, int]) -> tuple[int | None, ...]:
    filled = sorted(colours[words.person(job.user, job.host)] for job in it.jobs)
    return (*filled, *(None for _ in range(_rooms(it) - len(filled))))


def _job_row(job: JobView, colours: dict[str, int], clock: Clock) -> JobRow:
    sender, file, lasts = words.person(job.user, job.host), file_of(job, 60), clock.elapsed(job.started_at)
    return JobRow(
        who=sender,
        lasts=lasts,
        file=file,
        work=words.work(job.compiler, job.project),
        colour=colours[sender],
        spoken=words.job_spoken(sender, file, lasts),
        block=replace(block_row(job), label=words.BLOCK),
    )


def _footnotes(it: Snapshot) -> tuple[str, ...]:
    reclaim = "" if it.last_reclaim_ms is None else words.back_to_you(it.last_reclaim_ms, it.reclaims)
    blocked = words.kept_out(it.blocked) if it.blocked else ""
    sources = {one.question: one.source for one in it.senses}
    seen = tuple((question, sources[question]) for question in TELLS_OF_YOU if question in sources)
    return tuple(line for line in (reclaim, blocked, words.senses(seen)) if line)
