"""What became of a build's compiles: counted as they end, told in one line or as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts.

    Attributes:
        here: files compiled on this machine.
        hosts: files compiled elsewhere, by host name.
        moved: files that lost a host before they were compiled.
        losses: how often a host gave no answer.
        lacked: files that no host had the compiler for, by the toolchain that they needed.
        raced: second copies that were started because the first one took long.
        won: files that the second copy answered first.
    """

    here: int = 0
    hosts: Counter[str] = field(default_factory=Counter[str])
    moved: int = 0
    losses: int = 0
    lacked: Counter[str] = field(default_factory=Counter[str])
    raced: int = 0
    won: int = 0

    @property
    def remote(self) -> int:
        """Files compiled elsewhere."""
        return self.hosts.total()

    @property
    def total(self) -> int:
        """All files."""
        return self.here + self.remote

    def count(self, host: str, losses: int, lacked: str = "") -> None:
        """One file is compiled.

        Args:
            host: where; "" for this machine.
            losses: how many hosts it had lost before.
            lacked: the toolchain for want of which no host could compile it; "": that was not the reason.
        """
        if host:
            self.hosts[host] += 1
        else:
            self.here += 1
        self.moved += losses > 0
        if lacked:
            self.lacked[lacked] += 1


def summary(tally: Tally, seconds: float) -> str:
    """Say it in one line for the end of a build that took `seconds`."""
    names = sorted(tally.hosts)
    parts = [f"{tally.remote} on {_hosts(names)}"] if names else []
    parts += [f"{tally.here} here"] if tally.here or not names else []
    parts += [f"{tally.moved} moved"] if tally.moved else []
    parts += [f"{tally.raced} raced ({tally.won} won)"] if tally.raced else []
    files = "1 file" if tally.total == 1 else f"{tally.total} files"
    return f"{files}: {', '.join(parts)}, {seconds:.1f} s"


def lack(tally: Tally, title: Callable[[str], str]) -> str:
    """Say in one line which files could be compiled here only, and why; "" when there are none.

    Args:
        tally: the counts.
        title: what people call a toolchain.
    """
    files: Counter[str] = Counter()
    for toolchain, count in tally.lacked.items():
        files[title(toolchain)] += count
    if not files:
        return ""
    total = "1 file" if files.total() == 1 else f"{files.total()} files"
    compilers = ", ".join(f"{name} ({files[name]})" if len(files) > 1 else name for name in sorted(files))
    return f"{total} could be compiled here only: no host at hand has this machine's {compilers}"


def as_data(tally: Tally, seconds: float, jobs: int | None) -> dict[str, object]:
    """The same for programs.

    Args:
        tally: the counts.
        seconds: how long the build took.
        jobs: the number given to the build tool with -j; None when the user or the tool chose.
    """
    return {
        "total": tally.total,
        "remote": tally.remote,
        "local": tally.here,
        "moved": tally.moved,
        "hosts": dict(sorted(tally.hosts.items())),
        "failed_over": tally.losses,
        "raced": tally.raced,
        "races_won": tally.won,
        "lacked": dict(sorted(tally.lacked.items())),
        "seconds": round(seconds, 3),
        "jobs": jobs,
    }


def _hosts(names: list[str]) -> str:
    if len(names) > 3:
        return f"{len(names)} hosts"
    return f"{len(names)} host{'s' if len(names) > 1 else ''} ({', '.join(names)})"
