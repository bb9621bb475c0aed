"""Runs a filter of system calls as the kernel would: see the kernel's Documentation/networking/filter.rst."""

from __future__ import annotations

import struct


def verdict(program: bytes, call: bytes) -> int:
    """Return what the filter says of one call, described as in `struct seccomp_data`."""
    steps = list(struct.iter_unpack("<HBBI", program))
    at, loaded = 0, 0
    while True:
        opcode, if_so, if_not, operand = steps[at]
        at += 1
        if opcode == 0x06:
            return int(operand)
        if opcode == 0x20:
            (loaded,) = struct.unpack_from("<I", call, operand)
        else:
            holds = {0x15: loaded == operand, 0x35: loaded >= operand, 0x45: bool(loaded & operand)}[opcode]
            at += if_so if holds else if_not


def fails_with(code: int) -> int:
    """What it says of a call that shall fail with this errno."""
    return 0x00050000 | code
