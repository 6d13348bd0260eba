"""prompt_pace.py on machines that are sums: a step costs so much, each prompt token in it so much more."""

import pytest

from engines.prompt_pace import MOST_STEPS, PromptPace


def enter(pace: PromptPace, generating: int, step_s: float, token_s: float, steps: int = 60) -> list[float]:
    """How many ordinary steps each step took, the prompt being endless."""
    for _ in range(20):
        pace.learn(generating, 0, step_s)
    ratios = []
    for _ in range(steps):
        tokens = pace.tokens(generating)
        took_s = step_s + tokens * token_s
        pace.learn(generating, tokens, took_s)
        ratios.append(took_s / step_s)
    return ratios


@pytest.mark.parametrize("generating", [1, 4, 16])
@pytest.mark.parametrize("token_share", [0.05, 0.12, 0.5, 1.0])
def test_steps_settle_at_the_bound_whatever_a_prompt_token_costs(generating: int, token_share: float):
    ratios = enter(PromptPace(), generating, 0.01, 0.01 * token_share)
    assert max(ratios[5:]) < MOST_STEPS + 2 * token_share
    assert max(ratios[-10:]) > 0.7 * MOST_STEPS


def test_it_follows_a_prompt_that_gets_deeper():
    pace = PromptPace()
    enter(pace, 1, 0.01, 0.001)
    assert max(enter(pace, 1, 0.01, 0.004)[3:]) < MOST_STEPS + 0.8


def test_a_prompt_always_gets_on():
    pace = PromptPace()
    enter(pace, 1, 0.001, 0.1)
    assert pace.tokens(1) >= 2


def test_it_begins_anew_with_other_company():
    pace = PromptPace()
    enter(pace, 1, 0.01, 0.02)
    assert pace.tokens(8) == 14
