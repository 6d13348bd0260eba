"""What pip installs is pinned, whole, once, and brings one torch."""

import re
from importlib.metadata import PackageNotFoundError, requires
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
