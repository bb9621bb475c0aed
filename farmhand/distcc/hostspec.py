"""A distcc host specification, from typed fields only.

Rule: a host spec is code (`user@host:command` makes the client run ssh), so nothing that came as text from elsewhere
is ever passed on: fields are checked, then written, and what was written reads back as the same fields.
Grammar: `HOSTID[:PORT][/LIMIT][,OPTION]` of distcc(1), "HOST SPECIFICATIONS".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from farmhand.machine import is_address, is_host_name

_SPEC = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})/(?P<slots>[0-9]{1,6})(?P<lzo>,lzo)?"
)

MAX_LIMIT = 100_000
"""The largest job limit that is written; a connector takes far more jobs than a host offers slots."""


@dataclass(frozen=True, slots=True)
class HostSpec:
    """One host as distcc's client knows it.

    Attributes:
        host: an address, or a name that is not `localhost`, which distcc takes for "do not use the network".
        port: 1..65535.
        slots: jobs at once, 1 or more; distcc takes 0 for an error.
        lzo: whether bodies are compressed.
    """

    host: str
    port: int
    slots: int
    lzo: bool = False


def render(spec: HostSpec) -> str:
    """Write one host specification.

    Raises:
        ValueError: a field holds something that distcc would read differently.
    """
    if not is_host_name(spec.host) or spec.host.lower() == "localhost":
        raise ValueError(f"{spec.host!r} cannot stand in a host list")
    if not 1 <= spec.port <= 65535:
        raise ValueError(f"{spec.port} is no port")
    if not 1 <= spec.slots <= MAX_LIMIT:
        raise ValueError(f"{spec.slots} is no job limit from 1 to {MAX_LIMIT}")
    host = f"[{spec.host}]" if ":" in spec.host else spec.host
    return f"{host}:{spec.port}/{spec.slots}{',lzo' if spec.lzo else ''}"


def parse(text: str) -> HostSpec:
    """Read back what `render` writes.

    Raises:
        ValueError: it is anything else.
    """
    match = _SPEC.fullmatch(text)
    if match is None or (match["v6"] and not is_address(match["v6"])):
        raise ValueError(f"{text!r} is no host specification of ours")
    spec = HostSpec(match["v6"] or match["name"], int(match["port"]), int(match["slots"]), match["lzo"] is not None)
    if render(spec) != text:
        raise ValueError(f"{text!r} is no host specification of ours")
    return spec


def render_list(specs: list[HostSpec], local_slots: int, preprocessors: int) -> str:
    """Write a value for DISTCC_HOSTS.

    Args:
        specs: the hosts, best first.
        local_slots: how many jobs distcc itself may run here when it cannot send them, 1 or more.
        preprocessors: how many files it may preprocess at once, 1 or more.
    """
    limits = [f"--localslots={max(1, local_slots)}", f"--localslots_cpp={max(1, preprocessors)}"]
    return " ".join(limits + [render(spec) for spec in specs])
