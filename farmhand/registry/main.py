"""The program `farmhand-registry`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from farmhand import __version__
from farmhand.errors import OwnerError
from farmhand.links.log import begin_log
from farmhand.machine import split_address
from farmhand.registry.server import serve

DEFAULT_LISTEN = "127.0.0.1:3680"

_EXAMPLES = """\
examples:
  farmhand-registry                           for this machine alone
  farmhand-registry --listen 10.1.0.1:3680    for the farm in this network
  farmhand-registry --listen '[::]:3680'      on all addresses, IPv4 and IPv6
  farmhand-registry --state /var/lib/farmhand keep an audit in /var/lib/farmhand/audit.sqlite3

Without options the environment counts: FARMHAND_LISTEN and FARMHAND_STATE.
"""


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run a registry until it is told to stop.

    Returns:
        0 after SIGINT or SIGTERM, 1 when it cannot run; wrong options exit with 2.
    """
    parser = _parser(environment)
    options = parser.parse_args(arguments)
    try:
        address, port = split_address(options.listen)
    except ValueError as wrong:
        parser.error(f"cannot listen on {options.listen!r}: {wrong}")
    begin_log("farmhand-registry", "warning")
    try:
        asyncio.run(_run(address, port, Path(options.state) if options.state else None))
    except OwnerError as wrong:
        print(f"farmhand-registry: {wrong}", file=sys.stderr)
        return 1
    return 0


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="farmhand-registry",
        description="Knows the hosts of a compile farm and divides their slots among builds.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--listen",
        metavar="ADDR:PORT",
        default=environment.get("FARMHAND_LISTEN") or DEFAULT_LISTEN,
        help="where agents and builds reach it; port 0 lets the system choose (default: %(default)s)",
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        default=environment.get("FARMHAND_STATE") or None,
        help="keep an audit of hosts and builds in this folder (default: none)",
    )
    parser.add_argument("--version", action="version", version=f"farmhand-registry {__version__}")
    return parser


async def _run(address: str, port: int, state: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await serve(address, port, state, listening=_announce, stop=stop)


def _announce(url: str) -> None:
    print(f"registry on {url}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
