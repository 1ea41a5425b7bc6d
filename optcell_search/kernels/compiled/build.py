"""Builds the C++ kernels of this room with the compiler of the machine, once for each machine."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

_SOURCES = Path(__file__).with_name("src")
_PROCESSOR = Path("/proc/cpuinfo")
_FEATURES = ("flags", "Features", "isa")  # x86-64, ARM, RISC-V
_FLAGS = ("-O3", "-march=native", "-std=c++17", "-fPIC", "-fopenmp", "-fno-math-errno")


class UnavailableError(Exception):
    """The compiled kernels cannot be had on this machine; the text says why."""


@functools.cache
def library() -> ctypes.CDLL:
    """Return the compiled kernels, built where no earlier process has.

    Raises:
        UnavailableError: another system than Linux and macOS, no compiler, no place to keep the
            result, or it does not build or load.
    """
    if os.name != "posix":
        raise UnavailableError("built on Linux and macOS alone")
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise UnavailableError("no C++ compiler (looked for $CXX, g++ and c++)")
    try:
        path = _cache() / f"kernels-{_fingerprint(compiler)}.so"
        if not path.exists():
            _build(compiler, path)
        # Linked without OpenMP of its own: it finds the one torch has loaded, and its threads.
        return ctypes.CDLL(str(path))
    except subprocess.CalledProcessError as error:
        first = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[0]
        raise UnavailableError(f"{compiler} failed: {first}") from error
    except OSError as error:
        raise UnavailableError(str(error)) from error


@functools.cache
def problem() -> str | None:
    """Say why there are no compiled kernels on this machine, or None where there are."""
    try:
        library()
    except UnavailableError as error:
        return str(error)
    return None


def _cache() -> Path:
    """Return the user's folder for what can be made again, or one below the temporary folder."""
    try:
        path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "optcell_search"
        path.mkdir(parents=True, exist_ok=True)
        if os.access(path, os.W_OK):
            return path
    except (OSError, RuntimeError):
        # No home, as in containers that run as an unknown user.
        pass
    path = Path(tempfile.gettempdir()) / f"optcell-search-kernels-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    # Code is loaded from there: a folder that somebody else made, or may write to, will not do.
    if status.st_uid != os.getuid() or status.st_mode & 0o077 or path.is_symlink():
        raise UnavailableError(f"{path}: is not this user's alone")
    return path


def _fingerprint(compiler: str) -> str:
    """A name for these sources built by this compiler for this processor."""
    digest = hashlib.sha256(" ".join((compiler, *_FLAGS, platform.machine())).encode())
    # A home folder may be shared by machines whose processors differ.
    if _PROCESSOR.exists():
        lines = _PROCESSOR.read_text().splitlines()
        digest.update(next((line for line in lines if line.startswith(_FEATURES)), "").encode())
    for source in sorted(_SOURCES.iterdir()):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _build(compiler: str, path: Path) -> None:
    """Compile into `path`, whole or not at all, however many processes try at once."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made, target = Path(folder) / "kernels.o", Path(folder) / "kernels.so"
        source = str(_SOURCES / "kernels.cpp")
        for command in (
            [compiler, *_FLAGS, "-c", source, "-o", str(made)],
            [compiler, "-shared", str(made), "-o", str(target)],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
        target.replace(path)
