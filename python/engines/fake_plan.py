"""The fake engine's plan: its pace, its answers and the faults it plays, as JSON in MINIVAULT_FAKE_PLAN.

Owns the language and refuses what is not in it, so that a misspelt fault cannot make a test pass. Every field
is optional:

    {"load_ms":0, "slots":1, "context_length":8192, "tokens":40, "prefill_ms":0, "gap_ms":0, "embed_ms":0,
     "state_dir":null, "tool_format":"hermes", "cached_tokens":0,
     "load":  [{"do":"exit:1", "times":2}],
     "rules": [{"match":"POISON", "at":0, "do":"exit:139", "times":1},
               {"match":"SHORT", "tokens":3, "gap_ms":5, "prefill_ms":0, "text":"this answer, word by word"}]}

A rule concerns requests whose last user text (or prompt) has `match` in it; absent, all. Its fault plays
when the request is about to emit token number `at`, the first being 0; of several rules for one moment the
first with `times` left. Its other fields override the plan's, the first matching rule that has the field
winning. `times` counts in this process, or over restarts when `state_dir` is given; absent, always. A fault
in `load` plays halfway through loading. fake_faults.py lists what `do` can be.
"""

import json
import os
import re
import signal
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

PLAIN_FAULTS = frozenset(
    "hang sigstop garbage half_utf8 torn wrong_id dup_done nan print raise late deaf".split(),  # noqa: SIM905
)
SIZED_FAULTS = frozenset({"giant", "stderr", "leak"})
_UNITS = {"": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}


class PlanError(Exception):
    """The plan is not in the language; one line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`amount`: exit code, signal number, bytes or milliseconds, by `name`; 0 where there is none."""

    name: str
    amount: int


@dataclass(slots=True)
class Rule:
    match: str = ""
    at: int = 0
    do: Fault | None = None
    times: int | None = None
    tokens: int | None = None
    gap_ms: float | None = None
    prefill_ms: float | None = None
    text: str | None = None
    played: "Counter | None" = None

    def claim(self) -> bool:
        """True when the fault may play once more; counts it."""
        return self.played is None or self.played.claim()


@dataclass(slots=True)
class Plan:
    load_ms: float = 0
    slots: int = 1
    context_length: int = 8192
    tokens: int = 40
    prefill_ms: float = 0
    gap_ms: float = 0
    embed_ms: float = 0
    state_dir: str | None = None
    tool_format: str | None = None
    """What `ready` says of the model; without it tools are refused."""
    cached_tokens: int = 0
    """What `started` says of every prompt that is at least as long."""
    load: list[Rule] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)


class Counter:
    """Grants `times` claims, in this process or, as files in a folder, over restarts."""

    def __init__(self, times: int, folder: Path | None, name: str) -> None:
        self._left = iter(range(times))
        self._folder = folder
        self._name = name

    def claim(self) -> bool:
        for number in self._left:
            if self._folder is None:
                return True
            try:
                os.close(os.open(self._folder / f"{self._name}-{number}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return True
        return False


def parse_plan(text: str) -> Plan:
    """Raises PlanError."""
    try:
        values = json.loads(text)
    except ValueError as error:
        raise PlanError(f"The plan is not JSON: {error}") from error
    plan = _build(Plan, values, "plan")
    folder = Path(plan.state_dir) if plan.state_dir is not None else None
    plan.load = _rules(plan.load, folder, "load")
    plan.rules = _rules(plan.rules, folder, "rules")
    if plan.slots < 1 or plan.context_length < 1:
        raise PlanError("slots and context_length must be at least 1.")
    return plan


def _rules(values: list[Any], folder: Path | None, name: str) -> list[Rule]:
    rules = []
    for index, value in enumerate(values):
        rule = _build(Rule, value, f"{name}[{index}]")
        if isinstance(rule.do, str):
            rule.do = parse_fault(rule.do)
        if rule.times is not None:
            rule.played = Counter(rule.times, folder, f"{name}-{index}")
        rules.append(rule)
    return rules


_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("slots", "context_length", "tokens", "cached_tokens", "at", "times"), (int,)),
    **dict.fromkeys(("load_ms", "prefill_ms", "gap_ms", "embed_ms"), (int, float)),
    **dict.fromkeys(("match", "do", "text", "state_dir", "tool_format"), (str,)),
    **dict.fromkeys(("load", "rules"), (list,)),
}


def _build(kind: type[Any], values: object, where: str) -> Any:
    if not isinstance(values, dict):
        raise PlanError(f"{where} is not an object.")
    known = {item.name for item in fields(kind)}
    for name, value in values.items():
        if name not in known or name not in _KINDS:
            raise PlanError(f"{where}.{name} is not in the plan's language.")
        if not isinstance(value, _KINDS[name]) or isinstance(value, bool):
            raise PlanError(f"{where}.{name} has the wrong type.")
        if isinstance(value, (int, float)) and value < 0:
            raise PlanError(f"{where}.{name} is negative.")
    return kind(**values)


def parse_fault(text: str) -> Fault:
    """`name` or `name:amount`. Raises PlanError."""
    name, _, amount = text.partition(":")
    if name in PLAIN_FAULTS and not amount:
        return Fault(name, 0)
    if name in ("exit", "slow_cancel") and amount.isdecimal():
        return Fault(name, int(amount))
    if name == "kill" and f"SIG{amount}" in signal.Signals.__members__:
        return Fault(name, signal.Signals[f"SIG{amount}"])
    size = re.fullmatch(r"(\d+)([KMG]B|)", amount)
    if name in SIZED_FAULTS and size:
        return Fault(name, int(size[1]) * _UNITS[size[2]])
    raise PlanError(f"{text!r} is not a fault the fake engine can play.")
