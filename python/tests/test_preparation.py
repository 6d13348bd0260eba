"""Requests that the engine has to prepare for: nobody waits for them but themselves."""

import threading
import time
from collections.abc import Callable, Sequence

from scripted_engine import ScriptedEngine, of_kind, play, request

from engines.base import StepOutput
from generation import GenerateRequest
from inbox import Prepared
from protocol import Cancel


class PreparingEngine(ScriptedEngine):
    """Holds a request named `slow` back until `tell_slow` is called."""

    tell_slow: Callable[[], None]

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        if request.id != "slow":
            return True
        self.tell_slow = when_ready
        return False


def test_what_is_being_prepared_is_passed_over_and_starts_when_it_is_ready():
    def ready() -> Sequence[StepOutput]:
        engine.tell_slow()
        return [StepOutput("b", b"x")]

    engine = PreparingEngine(ready, [StepOutput("b", finish="stop")], [StepOutput("slow", finish="stop")])
    lines = play(engine, request("slow"), request("b"))
    assert [line["id"] for line in of_kind(lines, "started")] == ["b", "slow"]
    assert [line["id"] for line in of_kind(lines, "done")] == ["b", "slow"]


def test_what_is_being_prepared_alone_is_waited_for_without_turning_round():
    engine = PreparingEngine([StepOutput("slow", finish="stop")])
    threading.Timer(0.05, lambda: engine.tell_slow()).start()
    before = time.process_time()
    lines = play(engine, request("slow"))
    assert time.process_time() - before < 0.04
    assert [line["type"] for line in lines] == ["started", "done"]


def test_what_is_being_prepared_can_be_cancelled_and_its_readiness_means_nothing_then():
    engine = PreparingEngine([StepOutput("b", finish="stop")])
    lines = play(engine, request("slow"), Cancel("slow"), Prepared("slow"), request("b"))
    assert [(line["id"], line["reason"]) for line in of_kind(lines, "done")] == [
        ("slow", "cancelled"),
        ("b", "stop"),
    ]
