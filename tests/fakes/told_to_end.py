"""A service that writes down how it is told to end: `python -m fakes.told_to_end FILE`.

Without hurry it takes `LONG`, asks for that time as the agent does, and writes down that it got it.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from farmhand_agent.service_manager import wait_for_end

LONG = 3.0
WORDS = (signal.SIGINT, signal.SIGTERM)


def main(file: Path) -> None:
    """Wait for a word and obey."""
    with file.open("a") as told:
        print("started", file=told, flush=True)
        word = signal.sigwait(WORDS)
        print(word.name, file=told, flush=True)
        if word is signal.SIGTERM:
            wait_for_end(LONG + 5)
            time.sleep(LONG)  # what it has to do takes so long
            print("done", file=told, flush=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, WORDS)
    main(Path(sys.argv[1]))
