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
        kept: files that could not leave this machine, by the option or whatever else kept them.
        repeated: files that were compiled elsewhere, and again here for the compiler's messages.
        raced: second copies that were started because the first one took long.
        won: files that the second copy answered first.
    """

    here: int = 0
    hosts: Counter[str] = field(default_factory=Counter[str])
    moved: int = 0
    losses: int = 0
    lacked: Counter[str] = field(default_factory=Counter[str])
    kept: Counter[str] = field(default_factory=Counter[str])
    repeated: int = 0
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

    def count(self, host: str, losses: int, lacked: str = "", kept: str = "") -> None:
        """One file is compiled.

        Args:
            host: where; "" for this machine.
            losses: how many hosts it had lost before.
            lacked: the toolchain for want of which no host could compile it; "": that was not the reason.
            kept: why it could not leave; "" when it could.
        """
        if host:
            self.hosts[host] += 1
        else:
            self.here += 1
        self.moved += losses > 0
        if lacked and not kept:
            self.lacked[lacked] += 1
        if kept:
            self.kept[kept] += 1


def summary(tally: Tally, seconds: float) -> str:
    """Say it in one line for the end of a build that took `seconds`."""
    names = sorted(tally.hosts)
    parts = [f"{tally.remote} on {_hosts(names)}"] if names else []
    parts += [f"{tally.here} here"] if tally.here or not names else []
    parts += [f"{tally.moved} moved"] if tally.moved else []
    parts += [f"{tally.raced} raced ({tally.won} won)"] if tally.raced else []
    return f"{_files(tally.total)}: {', '.join(parts)}, {seconds:.1f} s"


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
    compilers = ", ".join(f"{name} ({files[name]})" if len(files) > 1 else name for name in sorted(files))
    return f"{_files(files.total())} could be compiled here only: no host at hand has this machine's {compilers}"


def kept(tally: Tally, all_reasons: bool = False) -> str:
    """Say in one line which files could not leave this machine, and why; "" when there are none.

    Args:
        tally: the counts.
        all_reasons: name all of them, not only the three most frequent.
    """
    if not tally.kept:
        return ""
    most = tally.kept.most_common(None if all_reasons else 3)
    reasons = ", ".join(f"{reason} ({count})" for reason, count in most)
    others = len(tally.kept) - len(most)
    more = f", {others} other reason{'s' if others > 1 else ''}" if others else ""
    return f"{_files(tally.kept.total())} could not leave this machine: {reasons}{more}"


def repeated(tally: Tally) -> str:
    """Say in one line how many files were compiled twice for their messages; "" when none was."""
    if not tally.repeated:
        return ""
    return f"{_files(tally.repeated)} compiled again here, for the compiler had something to say"


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
        "kept": dict(sorted(tally.kept.items())),
        "repeated": tally.repeated,
        "seconds": round(seconds, 3),
        "jobs": jobs,
    }


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"


def _hosts(names: list[str]) -> str:
    if len(names) > 3:
        return f"{len(names)} hosts"
    return f"{len(names)} host{'s' if len(names) > 1 else ''} ({', '.join(names)})"
