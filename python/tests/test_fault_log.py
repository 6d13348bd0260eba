"""What the worker says on stderr of a request that failed."""

import json
from dataclasses import replace

import pytest
from scripted_engine import ScriptedEngine, play, request

from engines.base import StepOutput
from fault_log import report_fault


def test_a_fault_names_its_request_and_its_trace_on_stderr(capfd: pytest.CaptureFixture[str]):
    engine = ScriptedEngine([StepOutput("a", error=ValueError("lost"))])
    traced = replace(request("a"), trace="0af7651916cd43dd8448eb211c80319c")
    play(engine, traced)
    told = json.loads(capfd.readouterr().err.splitlines()[-1])
    assert (told["event"], told["request_id"], told["trace"]) == ("request_failed", "a", traced.trace)


def test_what_is_not_known_is_left_out(capfd: pytest.CaptureFixture[str]):
    report_fault("bad_line", request_id=None, detail="no JSON")
    assert json.loads(capfd.readouterr().err) == {"level": "error", "event": "bad_line", "detail": "no JSON"}
