"""What several test files need: workers that never outlive their test, and the step compiled once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from child_worker import ChildWorker, Start


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers with a plan for the fake engine; kills what is left of them at the end."""
    workers: list[ChildWorker] = []

    def start_worker(plan: dict[str, Any] | None = None, python: list[str] | None = None) -> ChildWorker:
        workers.append(ChildWorker(plan, python))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.kill()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the compiled step; skips where there can be none."""
    from engines.native_build import NativeUnavailableError, load_library

    folder = tmp_path_factory.mktemp("compiled")
    try:
        load_library(folder)
    except NativeUnavailableError as error:
        pytest.skip(str(error))
    return folder


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """For torch: models so small are slower on two, and on a busy machine much slower."""
    import torch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engines.torch_step.use_threads", lambda _: None)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)
