"""Farmhand on a whole machine: Debian with its own kernel, systemd, a user with a session, control groups, all real.

What a container cannot show: what the owner's systemd hands down to an agent, what the kernel then bounds and weighs,
and what is left when the agent is killed. The machine is emulated (by KVM where that works), has no network, and cannot
change its disk. `guest.py` runs inside and says a line for each thing that it has seen; this prints them.

    make machine        needs root, some 3 GB, and the Debian mirror at the first run
    python -m tests.machine --console    shows what the machine's console says, too
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.machine import image

PATIENCE = 900.0
"""Seconds that a machine may run."""

MEMORY_MIB = 2048
CORES = 2

ENDED = "ended"
"""What the guest says last."""


def main() -> int:
    """Run it; return 0 when everything was as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--console", action="store_true", help="show what the machine's console says")
    parser.add_argument("--kvm", action="store_true", help="do not emulate the processor; much faster where it works")
    parser.add_argument("--only", default="", metavar="WAY", help="try one way only: user, session or root")
    options = parser.parse_args()
    disk = image.system_disk()
    with tempfile.TemporaryDirectory(prefix="machine-") as folder:
        said, console = Path(folder) / "said", Path(folder) / "console"
        said.touch()
        command = _command(disk, image.project_disk(Path(folder), options.only), said, console, options.kvm)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL) as machine:
            try:
                lines = _listen(machine, said)
            finally:
                machine.kill()
        if options.console or ENDED not in lines:
            print(console.read_text(errors="replace"))
    return 0 if ENDED in lines and not any(line.startswith("FAILED") for line in lines) else 1


def _listen(machine: subprocess.Popen[bytes], said: Path) -> list[str]:
    """Print what the guest says until the machine is off; return the lines."""
    lines: list[str] = []
    ends = time.monotonic() + PATIENCE
    with said.open(errors="replace") as file:
        rest = ""
        while True:
            off = machine.poll() is not None or time.monotonic() > ends
            *whole, rest = (rest + file.read()).replace("\r", "").split("\n")
            for line in whole:
                lines.append(line)
                if line != ENDED:
                    print(line, flush=True)
            if off:
                return lines
            time.sleep(0.1)  # a file that grows tells nobody


def _command(disk: Path, project: Path, said: Path, console: Path, kvm: bool) -> list[str]:
    kernel, memory = image.kernel(), image.initial_memory()
    speed = ["-enable-kvm", "-cpu", "host"] if kvm else ["-accel", "tcg,thread=multi", "-cpu", "max"]
    return [
        *("qemu-system-x86_64", *speed, "-m", str(MEMORY_MIB), "-smp", str(CORES)),
        *("-display", "none", "-monitor", "none", "-no-reboot", "-net", "none"),
        *("-kernel", str(kernel), "-initrd", str(memory), "-append", "root=/dev/vda console=ttyS0 quiet"),
        *("-drive", f"file={disk},format=raw,if=virtio,snapshot=on"),
        *("-drive", f"file={project},format=raw,if=virtio,readonly=on"),
        *("-serial", f"file:{console}", "-serial", f"file:{said}"),
    ]


if __name__ == "__main__":
    sys.exit(main())
