"""What a build's jobs need, of the real compilers of this machine."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from farmhand.driver.needs import Needs
from farmhand.links.toolchains import fingerprints

PATH = "/usr/lib/ccache:/usr/lib/distcc:/usr/bin:/bin"


def test_a_job_needs_what_its_compiler_is_called_and_what_it_is() -> None:
    needs, real = Needs(PATH), fingerprints()
    assert needs.known("gcc") is None
    assert needs.look("gcc") == needs.known("gcc") == f"gcc={real['gcc']}"
    assert needs.look("x86_64-linux-gnu-gcc").endswith(real["gcc"])


def test_a_path_to_where_hosts_look_means_the_same_as_the_name() -> None:
    needs = Needs(PATH)
    assert needs.look("/usr/bin/gcc") == needs.look("gcc")


def test_a_compiler_elsewhere_is_needed_at_that_very_place(tmp_path: Path) -> None:
    (tmp_path / "gcc").symlink_to("/usr/bin/gcc")
    needs = Needs(PATH)
    assert needs.look(f"{tmp_path}/gcc") == f"{tmp_path}/gcc={fingerprints()['gcc']}"


def test_the_first_gcc_in_path_counts(tmp_path: Path) -> None:
    (tmp_path / "gcc").symlink_to("/usr/bin/g++")
    assert Needs(f"{tmp_path}:{PATH}").look("gcc") == f"gcc={fingerprints()['g++']}"


def test_of_what_is_no_compiler_nothing_is_needed() -> None:
    needs = Needs(PATH)
    assert needs.look("nonsense") == ""
    assert needs.known("nonsense") == ""


def test_a_build_tells_of_all_compilers_and_then_knows_them() -> None:
    needs, real = Needs(PATH), fingerprints()
    assert needs.all() == tuple(f"{name}={real[name]}" for name in sorted(real))
    assert all(needs.known(name) == f"{name}={made}" for name, made in real.items())


def test_many_jobs_may_ask_at_once() -> None:
    needs, answers = Needs(PATH), list[str]()
    threads = [threading.Thread(target=lambda: answers.append(needs.look("g++"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [f"g++={fingerprints()['g++']}"] * 8


def test_what_is_known_costs_a_job_nothing() -> None:
    needs = Needs(PATH)
    needs.look("gcc")
    costs: list[float] = []
    for _ in range(9):
        before = time.perf_counter()
        for _ in range(1000):
            needs.known("gcc")
        costs.append(time.perf_counter() - before)
    assert min(costs) < 0.02, "a thousand of them; even a look at a file would cost more"
