"""Looks at the compilers of this machine and fingerprints them.

A fingerprint covers the driver and the programs that it starts for a compile: gcc's cc1, cc1plus and assembler; of
clang, which compiles in the driver's own process, the driver and its LLVM libraries. Compilers are asked only when they
are new, and files are read only when their size, time or inode has changed; the rest is remembered in the user's
cache folder. Asking and reading take up to a second: never call this from an event loop.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from farmhand.distcc.commandline import MASQUERADE
from farmhand.distcc.toolchain import BOX_PATH, Facts, family, fingerprint
from farmhand.errors import OwnerError
from farmhand.links import places

ASK_WITHIN = 5.0
"""Seconds that a compiler may take to answer a question about itself."""

MAX_REMEMBERED = 256
"""Compilers, and four times as many files, that are remembered."""

_T = TypeVar("_T")
WRAPPERS = ("distcc", "ccache", "ccache-swig", "sccache", "icecc")
"""Programs that stand in front of compilers, often under a compiler's name."""

_LLVM_LIBRARY = re.compile(r"^\s*(?:libLLVM|libclang)\S* => (/\S+)", re.MULTILINE)


class _File(msgspec.Struct, frozen=True):
    """A file as it was when it was read."""

    size: int
    mtime_ns: int
    inode: int
    sha256: str

    def is_still(self, now: os.stat_result) -> bool:
        return (self.size, self.mtime_ns, self.inode) == (now.st_size, now.st_mtime_ns, now.st_ino)


class _Answers(msgspec.Struct, frozen=True):
    """What a compiler said about itself; `driver` is the hash of the one that said it.

    `parts` are the paths of what else it runs or loads, or bare names that it looks for in PATH.
    """

    driver: str
    version: str
    target: str
    parts: tuple[str, ...]
    banner: str = ""


class _Memory(msgspec.Struct):
    """What is kept in the cache folder: files by path, answers by PATH and compiler."""

    files: dict[str, _File] = {}
    answers: dict[str, _Answers] = {}


class Toolchains:
    """The compilers of this machine.

    Args:
        path: the PATH in which compilers and assemblers are looked for.
        cache: the file in which to remember; None: remember nothing beyond this object.
    """

    def __init__(self, path: str = BOX_PATH, cache: Path | None = None) -> None:
        self._path = path
        self._cache = cache
        self._memory = _recall(cache)
        self._learned = False
        self._made: dict[str, str] = {}

    @classmethod
    def of_user(cls, path: str = BOX_PATH) -> Toolchains:
        """With what is remembered in the user's cache folder, if that can be used."""
        try:
            return cls(path, places.cache_folder() / "toolchains.json")
        except OwnerError:
            return cls(path)

    def accepted(self, folder: str | Path = MASQUERADE, others: Sequence[str] = ()) -> dict[str, str]:
        """Fingerprint the compilers that distccd accepts, and write down what was learned; see `fingerprints`."""
        names = _names(folder)
        paths = [f"{other}/{name}" for each in others for other in (each, f"{each}/bin") for name in names]
        return {compiler: made for compiler, made in self.fingerprints((*names, *paths)).items() if made}

    def fingerprints(self, compilers: Sequence[str]) -> dict[str, str]:
        """Fingerprint many compilers, and write down what was learned; see `fingerprint`."""
        found = {compiler: self.fingerprint(compiler) for compiler in compilers}
        self.remember()
        return found

    def fingerprint(self, compiler: str) -> str:
        """Fingerprint the compiler behind a name or an absolute path; "" when there is none or it cannot be known."""
        found = shutil.which(compiler, path=self._path)
        if found is None or not os.path.isabs(found):
            return ""
        driver = os.path.realpath(found)
        if driver not in self._made:
            self._made[driver] = self._look_at(driver)
        return self._made[driver]

    def remember(self) -> None:
        """Write down what was learned."""
        if not self._learned or self._cache is None:
            return
        memory = _Memory(_latest(self._memory.files, 4 * MAX_REMEMBERED), _latest(self._memory.answers, MAX_REMEMBERED))
        fresh = self._cache.with_name(f"{self._cache.name}.{os.getpid()}")
        with suppress(OSError, UnicodeError):  # it can be learned again
            fresh.write_bytes(msgspec.json.encode(memory))
            fresh.replace(self._cache)
        with suppress(OSError):
            fresh.unlink(missing_ok=True)

    def _look_at(self, driver: str) -> str:
        own = "" if os.path.basename(driver) in WRAPPERS else self._hash(driver)
        answers = self._answers(driver, own) if own else None
        if answers is None:
            return ""
        hashes = [self._hash(self._find(part)) for part in answers.parts]
        if not hashes or not hashes[0]:
            return ""
        kind = family(os.path.basename(driver))
        return fingerprint(Facts(kind, answers.version, answers.target, (own, *hashes), answers.banner))

    def _answers(self, driver: str, own: str) -> _Answers | None:
        key = f"{self._path}={driver}"
        known = self._memory.answers.get(key)
        if known is None or known.driver != own:
            known = self._question(driver, own)
            if known is not None:
                self._memory.answers[key] = known
                self._learned = True
        return known

    def _question(self, driver: str, own: str) -> _Answers | None:
        """Ask a compiler about itself; None when it is neither a gcc nor a clang that works."""
        target = self._ask(driver, "-dumpmachine")
        version = self._ask(driver, "-dumpfullversion", "-dumpversion")
        if not target or not version:
            return None
        compiler = self._ask(driver, "-print-prog-name=cc1")
        if os.path.isabs(compiler):
            beside = os.path.join(os.path.dirname(compiler), "cc1plus")
            for_cplusplus = self._ask(driver, "-print-prog-name=cc1plus")
            parts = (
                compiler,
                for_cplusplus if os.path.isabs(for_cplusplus) else beside,
                self._ask(driver, "-print-prog-name=as"),
            )
            return _Answers(own, version, target, parts)
        banner = self._ask(driver, "--version").partition("\n")[0]
        if "clang version" not in banner:
            return None
        libraries = sorted(_LLVM_LIBRARY.findall(self._ask("ldd", driver)))
        return _Answers(own, version, target, (driver, *libraries), banner)

    def _ask(self, *command: str) -> str:
        """Run a short command and return what it prints; "" when it fails or does not end."""
        try:
            process = subprocess.Popen(
                command,
                env={"PATH": self._path, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                process_group=0,
            )
        except (OSError, ValueError):
            return ""
        with process:
            try:
                output, _ = process.communicate(timeout=ASK_WITHIN)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return ""
        return output.decode(errors="replace").strip() if process.returncode == 0 else ""

    def _find(self, part: str) -> str:
        return part if os.path.isabs(part) else shutil.which(part, path=self._path) or ""

    def _hash(self, file: str) -> str:
        """SHA-256 of a file in hex; "" when it cannot be read."""
        try:
            now = os.stat(file)
            known = self._memory.files.get(file)
            if known is None or not known.is_still(now):
                with open(file, "rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                known = _File(now.st_size, now.st_mtime_ns, now.st_ino, digest)
                self._memory.files[file] = known
                self._learned = True
        except OSError:
            return ""
        return known.sha256


def fingerprints(
    folder: str | Path = MASQUERADE, path: str = BOX_PATH, others: Sequence[str] = (), cache: Path | None = None
) -> dict[str, str]:
    """Fingerprint the compilers that distccd accepts.

    Args:
        folder: of the names that it accepts.
        path: where those names are looked for.
        others: folders outside of PATH that hold compilers, themselves or in their "bin"; these count by their path.
        cache: where to remember; None: in the user's cache folder.

    Returns:
        Fingerprints by name or path; compilers that do not work or are of an unknown kind are left out.
    """
    known = Toolchains.of_user(path) if cache is None else Toolchains(path, cache)
    return known.accepted(folder, others)


def _names(folder: str | Path) -> Sequence[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return ()


def _recall(cache: Path | None) -> _Memory:
    if cache is None:
        return _Memory()
    try:
        return msgspec.json.decode(cache.read_bytes(), type=_Memory)
    except (OSError, msgspec.DecodeError):
        return _Memory()


def _latest(remembered: dict[str, _T], count: int) -> dict[str, _T]:
    return dict(list(remembered.items())[-count:])
