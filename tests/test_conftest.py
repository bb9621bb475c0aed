"""A run in which something was skipped: told in every one, and failed where CI is set."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")


def run(folder: Path, reason: str, **environ: str) -> tuple[int, str]:
    """Run one test that is skipped for a reason, and one that is not; return the status and the last words."""
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "test_it.py").write_text(
        f"import pytest\n\n@pytest.mark.skipif(True, reason={reason!r})\ndef test_x(): ...\n\ndef test_y(): ...\n"
    )
    kept = {name: value for name, value in os.environ.items() if name != "CI"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        env={**kept, **environ},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return ended.returncode, ended.stdout


@pytest.mark.parametrize(
    ("reason", "environ", "status"),
    [
        ("no compositor", {}, 0),
        ("no compositor", {"CI": "true"}, 1),
        ("no filter for this machine", {"CI": "true"}, 0),
    ],
)
def test_what_was_not_tried(tmp_path: Path, reason: str, environ: dict[str, str], status: int) -> None:
    ended, said = run(tmp_path, reason, **environ)
    assert ended == status
    assert "1 TESTS WERE NOT TRIED" in said
    assert f"{reason}: test_it.py::test_x" in said
    assert ("so this run has failed" in said) is (status == 1)
