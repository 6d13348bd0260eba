"""What several test files need: worker processes that never outlive their test."""

from collections.abc import Iterator
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
