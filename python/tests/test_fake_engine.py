"""The fake engine in a real worker process: its answers, its pace, and every fault it plays."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from child_worker import SAMPLING, ChildWorker, as_message, wait_for

Start = Callable[[dict[str, Any]], ChildWorker]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers with a plan; kills what is left of them at the end."""
    workers: list[ChildWorker] = []

    def start_worker(plan: dict[str, Any]) -> ChildWorker:
        workers.append(ChildWorker(plan))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.kill()


def test_an_answer_repeats_the_words_of_its_own_prompt(start: Start):
    worker = start({"tokens": 5, "slots": 3})
    for nonce in ("n1", "n2", "n3"):
        worker.generate(nonce, f"say {nonce} again")
    for nonce in ("n1", "n2", "n3"):
        worker.until("done", nonce)
        assert worker.answer(nonce) == f"say {nonce} again say {nonce}"
    assert worker.shut_down() == 0


def test_only_the_last_user_message_is_repeated_and_all_of_them_are_counted(start: Start):
    worker = start({"tokens": 2})
    said = [("system", "be kind"), ("user", "old words"), ("assistant", "yes"), ("user", "new\twords here")]
    messages = [{"role": role, "content": content} for role, content in said]
    line = {"type": "generate", "id": "a", "messages": messages, "sampling": SAMPLING}
    worker.send(line)
    assert worker.until("started")["prompt_tokens"] == 8
    worker.until("done")
    assert worker.answer("a") == "new words"


def test_max_tokens_ends_with_length_and_the_plan_with_stop(start: Start):
    worker = start({"tokens": 4})
    for request_id, max_tokens in (("short", 3), ("exact", 4), ("long", 5)):
        worker.generate(request_id, max_tokens=max_tokens)
    ended = {request_id: worker.until("done", request_id) for request_id in ("short", "exact", "long")}
    assert {request_id: done["reason"] for request_id, done in ended.items()} == {
        "short": "length",
        "exact": "stop",
        "long": "stop",
    }
    assert ended["short"]["usage"] == {"prompt_tokens": 2, "cached_tokens": 0, "completion_tokens": 3}


@pytest.mark.parametrize(("words", "refused"), [(7, False), (8, True), (9, True)])
def test_the_context_holds_prompt_and_answer(start: Start, words: int, refused: bool):
    worker = start({"tokens": 40, "context_length": 8})
    worker.generate("a", " ".join(["w"] * words))
    if refused:
        error = worker.until("error")
        assert error["code"] == "context_length_exceeded"
        assert f"{words} tokens" in error["message"]
        assert "holds 8" in error["message"]
    else:
        done = worker.until("done")
        assert (done["reason"], done["usage"]["completion_tokens"]) == ("length", 8 - words)


def test_a_prompt_without_words_is_refused_and_the_next_is_answered(start: Start):
    worker = start({"tokens": 1})
    worker.generate("blank", " \n")
    worker.generate("b", "hello")
    assert worker.until("error", "blank")["code"] == "invalid_request"
    worker.until("done", "b")


def test_rules_override_the_plan_for_the_prompts_they_match(start: Start):
    text = "Grüße  an 👩‍👩‍👧 alle!\n"
    rules = [
        {"match": "FIXED", "text": text},
        {"match": "BRIEF", "tokens": 1},
        {"match": "NONE", "tokens": 0},
    ]
    worker = start({"tokens": 3, "rules": rules})
    for prompt in ("FIXED", "BRIEF x", "other y", "NONE"):
        worker.generate(prompt, prompt)
        worker.until("done", prompt)
    answers = [worker.answer(prompt) for prompt in ("FIXED", "BRIEF x", "other y", "NONE")]
    assert answers == [text, "BRIEF", "other y other", ""]
    pieces = [m for m in worker.messages() if m["type"] == "tokens" and m["items"][0][0] == "FIXED"]
    assert len(pieces) == 4


def test_stop_strings_work_on_its_answers(start: Start):
    worker = start({"tokens": 40})
    worker.generate("a", "one two three", stop=["two thr", "never"])
    done = worker.until("done")
    assert (done["reason"], done["stop_sequence"]) == ("stop", "two thr")
    assert worker.answer("a") == "one "


def test_prefill_and_gap_set_the_pace_and_the_timings_tell_it(start: Start):
    worker = start({"tokens": 5, "prefill_ms": 60, "gap_ms": 20})
    worker.generate("a")
    timings = worker.until("done")["timings"]
    assert 59 <= timings["prefill"] < 1000
    assert 79 <= timings["decode"] < 1000


def test_loading_takes_its_time_in_ten_parts(start: Start):
    started_s = time.monotonic()
    worker = start({"load_ms": 100})
    worker.until("ready")
    assert time.monotonic() - started_s >= 0.1
    parts = [m["done"] for m in worker.messages() if m["type"] == "loading" and m["total"] == 10]
    assert parts == list(range(1, 11))


@pytest.mark.parametrize(
    ("fault", "code"), [("exit:1", 1), ("exit:139", 139), ("kill:SEGV", -11), ("kill:KILL", -9)]
)
def test_deaths(start: Start, fault: str, code: int):
    worker = start({"rules": [{"match": "POISON", "at": 2, "do": fault}]})
    worker.generate("good", "fine", max_tokens=4)
    worker.generate("bad", "POISON pill")
    worker.rest()
    assert worker.wait_exit() == code
    assert worker.ends("good") == ["length"]
    assert worker.answer("bad") == "POISON pill"
    assert worker.ends("bad") == []


def test_a_fault_before_the_first_token_leaves_started_as_the_last_word(start: Start):
    worker = start({"rules": [{"at": 0, "do": "exit:139"}]})
    worker.generate("a")
    worker.rest()
    assert as_message(worker.lines[-1])["type"] == "started"


def test_faults_while_loading_and_their_times_over_restarts(start: Start, tmp_path: Path):
    plan = {"load": [{"do": "exit:1", "times": 2}], "state_dir": str(tmp_path)}
    for _ in range(2):
        worker = start(plan)
        worker.rest()
        assert worker.wait_exit() == 1
        assert "ready" not in [m["type"] for m in worker.messages()]
    start(plan).until("ready")


def test_hang_stops_the_steps_and_not_the_heartbeat(start: Start):
    worker = start({"slots": 2, "rules": [{"match": "HANG", "at": 1, "do": "hang"}]})
    worker.generate("a", "HANG here")
    worker.until("tokens", "a")
    beats = [worker.until("heartbeat") for _ in range(2)]
    assert (beats[1]["running"], beats[1]["step"]) == (1, 1)
    worker.generate("b")
    worker.send({"type": "cancel", "id": "a"}, {"type": "shutdown"})
    worker.rest()
    assert worker.wait_exit() == 0, "the shutdown of a stuck worker ends it after its grace"
    assert worker.ends("a") == worker.ends("b") == []


def test_sigstop_silences_it_until_it_is_killed(start: Start):
    worker = start({"rules": [{"at": 1, "do": "sigstop"}]})
    worker.generate("a")
    stat = Path(f"/proc/{worker.process.pid}/stat")
    wait_for(lambda: stat.read_text().rsplit(")", 1)[1].split()[0] == "T")
    worker.signal(signal.SIGCONT)
    worker.until("done")


def test_garbage_comes_between_whole_lines_and_the_answer_goes_on(start: Start):
    worker = start({"tokens": 3, "rules": [{"at": 1, "do": "garbage"}]})
    worker.generate("a", "x y z")
    worker.until("done")
    garbage = [b"Loading checkpoint shards: 100%\n", b"null\n", b"[1]\n", b'{"type":"nope"}\n']
    first = worker.lines.index(garbage[0])
    assert worker.lines[first : first + 4] == garbage
    assert worker.answer("a") == "x y z"


def test_half_utf8_is_the_same_line_in_single_bytes(start: Start):
    worker = start({"tokens": 3, "rules": [{"at": 1, "do": "half_utf8"}]})
    worker.generate("a", "x 👋🏽ß日 z")
    worker.until("done")
    assert worker.answer("a") == "x 👋🏽ß日 z"


def test_giant_is_one_line_of_the_size_asked_for(start: Start):
    worker = start({"tokens": 2, "rules": [{"at": 1, "do": "giant:3MB"}]})
    worker.generate("a", "x y")
    worker.until("done")
    assert sorted(map(len, worker.lines))[-1] == 3 * 2**20


def test_a_flood_of_stderr_does_not_touch_the_answer(start: Start):
    worker = start({"tokens": 2, "rules": [{"at": 1, "do": "stderr:20MB"}]})
    worker.generate("a", "x y")
    worker.until("done")
    assert worker.answer("a") == "x y"
    assert worker.shut_down() == 0
    assert len(worker.stderr) == 20 * 2**20


def test_torn_ends_in_the_middle_of_a_line(start: Start):
    worker = start({"rules": [{"at": 1, "do": "torn"}]})
    worker.generate("a", "x y")
    worker.rest()
    assert worker.wait_exit() == 0
    assert not worker.lines[-1].endswith(b"\n")
    assert as_message(worker.lines[-1]) == {}
    assert worker.answer("a") == "x"


def test_wrong_id_is_a_token_of_nobody(start: Start):
    worker = start({"tokens": 2, "rules": [{"at": 1, "do": "wrong_id"}]})
    worker.generate("a", "x y")
    worker.until("done")
    ids = [m["items"][0][0] for m in worker.messages() if m["type"] == "tokens"]
    assert [request_id == "a" for request_id in ids] == [True, False, True]
    assert worker.answer("a") == "x y"


def test_dup_done_says_done_twice_after_the_whole_text(start: Start):
    worker = start({"tokens": 2, "rules": [{"do": "dup_done"}]})
    worker.generate("a", "x y")
    worker.until("done")
    worker.until("done")
    assert worker.ends("a") == ["stop", "stop"]
    assert worker.answer("a") == "x y"
    kinds = [m["type"] for m in worker.messages() if m["type"] in ("tokens", "done")]
    assert kinds == ["tokens", "tokens", "done", "done"]


@pytest.mark.parametrize("fault", ["nan", "raise"])
def test_an_exception_within_a_request_ends_that_request_only(start: Start, fault: str):
    rules = [{"match": "BAD", "at": 2, "do": fault}, {"gap_ms": 5}]
    worker = start({"slots": 2, "tokens": 6, "rules": rules})
    worker.generate("bad", "BAD luck")
    worker.generate("good", "fine words")
    assert worker.until("error", "bad")["code"] == "worker_error"
    worker.until("done", "good")
    assert worker.answer("bad") == "BAD luck"
    assert worker.answer("good") == " ".join(["fine words"] * 3)
    assert worker.ends("bad") == ["worker_error"]
    assert worker.shut_down() == 0
    fault_line = json.loads(worker.stderr.splitlines()[0])
    assert (fault_line["event"], fault_line["request_id"]) == ("request_failed", "bad")


def test_print_lands_on_stderr_from_wherever_it_comes(start: Start):
    worker = start({"tokens": 2, "rules": [{"at": 1, "do": "print"}]})
    worker.generate("a", "x y")
    worker.until("done")
    assert worker.shut_down() == 0
    assert worker.stderr.splitlines() == [
        b"printed from Python",
        b"written to descriptor 1",
        b"written from C",
        b"printed from a thread",
    ]
    assert all(as_message(line) for line in worker.lines)


def test_late_tokens_follow_the_acknowledged_cancel(start: Start):
    worker = start({"tokens": 1000, "gap_ms": 5, "rules": [{"do": "late"}]})
    worker.generate("a")
    worker.until("tokens")
    worker.send({"type": "cancel", "id": "a"})
    assert worker.until("done")["reason"] == "cancelled"
    assert [worker.until("tokens")["items"] for _ in range(3)] == [[["a", f" late{n}", 1]] for n in range(3)]


def test_slow_cancel_says_nothing_until_its_time(start: Start):
    worker = start({"tokens": 1000, "gap_ms": 2, "rules": [{"do": "slow_cancel:300"}]})
    worker.generate("a")
    worker.until("tokens")
    sent_s = time.monotonic()
    worker.send({"type": "cancel", "id": "a"})
    worker.until("done")
    assert time.monotonic() - sent_s >= 0.3


def test_deaf_hears_no_cancel_no_shutdown_and_no_sigterm_and_still_the_end_of_stdin(start: Start):
    worker = start({"tokens": 60, "gap_ms": 5, "rules": [{"match": "DEAF", "do": "deaf"}]})
    worker.generate("a", "DEAF ears")
    worker.until("tokens")
    worker.send({"type": "cancel", "id": "a"}, {"type": "shutdown"})
    worker.signal(signal.SIGTERM)
    assert worker.until("done", "a")["reason"] == "stop"
    worker.generate("b", "still serving")
    worker.until("done", "b")
    worker.close_stdin()
    assert worker.wait_exit() == 0


def test_leak_keeps_what_it_takes(start: Start):
    worker = start({"tokens": 1, "rules": [{"do": "leak:40MB"}]})
    before = worker.until("heartbeat")["rss_bytes"]
    for request_id in "ab":
        worker.generate(request_id)
        worker.until("done", request_id)
    wait_for(lambda: worker.until("heartbeat")["rss_bytes"] - before > 75 * 2**20)


def test_a_fault_with_times_is_played_that_often_and_the_next_rule_then_has_its_turn(start: Start):
    rules = [{"match": "X", "do": "raise", "times": 1}, {"match": "X", "do": "nan", "times": 1}]
    worker = start({"tokens": 1, "rules": rules})
    for request_id in "abc":
        worker.generate(request_id, "X")
    worker.until("done", "c")
    assert [worker.ends(request_id) for request_id in "abc"] == [["worker_error"], ["worker_error"], ["stop"]]
    worker.shut_down()
    faults = [json.loads(line)["error"] for line in worker.stderr.splitlines()]
    assert ["RuntimeError" in faults[0], "EncodeError" in faults[1]] == [True, True]


def test_a_wrong_plan_is_a_permanent_fault_that_names_it(start: Start):
    worker = start({"rules": [{"do": "exitt:1"}]})
    error = worker.until("error")
    assert (error["id"], error["code"]) == (None, "model_unavailable")
    assert "exitt:1" in error["message"]
    assert worker.wait_exit() == 78
