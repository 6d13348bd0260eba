"""fake_plan.py: the language, and that nothing outside it is taken."""

import json
from pathlib import Path
from typing import Any

import pytest

from engines.fake_plan import Fault, Plan, PlanError, parse_fault, parse_plan


def test_an_empty_plan_is_the_defaults():
    assert parse_plan("{}") == Plan()
    assert (Plan().slots, Plan().context_length, Plan().tokens) == (1, 8192, 40)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("exit:139", Fault("exit", 139)),
        ("kill:SEGV", Fault("kill", 11)),
        ("kill:KILL", Fault("kill", 9)),
        ("hang", Fault("hang", 0)),
        ("giant:64MB", Fault("giant", 64 * 1024 * 1024)),
        ("stderr:100MB", Fault("stderr", 100 * 1024 * 1024)),
        ("leak:10KB", Fault("leak", 10 * 1024)),
        ("giant:7", Fault("giant", 7)),
        ("slow_cancel:250", Fault("slow_cancel", 250)),
    ],
)
def test_faults_have_a_name_and_an_amount(text: str, fault: Fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    ["", "exit", "exit:-1", "exit:x", "kill:FOO", "hang:1", "giant", "giant:64PB", "leak:MB", "exitt:1"],
)
def test_a_misspelt_fault_is_refused(text: str):
    with pytest.raises(PlanError):
        parse_fault(text)


@pytest.mark.parametrize(
    "plan",
    [
        [],
        {"tokenz": 1},
        {"tokens": "1"},
        {"tokens": -1},
        {"tokens": True},
        {"tokens": 1.5},
        {"slots": 0},
        {"rules": {}},
        {"rules": [1]},
        {"rules": [{"d": "hang"}]},
        {"rules": [{"do": "nope"}]},
        {"rules": [{"played": 1}]},
        {"load": [{"do": 1}]},
    ],
)
def test_what_is_not_in_the_language_is_refused(plan: Any):
    with pytest.raises(PlanError):
        parse_plan(json.dumps(plan))


def test_what_is_not_json_is_refused():
    with pytest.raises(PlanError):
        parse_plan("{")


def test_times_count_down_within_a_process():
    (rule,) = parse_plan('{"rules":[{"do":"raise","times":2}]}').rules
    assert [rule.claim() for _ in range(4)] == [True, True, False, False]


def test_a_rule_without_times_never_runs_out():
    (rule,) = parse_plan('{"rules":[{"do":"raise"}]}').rules
    assert all(rule.claim() for _ in range(100))


def test_with_a_state_folder_times_count_over_restarts(tmp_path: Path):
    rules = [{"do": "raise", "times": 2}, {"do": "raise", "times": 1}]
    text = json.dumps({"state_dir": str(tmp_path), "load": rules, "rules": rules})
    claims = []
    for _ in range(4):
        plan = parse_plan(text)
        claims.append([rule.claim() for rule in (*plan.load, *plan.rules)])
    assert claims == [[True] * 4, [True, False, True, False], [False] * 4, [False] * 4]
