"""What is left to do when the agent is killed and can do nothing more: let its boxes die quickly.

The kernel kills a box with its maker. But a process must be scheduled to end, and boxes yield to everything else, so on
a busy machine that takes long. The guardian is a shell that waits for the end of a pipe, uses no time and hardly any
memory, and runs as anything else of the owner's: at the end of the pipe it lifts the boxes' priority, kills them and
removes their control groups. A box is named by pid and start time, so a stranger with the same number is safe.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterable
from pathlib import Path

from farmhand_agent.traces import processes
from farmhand_agent.traces.leftovers import Identity

SCRIPT = r"""
trap '' HUP INT TERM
top=$1 boxes=
while read -r verb box; do
  case $verb in
    +) boxes="$boxes $box" ;;
    -) rest=; for one in $boxes; do [ "$one" = "$box" ] || rest="$rest $one"; done; boxes=$rest ;;
  esac
done
if [ "$top" ] && [ -d "$top" ]; then
  echo 0 > "$top/cpu.idle"; echo 10000 > "$top/cpu.weight"; echo 1 > "$top/cgroup.kill"
fi
left=
for one in $boxes; do
  pid=${one%:*}
  read -r stat < "/proc/$pid/stat" || continue
  set -- ${stat##*) }
  [ "${20}" = "${one#*:}" ] || continue
  kill -9 "$pid"
  echo 0 > "/proc/$pid/autogroup" || left="$left $one"
done
tries=0
while [ "$left$top" ] && [ $tries -lt 250 ]; do
  tries=$((tries + 1)) again=
  for one in $left; do
    pid=${one%:*}
    read -r stat < "/proc/$pid/stat" || continue
    set -- ${stat##*) }
    [ "${20}" = "${one#*:}" ] || continue
    echo 0 > "/proc/$pid/autogroup" || again="$again $one"
  done
  left=$again
  if [ "$top" ]; then
    rmdir "$top"/boxes/* "$top"/* "$top"
    [ -d "$top" ] || top=
  fi
  [ -z "$left$top" ] || sleep 0.02
done
"""


class Guardian:
    """The shell. Boxes that it knows die with this process, whatever ends it.

    Args:
        top: folder of the control group round all boxes; None: there is none.
    """

    def __init__(self, top: Path | None) -> None:
        self._shell = subprocess.Popen[bytes](
            ["sh", "-c", SCRIPT, "farmhand-guardian", str(top or "")],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=processes.bare_environment(),
            cwd="/",
        )

    @property
    def pid(self) -> int:
        """The shell's."""
        return self._shell.pid

    def add(self, boxes: Iterable[Identity]) -> None:
        """Let these end with this process."""
        self._tell("+", boxes)

    def remove(self, boxes: Iterable[Identity]) -> None:
        """Forget these, which have ended."""
        self._tell("-", boxes)

    async def dismiss(self) -> None:
        """Let it end; what it still knows ends with it."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        await processes.ended(self._shell)

    def _tell(self, verb: str, boxes: Iterable[Identity]) -> None:
        assert self._shell.stdin is not None
        words = "".join(f"{verb} {box.pid}:{box.started}\n" for box in boxes)
        with contextlib.suppress(BrokenPipeError):  # somebody killed it: boxes end all the same, only later
            self._shell.stdin.write(words.encode())
