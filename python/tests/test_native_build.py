"""The compiled step's library: made once, whole or not at all, and never a reason not to start."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from engines import native_build
from engines.native_build import NativeUnavailableError, load_library


@pytest.fixture
def copying_compiler(compiled, tmp_path, monkeypatch):
    """Stands for g++: gives what was compiled before, and its words, a line a call, in the file returned."""
    (library,) = (compiled / "native").glob("*.so")
    calls, compiler = tmp_path / "calls", tmp_path / "compiler"
    compiler.write_text(f"""#!/bin/sh
echo "$@" >> {calls}
for last; do :; done
head -c 1000 {library} > "$last"
test -e {tmp_path}/killed && kill -9 $$
cat {library} > "$last"
""")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    return calls


def made_in(folder: Path) -> list[Path]:
    return list((folder / "native").iterdir())


def count_calls(calls: Path) -> int:
    return len(calls.read_text().splitlines())


def test_it_is_compiled_once_and_then_loaded(copying_compiler, tmp_path):
    for _ in range(3):
        assert load_library(tmp_path).llama_step
    assert count_calls(copying_compiler) == 1


def test_two_workers_at_once_both_get_a_whole_one(copying_compiler, tmp_path):
    loaded = []
    threads = [threading.Thread(target=lambda: loaded.append(load_library(tmp_path))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [bool(library.llama_step) for library in loaded] == [True] * 4
    assert [file.suffix for file in made_in(tmp_path)] == [".so"]


def test_a_build_that_is_killed_leaves_nothing_and_the_next_start_builds_again(copying_compiler, tmp_path):
    (tmp_path / "killed").touch()
    with pytest.raises(NativeUnavailableError):
        load_library(tmp_path)
    assert made_in(tmp_path) == []
    (tmp_path / "killed").unlink()
    assert load_library(tmp_path).llama_step


@pytest.mark.parametrize("damage", [b"", b"not a library"])
def test_a_damaged_library_is_made_anew(copying_compiler, tmp_path, damage):
    load_library(tmp_path / "elsewhere")
    (library,) = made_in(tmp_path / "elsewhere")
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / library.name).write_bytes(damage)
    assert load_library(tmp_path).llama_step
    assert count_calls(copying_compiler) == 2


def test_another_cpu_or_compiler_gets_a_library_of_its_own(copying_compiler, tmp_path, monkeypatch):
    load_library(tmp_path)
    flags = native_build.read_cpu_flags()
    monkeypatch.setattr(native_build, "read_cpu_flags", lambda: f"{flags} another")
    load_library(tmp_path)
    monkeypatch.setattr(native_build, "_FLAGS", [*native_build._FLAGS, "-g"])
    load_library(tmp_path)
    os.utime(tmp_path / "compiler", (1, 1))
    load_library(tmp_path)
    assert len(made_in(tmp_path)) == 4


def test_a_new_library_takes_the_place_of_those_that_nobody_uses(copying_compiler, tmp_path, monkeypatch):
    folder = tmp_path / "native"
    load_library(tmp_path)
    (used,) = folder.iterdir()
    (folder / "draft-killed").mkdir()
    (folder / "draft-killed" / "half.so").touch()
    for name in ("llama_step-old.so", "rounding-m-llama_step-old.json", "draft-killed"):
        (folder / name).touch()
        os.utime(folder / name, (1, 1))
    os.utime(used, (1, 1))
    assert load_library(tmp_path).llama_step
    os.utime(tmp_path / "compiler", (1, 1))
    load_library(tmp_path)
    assert used in folder.iterdir()
    assert sorted(file.suffix for file in folder.iterdir()) == [".so", ".so"]


def test_a_folder_that_cannot_be_written_is_told_in_one_line(copying_compiler, tmp_path):
    (tmp_path / "native").write_text("in the way")
    with pytest.raises(NativeUnavailableError, match="kept"):
        load_library(tmp_path)


AVX2 = "avx avx2 bmi1 bmi2 f16c fma abm movbe"
VNNI = f"{AVX2} avx512f avx512bw avx512cd avx512dq avx512vl avx512_vnni"


@pytest.mark.parametrize(
    ("flags", "chosen"), [(AVX2, "-march=x86-64-v3"), (VNNI, "-march=x86-64-v4 -mavx512vnni")]
)
def test_a_cpu_is_given_the_instructions_it_has(copying_compiler, tmp_path, monkeypatch, flags, chosen):
    monkeypatch.setattr("engines.native_build.read_cpu_flags", lambda: flags)
    load_library(tmp_path)
    assert f" {chosen} " in copying_compiler.read_text()


def test_a_cpu_that_lacks_an_instruction_is_never_given_it(copying_compiler, tmp_path, monkeypatch):
    monkeypatch.setattr("engines.native_build.read_cpu_flags", lambda: "avx2 avx512f")
    with pytest.raises(NativeUnavailableError, match="fma"):
        load_library(tmp_path)
    assert not copying_compiler.exists()


@pytest.mark.parametrize("instructions", native_build._INSTRUCTIONS)
def test_the_sources_are_sound_for_cpus_that_this_one_is_not(compiled, instructions):
    compiler = shutil.which("g++") or shutil.which("clang++")
    command = [compiler, "-std=c++20", "-fsyntax-only", *instructions.flags, "python/native/llama_step.cpp"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_a_source_that_does_not_compile_is_told_in_one_line(compiled, tmp_path, monkeypatch):
    broken = tmp_path / "source"
    broken.mkdir()
    (broken / "llama_step.cpp").write_text("int x = ;")
    monkeypatch.setattr("engines.native_build.SOURCES", broken)
    with pytest.raises(NativeUnavailableError, match="error") as raised:
        load_library(tmp_path)
    assert "\n" not in str(raised.value)
    assert made_in(tmp_path) == []
