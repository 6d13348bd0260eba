"""A gateway on the fake engine: one that all tests share, and others with plans of their own."""

from collections.abc import Iterator

import pytest
from gateway_process import GatewayProcess, StartGateway, build

PLAN = {
    "tokens": 12,
    "rules": [
        {"match": "FAILS-AT-ONCE", "do": "raise", "at": 0},
        {"match": "FAILS-MIDWAY", "do": "raise", "at": 3, "gap_ms": 2},
        {"match": "ENDLESS", "tokens": 100_000, "gap_ms": 5},
    ],
}
"""Twelve words of the prompt, over and over; a prompt that holds one of these words fares otherwise."""


@pytest.fixture(scope="session")
def built() -> None:
    build()


@pytest.fixture(scope="session")
def gateway(built: None) -> Iterator[GatewayProcess]:
    """Plays PLAN."""
    shared = GatewayProcess(PLAN)
    yield shared
    shared.kill()


@pytest.fixture
def start_gateway(built: None) -> Iterator[StartGateway]:
    """Starts gateways as GatewayProcess does, killed when the test is over."""
    started: list[GatewayProcess] = []

    def start(*args: object, **options: object) -> GatewayProcess:
        started.append(GatewayProcess(*args, **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
