"""A build in a process of its own, against hosts named on the command line as PORT or PORT:TICKET.

Usage: python run_build.py SUMMARY HOSTS COMMAND…, where SUMMARY is a file and HOSTS a file with one host a line, read
again whenever it changes; an empty name means no registry, a URL a real one.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from fakes.fake_farm_link import FakeFarmLink

from farmhand.driver.build import Order, carry_out, run
from farmhand.wire.farm import Share


def read(hosts: Path) -> tuple[Share, ...]:
    """The hosts that the file names."""
    return tuple(Share(f"h{port}", "127.0.0.1", int(port), 2, 2.0, "ticket") for port in hosts.read_text().split())


def main() -> int:
    """Run the build and end with its status."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # dev mode tells of each slow step, and a busy machine is slow
    summary, hosts, *command = sys.argv[1:]
    if not hosts:
        return carry_out(Order(command, json_summary=Path(summary)))
    if hosts.startswith("http:"):
        return run(command, hosts, None, quiet=False, json_summary=Path(summary))
    path = Path(hosts)
    link = FakeFarmLink(*read(path))
    ending = threading.Event()

    def watch() -> None:
        known = path.read_text()
        while not ending.wait(0.01):
            if (text := path.read_text()) != known:
                known = text
                link.change(*read(path))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        return carry_out(Order(command, link, "http://fake", json_summary=Path(summary)))
    finally:
        ending.set()
        watcher.join()


if __name__ == "__main__":
    sys.exit(main())
