"""How slowly a client may send. Pure.

A slot is held while its job is sent, and a byte now and then is no progress. So:

1. No wait for the next bytes is longer than `stall`.
2. All waits together are no longer than `stall` and the time that what has come would take at the least rate.
3. Only waiting for the client counts, not what the box takes to swallow it: a frozen or starved box is not its fault.
"""

from __future__ import annotations

from dataclasses import dataclass

LEAST_RATE = 8192.0
"""Bytes a second. An uplink of 1 Mbit/s gives as much to each of fifteen jobs at once; a preprocessed file of 1 MiB
takes two minutes at that pace, by when its builder has long compiled it at home."""


@dataclass(slots=True)
class Pace:
    """One upload.

    Attributes:
        stall: seconds, see above.
        rate: the least, in bytes a second.
        received: bytes so far.
        waited: seconds so far.
    """

    stall: float
    rate: float = LEAST_RATE
    received: int = 0
    waited: float = 0.0

    @property
    def patience(self) -> float:
        """Seconds that the next bytes may take; 0 when there is no time left."""
        return max(0.0, min(self.stall, self.stall + self.received / self.rate - self.waited))

    def note(self, size: int, took: float) -> None:
        """Take account of `size` bytes for which the client was waited for `took` seconds."""
        self.received += size
        self.waited += took
