"""The box as a command line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from farmhand_agent.boxes import sandbox


def command(root: Path = Path("/"), toolchains: tuple[str, ...] = ()) -> list[str]:
    return sandbox.box_command(slots=3, scratch_mib=100, toolchains=toolchains, info_fd=9, filter_fd=8, root=root)


def values(words: list[str], option: str, count: int = 1) -> list[tuple[str, ...]]:
    """What follows each `option`."""
    return [tuple(words[at + 1 : at + 1 + count]) for at, word in enumerate(words) if word == option]


def test_nothing_of_the_host_is_shared() -> None:
    words = command()
    assert words[0] == "bwrap"
    for alone in ("--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session"):
        assert alone in words
    assert "--share-net" not in words
    assert values(words, "--cap-drop") == [("ALL",)]


def test_the_environment_is_our_own() -> None:
    words = command()
    first = words.index("--clearenv")
    assert all(at > first for at, word in enumerate(words) if word == "--setenv")
    assert set(values(words, "--setenv", 2)) == {
        ("PATH", "/usr/bin:/bin"),
        ("TMPDIR", "/tmp"),
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
    }


def test_only_the_system_is_visible_and_only_for_reading() -> None:
    words = command()
    assert "--bind" not in words
    assert values(words, "--dev-bind", 2) == [("/dev/full", "/dev/zero")]
    shown = {one for one, _ in (*values(words, "--ro-bind", 2), *values(words, "--ro-bind-try", 2))}
    assert shown <= {"/usr", "/etc/alternatives", "/etc/ld.so.cache", "/bin", "/lib", "/lib64", "/lib32", "/sbin"}
    assert values(words, "--remount-ro") == [("/proc",), ("/dev",), ("/",)]
    assert words.index("/tmp", words.index("--tmpfs")) < len(words) - 1 - words[::-1].index("--remount-ro")


def test_scratch_space_is_bounded() -> None:
    words = command()
    size = words.index("--size")
    assert words[size + 1 : size + 4] == [str(100 << 20), "--tmpfs", "/tmp"]


def test_the_owners_toolchains_are_shown_for_reading() -> None:
    assert ("/opt/cross", "/opt/cross") in values(command(toolchains=("/opt/cross",)), "--ro-bind-try", 2)


def test_folders_are_shown_the_way_the_machine_has_them(tmp_path: Path) -> None:
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "lib").mkdir()
    words = command(tmp_path)
    assert values(words, "--symlink", 2) == [("usr/bin", "/bin")]
    assert ("/lib", "/lib") in values(words, "--ro-bind", 2)
    assert "/lib64" not in words


def test_distccd_serves_the_box_alone() -> None:
    words = command()
    inside = words[words.index("distccd") :]
    assert inside == sandbox.distccd_command(3)
    for option, value in (("--listen", "127.0.0.1"), ("--allow", "127.0.0.1"), ("--jobs", "3"), ("--port", "3632")):
        assert values(inside, option) == [(value,)]
    assert "--no-detach" in inside
    assert "--stats" not in inside


def test_what_no_compiler_needs_is_filtered_and_bounded() -> None:
    words = command()
    assert values(words, "--seccomp") == [("8",)]
    start = words.index("prlimit")
    assert words[start : words.index("distccd")] == sandbox.bounds(3, 100)


@pytest.mark.parametrize(
    ("release", "bounded"),
    [("5.13.0-30-generic", False), ("4.19.0", False), ("5.14.0-1.el9", True), ("6.1.0-18-amd64", True), ("6.18", True)],
)
def test_processes_are_counted_where_the_kernel_counts_those_of_the_box_alone(release: str, bounded: bool) -> None:
    words = sandbox.bounds(2, 100, release=release)
    assert ("--nproc=128" in words) is bounded
    assert words[:3] == ["prlimit", "--nofile=1024", "--core=1"]


def test_what_the_owner_may_of_realtime_and_higher_priority_no_job_may() -> None:
    assert {"--rtprio=0", "--nice=0"} < set(sandbox.bounds(2, 100))
    subprocess.run([*sandbox.bounds(2, 100), "true"], check=True)


def test_no_file_is_larger_than_scratch_space() -> None:
    assert "--fsize=104857600" in sandbox.bounds(2, 100)


def test_a_process_is_bounded_where_nothing_bounds_all_together() -> None:
    assert "--as=314572800" in sandbox.bounds(2, 100, process_mib=300)
    assert not [word for word in sandbox.bounds(2, 100) if word.startswith("--as")]


# --- whether it works here --------------------------------------------------
def test_it_works_here() -> None:
    assert sandbox.why_unusable() == ""


def tools(folder: Path, *names: str) -> str:
    """A PATH on which there are these programs only."""
    for name in names:
        (folder / name).symlink_to(f"/usr/bin/{name}")
    return str(folder)


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ((), "bwrap is not installed; on Debian and Ubuntu: apt install bubblewrap"),
        (("bwrap",), "distccd is not installed; on Debian and Ubuntu: apt install distcc"),
    ],
)
def test_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], told: str
) -> None:
    monkeypatch.setenv("PATH", tools(tmp_path, *there))
    assert sandbox.why_unusable() == told


def broken_bwrap(folder: Path, script: str) -> str:
    """A PATH with a bwrap that behaves as `script` says."""
    (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bwrap").chmod(0o755)
    for parent in (folder, *folder.parents):
        if parent.owner() == "root" and parent != Path("/") and not parent.stat().st_mode & 0o005:
            parent.chmod(parent.stat().st_mode | 0o055)
    return f"{folder}:{os.environ['PATH']}"


def test_a_kernel_that_forbids_sandboxes_is_told_in_bubblewraps_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "echo 'bwrap: No permissions to create new namespace' >&2; exit 1"
    monkeypatch.setenv("PATH", broken_bwrap(tmp_path, script))
    told = sandbox.why_unusable()
    assert told.startswith("bubblewrap cannot make a sandbox here (bwrap: No permissions to create new namespace); ")
    assert "user namespaces" in told or "AppArmor" in told


def test_a_silent_failure_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", broken_bwrap(tmp_path, "exit 1"))
    assert "no reason given" in sandbox.why_unusable()


def test_a_bubblewrap_that_hangs_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", broken_bwrap(tmp_path, "exec sleep 60"))
    assert "did not answer" in sandbox.why_unusable(patience=0.2)


def test_a_sandbox_is_tried_out_without_the_owners_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNERS_TOKEN", "secret")
    monkeypatch.setenv("PATH", broken_bwrap(tmp_path, 'echo "in $PWD, token:$OWNERS_TOKEN." >&2; exit 1'))
    assert "(in /, token:.)" in sandbox.why_unusable()


def run_bare(script: str) -> str:
    """What a shell script says that is started as bubblewrap is."""
    bare = {**sandbox.bare(), "executable": "/bin/sh"}
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, **bare).stdout.strip()


def test_bubblewrap_starts_with_nothing_of_the_owners_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNERS_TOKEN", "secret")
    assert run_bare("tr '\\0' ' ' < /proc/$$/environ; pwd") == "/"


@pytest.mark.skipif(os.getuid() != 0, reason="for agents that run as root")
def test_an_agent_that_runs_as_root_keeps_root_out_of_its_boxes() -> None:
    assert run_bare("id -un") == sandbox.NOBODY
