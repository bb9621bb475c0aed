"""The farm's command: hosts."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable

from rich.table import Table

from farmhand.cli.context import console, print_json, registry_url
from farmhand.cli.parsers import Commands, add_command, add_json, add_registry
from farmhand.distcc.toolchain import titles
from farmhand.errors import OwnerError
from farmhand.links.registry import RegistryLink
from farmhand.machine import join_address
from farmhand.wire.farm import HostView


def add_commands(commands: Commands) -> None:
    """Describe the farm's commands."""
    hosts = add_command(commands, "hosts", "list the hosts that lend now", _hosts, "  farmhand hosts --json\n")
    add_json(hosts)
    add_registry(hosts)


def _hosts(options: argparse.Namespace) -> int:
    url = registry_url(options.registry)
    if not url:
        raise OwnerError("no registry is set; name one with --registry http://hub:3680, or run `farmhand up`")
    link = RegistryLink(url)
    try:
        hosts = link.hosts()
    finally:
        link.close()
    if options.json:
        print_json(hosts)
        return 0
    if not hosts:
        console.print(f"nobody lends to {url} now")
        return 0
    console.print(host_table(hosts))
    return 0


def host_table(hosts: Iterable[HostView]) -> Table:
    """The hosts, with what a person wants to know of each."""
    table = Table("host", "address", "used", "slots", "owner's load", "compilers", "seen", box=None, pad_edge=False)
    for host in hosts:
        load, seen = f"{host.others_cpu:.0%}", f"{host.age:.0f} s ago"
        compilers = ", ".join(titles(host.toolchains, platform.machine())) or "not told"
        table.add_row(
            host.name, join_address(host.address, host.port), str(host.used), str(host.slots), load, compilers, seen
        )
    return table
