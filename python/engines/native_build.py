"""Compiles native/llama_step.cpp once; the library is kept in the data folder, named by what it is made from.

Knows no model. The library has no instruction that `load_library` has not found in this CPU, so the data
folder may move to another machine.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parent.parent / "native"
_FLAGS = [
    "-std=c++20",
    "-O3",
    "-mtune=native",
    "-shared",
    "-fPIC",
    "-pthread",
    "-fno-math-errno",
    "-fno-signed-zeros",
    "-fno-trapping-math",
    "-fassociative-math",
]


class _Instructions(NamedTuple):
    flags: Sequence[str]
    """Named, not "native": what these allow is what `needed` asks for."""
    needed: frozenset[str]


_AVX2 = frozenset(("avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"))
_AVX512 = frozenset(("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512_vnni"))
_INSTRUCTIONS = (
    _Instructions(("-march=x86-64-v4", "-mavx512vnni"), _AVX2 | _AVX512),
    _Instructions(("-march=x86-64-v3",), _AVX2),
)
"""The best first; native/lanes.h has a half for each."""
_COMPILE_TIMEOUT_S = 120
_UNUSED_S = 24 * 3600.0


class NativeUnavailableError(Exception):
    """Why there is no compiled step on this machine, in one line."""


def load_library(data_dir: Path) -> ctypes.CDLL:
    """Raises NativeUnavailableError; later calls with the same sources, compiler and CPU only load."""
    cpu = read_cpu_flags()
    has = frozenset(cpu.split())
    flags = next((instructions.flags for instructions in _INSTRUCTIONS if instructions.needed <= has), None)
    if flags is None:
        raise NativeUnavailableError(f"this CPU lacks {', '.join(sorted(_AVX2 - has))}")
    compiler = shutil.which(os.environ.get("CXX", "")) or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise NativeUnavailableError("there is no C++ compiler (g++ or clang++)")
    command = [compiler, *_FLAGS, *flags]
    try:
        library = data_dir / "native" / f"llama_step-{_digest(command, cpu)}.so"
        if library.is_file():
            try:
                return _open(library)
            except OSError:
                # Damaged on disk: what follows replaces it.
                pass
        _compile(command, library)
        _remove_unused(library)
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise NativeUnavailableError(f"the compiled step cannot be kept or loaded: {error}") from error


def read_cpu_flags() -> str:
    """As Linux spells them; empty where it does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("flags")), "")


def _open(library: Path) -> ctypes.CDLL:
    opened = ctypes.CDLL(str(library))
    with suppress(OSError):
        # Says that it is in use: another checkout's worker may share the folder.
        os.utime(library)
    return opened


def _remove_unused(library: Path) -> None:
    """Libraries that nobody has opened for a day, what was measured with them, and drafts left by a kill."""
    for other in library.parent.iterdir():
        with suppress(OSError):
            if other == library or other.stat().st_mtime > time.time() - _UNUSED_S:
                continue
            if other.name.startswith("draft-"):
                shutil.rmtree(other)
            elif other.suffix in (".so", ".json"):
                other.unlink()


def _digest(command: Sequence[str], cpu: str) -> str:
    total = hashlib.sha256()
    for part in (cpu, " ".join(command), str(Path(command[0]).stat().st_mtime_ns)):
        total.update(f"{part}\n".encode())
    for source in sorted(SOURCES.iterdir()):
        if source.suffix in (".cpp", ".h"):
            total.update(source.read_bytes())
    return total.hexdigest()[:16]


def _compile(command: Sequence[str], library: Path) -> None:
    """In a folder of its own and renamed when whole: others may do the same, or be killed at it."""
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent, prefix="draft-") as folder:
        made = Path(folder) / library.name
        try:
            # The worker's own stdin is the protocol's.
            done = subprocess.run(
                [*command, str(SOURCES / "llama_step.cpp"), "-o", str(made)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_COMPILE_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NativeUnavailableError(f"{command[0]} took over {_COMPILE_TIMEOUT_S} s") from error
        if done.returncode != 0:
            first = next((line for line in done.stderr.splitlines() if "error" in line), "no message")
            raise NativeUnavailableError(f"{command[0]} failed: {first}")
        with made.open("rb") as whole:
            os.fsync(whole.fileno())
        made.replace(library)
