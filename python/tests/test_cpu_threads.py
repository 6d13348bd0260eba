"""Threads are chosen for a machine that others use too."""

import os

import pytest
import torch

import cpu_threads


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch):
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    yield lambda count: monkeypatch.setattr(cpu_threads, "count_cores", lambda: count)
    torch.set_num_threads(before)


@pytest.mark.parametrize(("count", "for_prompt", "for_token"), [(1, 1, 1), (2, 2, 1), (8, 8, 4)])
def test_a_prompt_gets_every_core_and_a_token_half_of_them(
    cores, count: int, for_prompt: int, for_token: int
):
    cores(count)
    cpu_threads.use_threads(100)
    assert torch.get_num_threads() == for_prompt
    cpu_threads.use_threads(1)
    assert torch.get_num_threads() == for_token


@pytest.mark.parametrize(("count", "policy"), [(1, "PASSIVE"), (2, "PASSIVE"), (4, None)])
def test_threads_sleep_instead_of_spinning_where_cores_are_few(cores, count: int, policy: str | None):
    cores(count)
    cpu_threads.choose_waiting()
    assert os.environ.pop("OMP_WAIT_POLICY", None) == policy


def test_a_wait_policy_of_the_users_own_is_kept(cores, monkeypatch: pytest.MonkeyPatch):
    cores(2)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    cpu_threads.choose_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_there_is_at_least_one_core():
    assert cpu_threads.count_cores() >= 1
