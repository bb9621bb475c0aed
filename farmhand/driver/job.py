"""One compile of a build on its way, and the preprocessed text that other machines compile."""

from __future__ import annotations

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from farmhand.compiling.decision import Far
from farmhand.compiling.text import Entered, entered_files, has_dropped_pragma
from farmhand.distcc.protocol import request
from farmhand.driver.compilers import Compiler
from farmhand.driver.launched import Call, Launched

WORD_IN_TEXT = "text that means this machine (__DATE__, .incbin and the like)"
PRAGMA = "a pragma that gcc's preprocessor drops"
READ_ONCE = "a header that can be read only once"
PRECOMPILED = "a precompiled header"


@dataclass
class BuildJob:
    """A call that waits for its object, or for its turn to run here.

    Attributes:
        number: its own.
        client: its launcher.
        call: what was called.
        compiler: the real one.
        words: the command line from the compiler's name on.
        far: how another machine may do it; None: none may.
        is_final: the compiler itself runs here; nothing else can come of the job.
        preparing: the task that preprocesses it; None: it has not begun.
    """

    number: int
    client: Launched
    call: Call
    compiler: Compiler
    words: tuple[str, ...]
    far: Far | None
    is_final: bool = False
    preparing: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Let what the build called run in the launcher's place."""
        if self.preparing is not None:
            self.preparing.cancel()
        self.client.run()


class Texts:
    """Preprocessed texts in a folder, each in a file of its own until its job has ended."""

    def __init__(self, folder: Path, at_once: int | None = None) -> None:
        """Take the folder.

        Args:
            folder: exists, and is private.
            at_once: preprocessors that may run at the same time; None: two for each core, at least four.
        """
        cores = len(os.sched_getaffinity(0))
        self._folder = folder
        self._slots = asyncio.Semaphore(at_once or max(4, 2 * cores))
        self._harmless: set[bytes] = set()

    async def make(self, job: BuildJob) -> str | None:
        """Preprocess a job.

        Returns:
            None: the text is ready. Else why the job cannot be sent; "" when the preprocessor printed something.

        Raises:
            LauncherGone: nobody waits for the job any more.
        """
        far, file = job.far, self._file(job)
        assert far is not None
        if any(_is_read_once(os.path.join(job.call.folder, name)) for name in far.included):
            return READ_ONCE
        async with self._slots:
            command = (job.compiler.program, job.words[0], *far.preprocess)
            answer = await job.client.preprocess(str(file), far.words, command)
        if _is_one_file(job):
            return ""  # the compiler refuses to replace its source, and says so
        if answer == "F":
            return WORD_IN_TEXT
        if answer != "K":
            return ""
        return self._obstacle_in_files(job) if far.reads_headers else None

    def read(self, job: BuildJob) -> bytes:
        """The text of a job that is ready."""
        assert job.far is not None
        text = self._file(job).read_bytes()
        if job.far.skips_first_line:
            text = text[text.find(b"\n") + 1 :]
        return os.fsencode(job.far.heading) + text

    def command(self, job: BuildJob) -> tuple[str, ...]:
        """What a host runs: the compiler by the name that hosts know, the source by a name that tells its language."""
        assert job.far is not None
        return (job.compiler.name, *job.far.compile, "-c", job.far.source, "-o", f"{job.far.source}.o")

    def request(self, job: BuildJob) -> list[bytes]:
        """What a host is sent for a job that is ready."""
        return [request(self.command(job), self.read(job))]

    def drop(self, job: BuildJob) -> None:
        """Remove a job's text."""
        if job.far is not None:
            self._file(job).unlink(missing_ok=True)

    def _file(self, job: BuildJob) -> Path:
        return self._folder / f"{job.number}.i"

    def _obstacle_in_files(self, job: BuildJob) -> str | None:
        """What in the files that the text was made of keeps the job here; None: nothing. Each is read once."""
        assert job.far is not None
        files = [*entered_files(self._file(job).read_bytes()), Entered(os.fsencode(job.far.given), False)]
        for one in files:
            file = os.path.join(os.fsencode(job.call.folder), one.name)
            if not one.is_system and os.path.exists(file + b".gch"):
                return PRECOMPILED
            if file not in self._harmless:
                if _is_read_once(file):
                    return READ_ONCE
                if has_dropped_pragma(_content(file), one.is_system):
                    return PRAGMA
                self._harmless.add(file)
        return None


def _is_one_file(job: BuildJob) -> bool:
    """Tell whether the object would replace the source."""
    assert job.far is not None
    source, output = (os.path.join(job.call.folder, name) for name in (job.far.given, job.far.output))
    try:
        return os.path.samefile(source, output)
    except OSError:
        return False


def _is_read_once(file: str | bytes) -> bool:
    """Tell whether a file is there, but no regular one: reading it again would find nothing, or wait for ever."""
    try:
        return not stat.S_ISREG(os.stat(file).st_mode)
    except OSError:
        return False


def _content(file: bytes) -> bytes:
    """What a file holds; of one that cannot be read, a pragma that keeps a job here."""
    try:
        with open(file, "rb") as content:
            return content.read()
    except OSError:
        return b"#pragma push_macro"
