"""A snapshot in words for a terminal."""

from __future__ import annotations

from farmhand.text import clauses, counted
from farmhand.wire.local import JobView, SenseView, Snapshot

_STATES = {
    "kept": ("not lending", ""),
    "starting": ("about to lend", ""),
    "joining": ("lending", "not yet known to the registry"),
    "lent": ("lending", ""),
    "held": ("holding jobs still", ""),
    "draining": ("letting jobs finish", ""),
    "stopping": ("giving the machine back", ""),
    "failing": ("could not lend", ""),
    "resting": ("could not lend", "will try again"),
}
"""What a machine does, and what more is to be said of it; slots stand between the two."""


def headline(shown: Snapshot, now: float) -> str:
    """One line: what this machine does, and why.

    Args:
        shown: the agent's state.
        now: Unix time in seconds.
    """
    told, more = _STATES.get(shown.state, (shown.state, ""))
    used = ""
    if shown.slots:
        told += f" {counted(shown.slots, 'slot')}"
        used = f"{len(shown.jobs) or 'none'} in use"
    line = clauses(told, used, more, shown.reason and f"because {shown.reason}")
    if shown.lends_at is not None and shown.lends_at > now:
        line += f"; lends in {span(shown.lends_at - now)}"
    return line


def status_lines(shown: Snapshot, now: float) -> list[str]:
    """Everything a person wants to know of the agent, one fact a line."""
    lines = [f"{shown.name}: {headline(shown, now)}"]
    if shown.trouble:
        lines.append(f"trouble: {shown.trouble}")
    lines += [f"  {job_line(job, now)}" for job in shown.jobs]
    if shown.wish != "auto":
        until = "" if shown.wish_until is None else f" for another {span(shown.wish_until - now)}"
        back = " until you are back" if shown.until_back else ""
        lines.append(f"your choice: {shown.wish}{until}{back}")
    lines.append(
        f"registry: {shown.registry or 'none'}" + (f" ({shown.registry_trouble})" if shown.registry_trouble else "")
    )
    if shown.gate:
        lines.append(f"gate: {shown.gate}")
    if shown.sandbox:
        lines.append(
            f"sandbox: {shown.sandbox}" + (f" (weaker: {shown.sandbox_weaker})" if shown.sandbox_weaker else "")
        )
    if shown.last_reclaim_ms is not None:
        lines.append(f"last reclaim: back to you in {shown.last_reclaim_ms:.0f} ms")
    if shown.priority:
        lines.append(f"priority of jobs: {shown.priority}")
    if shown.limits:
        lines.append(f"limits of jobs: {shown.limits}")
    for sense in shown.senses:
        lines.append(f"{sense.question}: {sense.source or _blind(sense)}")
    return lines


def _blind(sense: SenseView) -> str:
    """Say that no source answers a question; of a single one, why. `farmhand doctor` tells of more."""
    why = f": {sense.rejected[0][1]}" if len(sense.rejected) == 1 else ""
    return f"nothing can tell{why}"


def job_line(job: JobView, now: float) -> str:
    """One job: who compiles what for how long."""
    who = job.user if job.user == job.host else f"{job.user}@{job.host}"
    project = f" ({job.project})" if job.project else ""
    return f"{who}{project}  {job.file or job.compiler}  {span(now - job.started_at)}"


def span(seconds: float) -> str:
    """A span of time in its largest fitting units: 12 s, 3 min, 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
