"""Compiles native/llama_step.cpp for this very CPU, once; the library is kept in the data folder.

Knows no model. The name of the library holds a digest of all that it was made from.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "native"
_FLAGS = [
    "-std=c++20",
    "-O3",
    "-march=native",
    "-shared",
    "-fPIC",
    "-pthread",
    "-fno-math-errno",
    "-fno-signed-zeros",
    "-fno-trapping-math",
    "-fassociative-math",
]
_NEEDED_CPU_FLAGS = frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512_vnni"})
_COMPILE_TIMEOUT_S = 120


class NativeUnavailableError(Exception):
    """Why there is no compiled step on this machine, in one line."""


def load_library(data_dir: Path) -> ctypes.CDLL:
    """Raises NativeUnavailableError; later calls with the same sources, compiler and CPU only load."""
    cpu = _cpu_flags()
    missing = _NEEDED_CPU_FLAGS - set(cpu.split())
    if missing:
        raise NativeUnavailableError(f"this CPU lacks {', '.join(sorted(missing))}")
    compiler = shutil.which(os.environ.get("CXX", "")) or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise NativeUnavailableError("there is no C++ compiler (g++ or clang++)")
    library = data_dir / "native" / f"llama_step-{_digest(compiler, cpu)}.so"
    if not library.is_file():
        _compile(compiler, library)
    try:
        return ctypes.CDLL(str(library))
    except OSError as error:
        raise NativeUnavailableError(f"{library} cannot be loaded: {error}") from error


def _cpu_flags() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("flags")), "")


def _digest(compiler: str, cpu: str) -> str:
    total = hashlib.sha256()
    for part in (cpu, " ".join(_FLAGS), compiler, str(Path(compiler).stat().st_mtime_ns)):
        total.update(f"{part}\n".encode())
    for source in sorted(SOURCES.iterdir()):
        total.update(source.read_bytes())
    return total.hexdigest()[:16]


def _compile(compiler: str, library: Path) -> None:
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / library.name
        command = [compiler, *_FLAGS, str(SOURCES / "llama_step.cpp"), "-o", str(made)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NativeUnavailableError(f"{compiler} did not run: {error}") from error
        if done.returncode != 0:
            first = next((line for line in done.stderr.splitlines() if "error" in line), "no message")
            raise NativeUnavailableError(f"{compiler} failed: {first}")
        made.replace(library)
