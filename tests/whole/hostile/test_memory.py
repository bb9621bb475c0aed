"""A job holds no memory that belongs to no process: nobody could count it, and ending programs would not free it."""

from __future__ import annotations

import pytest
from fakes.hostile_client import ATTEMPTS, SOURCE, Gate, ask_inside, run_inside
from fakes.raw_client import compile_raw

HOARD = """
import mmap
def shared(path):
    with open(path, "r+b") as file:
        mmap.mmap(file.fileno(), 1 << 20)
attempt("file without a name", os.memfd_create, "hoard")
attempt("secret memory", lambda: c("syscall", 447, 0))
attempt("shared memory", lambda: c("shmget", 0, 1 << 20, 0o1600))
attempt("semaphores", lambda: c("semget", 0, 32000, 0o1600))
attempt("queue", lambda: c("msgget", 0, 0o1600))
attempt("POSIX queue", lambda: c("mq_open", b"/hoard", os.O_CREAT | os.O_RDWR, 0o600, None))
attempt("POSIX shared memory", lambda: c("shm_open", b"/hoard", os.O_CREAT | os.O_RDWR, 0o600))
attempt("shared by a family", mmap.mmap, -1, 1 << 20)
attempt("zeros, shared", shared, "/dev/zero")
attempt("full, shared", shared, "/dev/full")
attempt("pair of sockets", socket.socketpair)
attempt("socket in the file system", socket.socket, socket.AF_UNIX)
mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
with open(os.environ["TMPDIR"] + "/file", "w+b") as file:
    file.write(bytes(1 << 20))
    mmap.mmap(file.fileno(), 1 << 20)
print(json.dumps(told))
"""


async def test_memory_that_belongs_to_nobody_cannot_be_had(gate: Gate) -> None:
    told = await ask_inside(gate, ATTEMPTS + HOARD)
    assert "done" not in told.values(), told


async def test_there_are_zeros_to_read_all_the_same(gate: Gate) -> None:
    assert (await run_inside(gate, "head -c 5 /dev/zero | od -An -c", "sh")).output.split() == ["\\0"] * 5


@pytest.mark.parametrize("compiler", ["gcc", "g++", "clang"])
@pytest.mark.parametrize(
    "options",
    ["-pipe -O2 -g", "-fsanitize=address,undefined -g3", "-O3 -ffunction-sections -fdata-sections", "-S"],
)
async def test_no_compiler_misses_any_of_it(old_gate: Gate, compiler: str, options: str) -> None:
    answer = await compile_raw(old_gate, [compiler, *options.split(), "-c", "a.i", "-o", "a.o"], SOURCE)
    assert (answer.status, answer.errors) == (0, "")
    assert answer.product


LINK = "cd $TMPDIR && echo 'int main(void) {{ return 0; }}' >x.c && {} -pipe -O2 -g x.c -o x && test -s x && echo fine"


@pytest.mark.parametrize("compiler", ["gcc -flto=2", "gcc -flto=jobserver", "clang -fuse-ld=bfd"])
async def test_nor_do_linkers_that_compile(old_gate: Gate, compiler: str) -> None:
    answer = await run_inside(old_gate, LINK.format(compiler), "sh")
    assert answer.output.strip() == "fine", answer.errors
