"""Every fault the fake engine plays, in a real worker process."""

import json
import signal
import time
from pathlib import Path

import pytest
from child_worker import Start, as_message, wait_for


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
    beat = worker.until("heartbeat")
    assert (beat["running"], beat["step"]) == (1, 1)
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
