"""generation_loop.py with an engine that follows a script, in this process."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace

import pytest
from scripted_engine import Long, ScriptedEngine, of_kind, play, request

from embed_thread import EmbedThread
from engines.base import ModelUnavailableError, StepOutput, TokenLogprob
from generation import GenerationInput, RequestError
from generation_loop import GenerationLoop
from heartbeat import Pulse
from inbox import Inbox
from protocol import Cancel, Detokenize, LineError, Tokenize
from protocol_stream import ProtocolStream


def test_one_line_a_step_carries_the_tokens_of_all_requests():
    engine = ScriptedEngine(
        [StepOutput("a", b"H"), StepOutput("b", b"W")],
        [StepOutput("a", b"i"), StepOutput("b", b"ow", finish="stop")],
        [StepOutput("a", finish="length")],
    )
    lines = play(engine, request("a"), request("b"))
    assert of_kind(lines, "tokens") == [
        {"type": "tokens", "items": [["a", "H", 1], ["b", "W", 1]]},
        {"type": "tokens", "items": [["a", "i", 1], ["b", "ow", 2]]},
    ]
    assert [(done["id"], done["reason"]) for done in of_kind(lines, "done")] == [
        ("b", "stop"),
        ("a", "length"),
    ]
    assert of_kind(lines, "done")[0]["usage"] == {
        "prompt_tokens": 5,
        "cached_tokens": 2,
        "completion_tokens": 3,
    }
    assert lines[0] == {"type": "started", "id": "a", "prompt_tokens": 5, "cached_tokens": 2}


def test_a_request_that_is_refused_fails_alone():
    engine = ScriptedEngine([StepOutput("b", b"y", finish="stop")])
    engine.refused["a"] = RequestError("context_length_exceeded", "9 tokens, 8 fit")
    engine.refused["c"] = KeyError("secret")
    lines = play(engine, request("a"), request("b"), request("c"))
    assert [(e["id"], e["code"]) for e in of_kind(lines, "error")] == [
        ("a", "context_length_exceeded"),
        ("c", "worker_error"),
    ]
    assert of_kind(lines, "error")[0]["message"] == "9 tokens, 8 fit"
    assert "secret" not in json.dumps(lines)
    assert [done["id"] for done in of_kind(lines, "done")] == ["b"]


def test_without_room_a_request_waits_in_line_is_told_every_second_and_starts_when_another_ends(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("generation_loop.DELAY_INTERVAL_S", 0)

    def make_room():
        engine.delayed.clear()
        return [StepOutput("a", finish="stop")]

    engine = ScriptedEngine(
        [StepOutput("a", b"x")], make_room, [StepOutput("b", finish="stop"), StepOutput("c", finish="stop")]
    )
    engine.delayed = {"b"}
    lines = play(engine, request("a"), request("b"), request("c"))
    told = [(line["type"], line.get("id", line.get("ids"))) for line in lines if line["type"] != "tokens"]
    assert told == [
        ("started", "a"),
        ("delayed", ["b", "c"]),
        ("delayed", ["b", "c"]),
        ("done", "a"),
        ("started", "b"),
        ("started", "c"),
        ("done", "b"),
        ("done", "c"),
    ]


def test_a_request_that_leaves_while_it_waits_for_room_makes_way_for_the_next():
    engine = ScriptedEngine()

    def leave():
        engine.put(Cancel("b"))
        return []

    engine.script = [leave, [StepOutput("a", b"x")], [StepOutput("c", b"y")]]
    engine.delayed = {"b"}
    lines = play(engine, request("a"), request("b"), request("c"))
    assert [line["id"] for line in of_kind(lines, "started")] == ["a", "c"]
    assert [(line["id"], line["reason"]) for line in of_kind(lines, "done")] == [("b", "cancelled")]
    assert of_kind(lines, "delayed") == [{"type": "delayed", "ids": ["b", "c"]}]


def test_an_engine_that_runs_nothing_and_has_no_room_is_not_waited_for():
    engine = ScriptedEngine()
    engine.delayed = {"a"}
    with pytest.raises(RuntimeError, match="no room"):
        play(engine, request("a"))


def test_an_error_in_a_step_ends_its_request_and_keeps_the_text_before_it(capfd: pytest.CaptureFixture[str]):
    engine = ScriptedEngine(
        [StepOutput("a", b"Hel<"), StepOutput("b", b"x")],
        [StepOutput("a", error=RuntimeError("boom")), StepOutput("b", b"y", finish="stop")],
    )
    lines = play(engine, request("a", stop=("<end>",)), request("b"))
    texts = [item[1] for line in of_kind(lines, "tokens") for item in line["items"] if item[0] == "a"]
    assert texts == ["Hel", "<"]
    assert [(e["id"], e["code"]) for e in of_kind(lines, "error")] == [("a", "worker_error")]
    assert [done["id"] for done in of_kind(lines, "done")] == ["b"]
    fault = json.loads(capfd.readouterr().err)
    assert fault["request_id"] == "a"
    assert "boom" in fault["traceback"]


def test_what_waits_runs_as_soon_as_a_slot_is_free_without_another_message():
    engine = ScriptedEngine([StepOutput("a", finish="stop")], [StepOutput("b", finish="stop")])
    engine.slots = 1
    lines = play(engine, request("a"), request("b"))
    assert [line["type"] for line in lines] == ["started", "done", "started", "done"]


def test_a_stop_string_cancels_the_engine_and_is_told_when_the_engine_has_let_go():
    engine = ScriptedEngine(
        [StepOutput("a", b"yes")],
        [StepOutput("a", b"END")],
        [StepOutput("a", b"more")],
        [StepOutput("a", b"!", finish="cancelled")],
    )
    lines = play(engine, request("a", stop=("END",)))
    assert engine.cancelled == ["a"]
    assert of_kind(lines, "tokens") == [{"type": "tokens", "items": [["a", "yes", 3]]}]
    (done,) = of_kind(lines, "done")
    assert (done["reason"], done["stop_sequence"]) == ("stop", "END")
    assert done["usage"]["completion_tokens"] == 6


def test_held_back_text_comes_before_done():
    engine = ScriptedEngine([StepOutput("a", b"so EN", finish="length")])
    lines = play(engine, request("a", stop=("END",)))
    assert [line["type"] for line in lines] == ["started", "tokens", "done"]
    assert "".join(item[1] for item in lines[1]["items"]) == "so EN"


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_a_number_that_json_cannot_hold_fails_its_request_only(value: float):
    engine = ScriptedEngine(
        [StepOutput("a", b"x", [TokenLogprob(120, value, [])]), StepOutput("b", b"y")],
        [StepOutput("a", b"z"), StepOutput("b", b"z", finish="stop")],
        [StepOutput("a", finish="cancelled")],
    )
    lines = play(engine, request("a", logprobs=0), request("b"))
    assert engine.cancelled == ["a"]
    assert [(e["id"], e["code"]) for e in of_kind(lines, "error")] == [("a", "worker_error")]
    items = [item for line in of_kind(lines, "tokens") for item in line["items"]]
    assert items == [["b", "y", 1], ["b", "z", 1]]


def test_a_token_that_cannot_be_decoded_fails_its_request_only():
    engine = ScriptedEngine(
        [StepOutput("a", (-1,)), StepOutput("b", b"y", finish="stop")],
        [StepOutput("a", finish="cancelled")],
    )
    lines = play(engine, request("a"), request("b"))
    assert [(e["id"], e["code"]) for e in of_kind(lines, "error")] == [("a", "worker_error")]
    assert [done["id"] for done in of_kind(lines, "done")] == ["b"]


def test_a_step_too_big_for_one_line_goes_out_as_several():
    engine = ScriptedEngine([StepOutput("a", b"x", finish="stop"), StepOutput("b", b"y", finish="stop")])
    engine.detokenizer = Long()
    lines = play(engine, request("a"), request("b"))
    assert [item[0] for line in of_kind(lines, "tokens") for item in line["items"]] == ["a", "b"]
    assert len(of_kind(lines, "tokens")) == 2
    assert len(of_kind(lines, "done")) == 2


def test_a_piece_too_big_for_any_line_fails_its_request_also_in_its_last_step():
    engine = ScriptedEngine([StepOutput("a", b"xy", finish="stop"), StepOutput("b", b"y", finish="stop")])
    engine.detokenizer = Long()
    lines = play(engine, request("a"), request("b"))
    assert [(e["id"], e["code"]) for e in of_kind(lines, "error")] == [("a", "worker_error")]
    assert [done["id"] for done in of_kind(lines, "done")] == ["b"]


def test_cancels_reach_the_engine_and_unknown_ones_nobody():
    def send_cancels() -> Sequence[StepOutput]:
        engine.put(Cancel("a"))
        engine.put(Cancel("ghost"))
        return ()

    engine = ScriptedEngine(send_cancels, [StepOutput("a", finish="cancelled")])
    lines = play(engine, request("a"))
    assert engine.cancelled == ["a"]
    assert [done["reason"] for done in of_kind(lines, "done")] == ["cancelled"]
    assert "ghost" not in json.dumps(lines)


def test_a_cancel_that_comes_with_its_request_never_reaches_the_engine():
    engine = ScriptedEngine([StepOutput("b", finish="stop")])
    lines = play(engine, request("a"), Cancel("a"), request("b"))
    assert engine.admitted == ["b"]
    assert [(done["id"], done["reason"]) for done in of_kind(lines, "done")] == [
        ("a", "cancelled"),
        ("b", "stop"),
    ]


def test_a_repeated_live_id_is_reported_and_harms_nothing(capfd: pytest.CaptureFixture[str]):
    engine = ScriptedEngine([StepOutput("a", b"x", finish="stop")])
    broken = LineError("a", "invalid_request", "sampling is not an object.")
    lines = play(engine, request("a"), request("a"), broken)
    assert engine.admitted == ["a"]
    assert [line["type"] for line in lines] == ["started", "tokens", "done"]
    faults = [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()]
    assert faults == ["duplicate_id", "bad_line"]


def test_counting_tokens_answers_or_fails_with_its_own_id():
    engine = ScriptedEngine([StepOutput("a", finish="stop")])
    counts = [Tokenize(prompt, GenerationInput(prompt=prompt)) for prompt in ("four", "bad", "worse")]
    lines = play(engine, *counts, request("a"))
    assert lines[0] == {"type": "tokenized", "id": "four", "tokens": 4}
    assert [(e["id"], e["code"]) for e in of_kind(lines, "error")] == [
        ("bad", "context_length_exceeded"),
        ("worse", "worker_error"),
    ]


def test_ids_are_turned_to_text_or_the_question_fails_with_its_own_id():
    engine = ScriptedEngine([StepOutput("a", finish="stop")])
    questions = [Detokenize("d", (72, 105)), Detokenize("bad", (-1,)), Detokenize("vast", (65,) * 2**20)]
    lines = play(engine, *questions, request("a"))
    assert lines[0] == {"type": "detokenized", "id": "d", "text": "Hi"}
    assert [(e["id"], e["code"]) for e in of_kind(lines, "error")] == [
        ("bad", "worker_error"),
        ("vast", "invalid_request"),
    ]


def test_done_has_the_ids_of_prompt_and_answer_when_they_are_wanted():
    outputs = [StepOutput("a", b"so EN"), StepOutput("b", b"x")]
    engine = ScriptedEngine(
        outputs, [StepOutput("a", b"D and", finish="length"), StepOutput("b", finish="stop")]
    )
    lines = play(engine, replace(request("a", stop=("END",)), wants_context=True), request("b"))
    contexts = {done["id"]: done.get("context") for done in of_kind(lines, "done")}
    assert contexts == {"a": [1, 2, 3, 4, 5, *b"so END"], "b": None}


def test_outputs_for_requests_that_are_gone_are_dropped():
    engine = ScriptedEngine(
        [StepOutput("ghost", b"boo"), StepOutput("a", b"x", finish="stop")],
        [StepOutput("a", b"late")],
    )
    lines = play(engine, request("a"), request("b"))
    assert [item for line in of_kind(lines, "tokens") for item in line["items"]] == [["a", "x", 1]]


def test_log_probabilities_go_out_with_their_text():
    engine = ScriptedEngine(
        [StepOutput("a", b"x", [TokenLogprob(120, -0.5, [(120, -0.5), (121, -2.0)])], "stop")]
    )
    lines = play(engine, request("a", logprobs=2))
    assert lines[1]["items"] == [["a", "x", 1, [["x", -0.5, [["x", -0.5], ["y", -2.0]]]]]]


def test_a_shutdown_tells_every_request_that_lives():
    engine = ScriptedEngine()
    engine.slots = 1
    lines: list[bytes] = []

    class Collected(ProtocolStream):
        def send(self, data: bytes) -> None:
            lines.extend(data.splitlines())

    inbox = Inbox(lambda: None)
    for message in (request("a"), request("b")):
        inbox.put(message)
    engine.put = inbox.put
    stream = Collected(os.open(os.devnull, os.O_WRONLY))
    embeds = EmbedThread(ModelUnavailableError("There is no embedder."), stream)
    GenerationLoop(engine, inbox, stream, Pulse(), embeds).run()
    errors = of_kind([json.loads(line) for line in lines], "error")
    assert [(e["id"], e["code"]) for e in errors] == [("a", "shutting_down"), ("b", "shutting_down")]


def test_an_engine_that_no_longer_knows_its_state_ends_the_loop():
    def lose_state() -> Sequence[StepOutput]:
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        play(ScriptedEngine(lose_state), request("a"))
