"""What pip installs is pinned, whole, once, and brings one torch."""

import re
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FILES = sorted(ROOT.glob("requirements*.txt"))


def pins(file: Path) -> list[Requirement]:
    lines = [line.split(" #")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]


def names(*files: str) -> set[str]:
    return {canonicalize_name(pin.name) for file in files for pin in pins(ROOT / file)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_line_names_one_version(file: Path):
    for pin in pins(file):
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12", "3.13", "3.14"])
def test_no_python_gets_two_versions_of_a_package(python: str):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    meant = [
        canonicalize_name(pin.name)
        for pin in pins(ROOT / "requirements.txt")
        if pin.marker is None or pin.marker.evaluate(environment)
    ]
    assert sorted(set(meant)) == sorted(meant)
    assert "torch" in meant


def test_torch_is_the_plain_one_and_the_only_one():
    lines = [line for file in FILES for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if re.match(r"torch\b", line)] == ["torch==2.13.0"]


def test_everything_that_the_pinned_packages_need_is_pinned_too():
    worker = names("requirements.txt", "requirements-cuda.txt")
    everything = worker | names("requirements-dev.txt")
    for name in everything:
        try:
            needs = requires(name) or []
        except PackageNotFoundError:
            continue  # pinned for another Python or platform
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in (worker if name in worker else everything), (
                    name,
                    need,
                )


def test_what_is_installed_is_what_is_pinned():
    files = [file for file in FILES if file.name != "requirements-cuda.txt"]
    pinned = {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for file in [*files, ROOT / "requirements-cuda.txt"]
        for pin in pins(file)
        if pin.marker is None or pin.marker.evaluate()
    }
    # A build for one kind of machine says so behind a plus.
    installed = {
        canonicalize_name(each.metadata["Name"]): each.version.split("+")[0] for each in distributions()
    }
    # They come with the environment.
    for name in {"pip", "setuptools", "wheel"} - pinned.keys():
        installed.pop(name, None)
    assert installed.items() <= pinned.items()
    needed = {canonicalize_name(pin.name) for file in files for pin in pins(file)} & pinned.keys()
    assert needed <= installed.keys()


UNSAFE = re.compile(
    r"\btorch\.load\b|\b(?:c?pickle|dill|joblib|marshal|shelve|cloudpickle)\b|trust_remote_code\s*=\s*True"
    r"|allow_pickle\s*=\s*True|\b(?:eval|exec)\(|\byaml\.(?:unsafe_)?load\("
)


@pytest.mark.parametrize("line", ["torch.load(x)", "import pickle", "load(trust_remote_code=True)"])
def test_what_runs_code_out_of_a_file_would_be_found(line: str):
    assert UNSAFE.search(line)


def test_no_file_is_read_in_a_way_that_could_run_code_out_of_it():
    files = [file for file in (ROOT / "python").rglob("*.py") if "tests" not in file.parts]
    assert len(files) > 30
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
        if UNSAFE.search(line)
    ]
    # PyTorch's own word for a model that only answers.
    assert [line for line in found if ".eval()" not in line] == []
