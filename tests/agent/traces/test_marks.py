"""Marks of real processes: found by them, told apart by them, frozen and ended by them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess

from fakes.marked import marked, marked_sleeper
from fakes.procfs import lives
from fakes.waiting import until

from farmhand_agent.traces import marks


def test_marks_are_all_different_and_no_limit_of_others() -> None:
    made = {marks.new_mark() for _ in range(100)}
    assert len(made) == 100
    assert all(map(marks.is_mark, made))
    assert not any(map(marks.is_mark, (-1, 0, 200_000, resource.RLIM_INFINITY, marks.RANGE[1])))


def test_who_bears_a_mark_is_found_with_all_its_children() -> None:
    mark = marks.new_mark()
    with marked(mark, "/bin/sh", "-c", "sleep 600 & echo; sleep 600") as shell, marked_sleeper(mark + 1) as other:
        assert shell.stdout is not None
        shell.stdout.readline()
        until(lambda: len(marks.marked(mark)) == 3)
        assert shell.pid in marks.marked(mark)
        assert marks.mark_of(other.pid) == mark + 1
        assert marks.mark_of(os.getpid()) == -1
        assert marks.end_marked(mark) == 3
        assert other.poll() is None
    assert marks.mark_of(shell.pid) == -1


def test_signals_reach_those_with_the_mark_only() -> None:
    mark = marks.new_mark()
    with marked_sleeper(mark) as mine, marked_sleeper(mark + 1) as other:
        assert marks.signal_marked(mark, signal.SIGTERM) == {mine.pid}
        assert mine.wait(30) == -signal.SIGTERM
        assert other.poll() is None


def test_what_forks_without_end_is_frozen_and_ended() -> None:
    mark = marks.new_mark()
    with marked(mark, "/bin/sh", "-c", "f() { (sleep 0.01; f) & }; f; f; f; echo; wait") as bomb:
        assert bomb.stdout is not None
        bomb.stdout.readline()
        frozen = marks.freeze_marked(mark)
        assert frozen >= set(marks.marked(mark))
        marks.end_marked(mark)
        assert not any(map(lives, marks.marked(mark)))


def test_who_has_ended_is_a_zombie_or_gone() -> None:
    child = subprocess.Popen(["true"])
    until(lambda: marks.is_zombie(child.pid))
    child.wait()
    assert marks.is_zombie(child.pid)
    assert not marks.is_zombie(os.getpid())


def test_root_without_the_right_to_ask_reads_it() -> None:
    with marked_sleeper(mark := marks.new_mark()) as sleeper:
        assert marks._told_mark(sleeper.pid) == mark
    assert marks._told_mark(os.getpid()) == -1
    assert marks._told_mark(sleeper.pid) == -1
