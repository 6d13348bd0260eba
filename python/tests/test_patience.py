"""Threads of the compiled step: all while the machine is ours, fewer while it is not, and all again."""

import pytest

from engines.patience import MOST_WAITED, Patience

CALM, DISTURBED = MOST_WAITED / 2, MOST_WAITED * 2


def threads_over(patience: Patience, waits: list[float]) -> list[int]:
    used = []
    for waited in waits:
        used.append(patience.threads)
        patience.learn(waited)
    return used


def test_undisturbed_it_uses_them_all():
    assert set(threads_over(Patience(4), [CALM] * 500)) == {4}


def test_a_step_that_waited_much_is_followed_by_some_with_one_thread_less():
    assert threads_over(Patience(4), [DISTURBED, *[CALM] * 9]) == [4, 3, 3, 3, 3, 4, 4, 4, 4, 4]


@pytest.mark.parametrize("most", [2, 4])
def test_beside_a_process_that_stays_it_hardly_ever_asks_for_the_last_one(most: int):
    patience, used = Patience(most), []
    for _ in range(1000):
        used.append(patience.threads)
        patience.learn(DISTURBED if patience.threads == most else CALM)
    assert used.count(most) <= 20
    assert used.count(most - 1) + used.count(most) == 1000


def test_it_comes_back_to_all_of_them_within_some_steps_of_the_other_leaving():
    patience = Patience(4)
    threads_over(patience, [DISTURBED] * 1000)
    assert patience.threads == 1
    assert threads_over(patience, [CALM] * 500)[-250:] == [4] * 250


def test_one_thread_waits_for_nobody():
    assert set(threads_over(Patience(1), [DISTURBED, CALM] * 50)) == {1}
