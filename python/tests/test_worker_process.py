"""worker.py as a process: what it starts with, what it hears, what it survives, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from child_worker import FAKE, PYTHON, SAMPLING, ChildWorker, as_message, wait_for

Start = Callable[..., ChildWorker]
ENDLESS = {"tokens": 10**6, "context_length": 10**8, "gap_ms": 5}
FOREVER_MS = 10**7


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers; kills what is left of them at the end."""
    workers: list[ChildWorker] = []

    def start_worker(plan: dict[str, Any] | None = None, python: list[str] | None = None) -> ChildWorker:
        workers.append(ChildWorker(plan, python))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.kill()


@pytest.fixture
def start_with_engine(start: Start, tmp_path: Path) -> Callable[[str], ChildWorker]:
    """Starts a worker whose streamer engine is the given source."""

    def start_worker(source: str) -> ChildWorker:
        (tmp_path / "streamer.py").write_text(textwrap.dedent(source))
        program = f"""
            import os, sys
            sys.path.insert(0, {str(PYTHON)!r})
            import engines, worker
            engines.__path__.insert(0, {str(tmp_path)!r})
            os._exit(worker.main(["--engine", "streamer", "--model", "m", "--data-dir", "."]))
        """
        return start(python=["-u", "-c", textwrap.dedent(program)])

    return start_worker


def test_it_greets_with_progress_a_heartbeat_and_ready(start: Start):
    worker = start()
    ready = worker.until("ready")
    assert (ready["protocol"], ready["engine"], ready["slots"]) == (1, "fake", 1)
    kinds = {message["type"] for message in worker.messages()}
    assert kinds == {"heartbeat", "loading", "ready"}


def test_heartbeats_come_every_second_also_while_loading_and_tell_what_runs(start: Start):
    worker = start({"load_ms": FOREVER_MS})
    arrived_s = []
    for _ in range(3):
        beat = worker.until("heartbeat")
        arrived_s.append(time.monotonic())
    assert (beat["step"], beat["running"]) == (0, 0)
    assert beat["rss_bytes"] > 2**20
    assert 0.8 < arrived_s[2] - arrived_s[1] < 2.5


def test_heartbeats_count_steps_and_running_requests(start: Start):
    worker = start({**ENDLESS, "slots": 2})
    for request_id in "abc":
        worker.generate(request_id)
    worker.until("tokens", "b")
    beats = [worker.until("heartbeat") for _ in range(2)]
    assert beats[-1]["running"] == 2
    assert beats[-1]["step"] > beats[0]["step"] > 0


def test_requests_sent_while_it_loads_are_all_answered_in_order(start: Start):
    worker = start({"load_ms": 200, "tokens": 3})
    for number in range(20):
        worker.generate(f"r{number}", f"nonce{number} x y")
    worker.until("done", "r19")
    assert [m["id"] for m in worker.messages() if m["type"] == "done"] == [f"r{n}" for n in range(20)]
    assert all(worker.answer(f"r{n}") == f"nonce{n} x y" for n in range(20))


def test_sixteen_at_once_share_each_step_and_nothing_crosses(start: Start):
    worker = start({"slots": 16, "tokens": 50, "gap_ms": 2})
    for number in range(16):
        worker.generate(f"r{number}", f"nonce{number}")
    for _ in range(16):
        worker.until("done")
    assert all(set(worker.answer(f"r{n}").split()) == {f"nonce{n}"} for n in range(16))
    assert all(worker.ends(f"r{n}") == ["stop"] for n in range(16))
    lines = [m["items"] for m in worker.messages() if m["type"] == "tokens"]
    assert len(lines) < 16 * 50 / 2


def test_a_cancel_in_prefill_is_acknowledged_at_once(start: Start):
    worker = start({"prefill_ms": FOREVER_MS, "rules": [{"match": "next", "prefill_ms": 0, "tokens": 1}]})
    worker.generate("a")
    worker.until("started", "a")
    sent_s = time.monotonic()
    worker.send({"type": "cancel", "id": "a"})
    done = worker.until("done", "a")
    assert time.monotonic() - sent_s < 1
    assert (done["reason"], done["usage"]["completion_tokens"]) == ("cancelled", 0)
    worker.generate("b", "next")
    worker.until("done", "b")


def test_a_cancel_in_mid_stream_stops_that_request_and_no_other(start: Start):
    worker = start({**ENDLESS, "slots": 2, "rules": [{"match": "short", "tokens": 60}]})
    worker.generate("a", "endless talk")
    worker.generate("b", "short talk")
    worker.until("tokens", "a")
    worker.send({"type": "cancel", "id": "a"})
    done = worker.until("done", "a")
    assert done["reason"] == "cancelled"
    assert done["usage"]["completion_tokens"] == len(worker.answer("a").split())
    assert worker.until("done", "b")["reason"] == "stop"
    assert worker.ends("a") == ["cancelled"]
    last = max(i for i, m in enumerate(worker.messages()) if m.get("id") == "a" and m["type"] == "done")
    after = worker.messages()[last:]
    assert not any(item[0] == "a" for m in after if m["type"] == "tokens" for item in m["items"])


def test_a_cancel_of_a_waiting_request_costs_the_model_nothing(start: Start):
    worker = start(ENDLESS)
    worker.generate("a")
    worker.generate("b")
    worker.until("tokens", "a")
    worker.send({"type": "cancel", "id": "b"})
    assert worker.until("done", "b")["reason"] == "cancelled"
    assert not any(m["type"] == "started" and m["id"] == "b" for m in worker.messages())


def test_cancels_of_unknown_and_finished_requests_are_ignored(start: Start):
    worker = start({"tokens": 1})
    worker.generate("a")
    worker.until("done", "a")
    worker.send({"type": "cancel", "id": "a"}, {"type": "cancel", "id": "ghost"})
    worker.generate("b")
    worker.until("done", "b")
    assert (worker.ends("a"), worker.ends("ghost")) == (["stop"], [])
    assert worker.shut_down() == 0
    assert worker.stderr == b""


def test_tokens_are_counted_while_a_request_runs(start: Start):
    worker = start(ENDLESS)
    worker.generate("a")
    worker.until("tokens", "a")
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "how long is this"}]
    worker.send({"type": "tokenize", "id": "t", "messages": messages})
    assert worker.until("tokenized", "t")["tokens"] == 6
    worker.until("tokens", "a")


def test_bad_lines_are_answered_where_there_is_an_id_and_never_kill(start: Start):
    worker = start({"tokens": 2})
    head = b'{"type":"generate","id":"%s",'
    sampling = json.dumps({**SAMPLING, "seed": "HERE"}).encode()
    nobodys = [b"not JSON", b"null", b"[1]", b"7", b"", b"\xff\xfe", b"{}", b'{"type":"cancel"}']
    nobodys.append(b"[" * 100_000)
    bad = {
        "no-fields": head + b'"prompt":"x"}',
        "digits": head + b'"prompt":"x","sampling":' + sampling.replace(b'"HERE"', b"9" * 5000) + b"}",
        "deep": head + b'"prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "torn": head + b'"prompt":"x',
        "surrogate": head + b'"prompt":"\\ud800","sampling":%s}' % json.dumps(SAMPLING).encode(),
        "huge": head + b'"prompt":"' + b"x" * 3_000_000 + b'"}',
        "float": head + b'"prompt":"x","sampling":' + sampling.replace(b'"HERE"', b"1e400") + b"}",
    }
    worker.send(*nobodys)
    worker.send(*(line.replace(b"%s", name.encode(), 1) for name, line in bad.items()))
    worker.generate("good", "still here")
    worker.until("done", "good")
    assert {name: worker.ends(name) for name in bad} == {
        name: ["invalid_unicode" if name == "surrogate" else "invalid_request"] for name in bad
    }
    assert not any(m["type"] == "error" and m["id"] is None for m in worker.messages())
    assert worker.shut_down() == 0
    events = [json.loads(line)["event"] for line in worker.stderr.splitlines()]
    assert events == ["bad_line"] * (len(nobodys) + len(bad))


def test_a_shutdown_ends_what_lives_with_a_word_and_exits_clean(start: Start):
    worker = start(ENDLESS)
    worker.generate("a")
    worker.generate("b")
    worker.until("tokens", "a")
    assert worker.shut_down() == 0
    assert (worker.ends("a"), worker.ends("b")) == (["shutting_down"], ["shutting_down"])


@pytest.mark.parametrize("state", ["loading", "idle", "generating"])
def test_sigterm_is_a_clean_stop(start: Start, state: str):
    worker = in_state(start, state)
    worker.signal(signal.SIGTERM)
    worker.rest()
    assert worker.wait_exit() == 0
    assert worker.ends("a") == (["shutting_down"] if state == "generating" else [])


@pytest.mark.parametrize("state", ["loading", "idle", "generating"])
def test_the_end_of_stdin_is_the_end_of_the_worker(start: Start, state: str):
    worker = in_state(start, state)
    worker.close_stdin()
    assert worker.wait_exit(within_s=2) == 0


def test_sigint_to_the_whole_group_changes_nothing(start: Start):
    worker = start({"tokens": 100, "gap_ms": 3})
    worker.generate("a", "w")
    worker.until("tokens", "a")
    for _ in range(3):
        os.killpg(worker.process.pid, signal.SIGINT)
    assert worker.until("done", "a")["reason"] == "stop"
    assert worker.answer("a") == " ".join(["w"] * 100)
    assert worker.shut_down() == 0
    assert worker.stderr == b""


def test_a_gateway_that_reads_no_more_is_the_end_of_the_worker():
    reader, writer = os.pipe()
    child = subprocess.Popen([sys.executable, *FAKE], stdin=subprocess.PIPE, stdout=writer)
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    try:
        assert child.wait(5) == 0
    finally:
        child.kill()


def in_state(start: Start, state: str) -> ChildWorker:
    worker = start({**ENDLESS, "load_ms": FOREVER_MS if state == "loading" else 0})
    worker.until("loading" if state == "loading" else "ready")
    if state == "generating":
        worker.generate("a")
        worker.until("tokens", "a")
    return worker


WITHOUT_KERNEL_HELP = f"""
import os, sys
sys.path.insert(0, {str(PYTHON)!r})
import parent_watch, worker
parent_watch._die_with_parent = lambda: None
os._exit(worker.main({FAKE[2:]!r}))
"""
PARENT = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=0, stdout=1)
os.write(2, b"%d\\n" % child.pid)
child.wait()
"""


@pytest.mark.parametrize("way", ["kernel", "watch"])
@pytest.mark.parametrize("state", ["loading", "idle", "generating", "stuck"])
def test_a_killed_parent_takes_the_worker_along_though_stdin_stays_open(
    start: Start, tmp_path: Path, state: str, way: str
):
    words = FAKE if way == "kernel" else ["-u", "-c", WITHOUT_KERNEL_HELP]
    plan = {
        **ENDLESS,
        "load_ms": FOREVER_MS if state == "loading" else 0,
        "rules": [{"match": "stuck", "at": 1, "do": "hang"}],
    }
    parent = start(plan, ["-c", PARENT, sys.executable, *words])
    parent.until("loading" if state == "loading" else "ready")
    if state in ("generating", "stuck"):
        parent.generate("a", state)
        parent.until("tokens", "a")
    pid = int(parent.stderr.split(b"\n")[0])
    os.kill(parent.process.pid, signal.SIGKILL)
    # The end of stdout means the worker, its last writer, is gone.
    killed_s = time.monotonic()
    parent.rest()
    assert time.monotonic() - killed_s < 2
    wait_for(lambda: is_gone(pid))


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_whatever_an_engine_prints_lands_on_stderr_and_stdin_is_not_its_to_read(
    start_with_engine: Callable[[str], ChildWorker],
):
    worker = start_with_engine(
        """
        import ctypes, os, subprocess, sys, threading
        print("printed at import")
        os.write(1, b"written at import\\n")
        ctypes.CDLL(None).write(1, b"written from C\\n", 15)
        subprocess.run(["echo", "from a child"], check=True)
        thread = threading.Thread(target=lambda: print("from a thread"))
        thread.start()
        thread.join()
        print("stdin:", repr(sys.stdin.read()))

        from engines.base import ModelUnavailableError

        class StreamerEngine:
            def __init__(self, model, data_dir):
                raise ModelUnavailableError("No model. Do this.")
        """
    )
    worker.rest()
    assert worker.wait_exit() == 78
    assert all(as_message(line) for line in worker.lines)
    assert as_message(worker.lines[-1]) == {
        "type": "error",
        "id": None,
        "code": "model_unavailable",
        "message": "No model. Do this.",
    }
    assert sorted(worker.stderr.decode().splitlines()) == [
        "from a child",
        "from a thread",
        "printed at import",
        "stdin: ''",
        "written at import",
        "written from C",
    ]


def test_a_missing_package_is_a_permanent_fault_with_its_remedy(
    start_with_engine: Callable[[str], ChildWorker],
):
    worker = start_with_engine("import a_package_nobody_has")
    error = worker.until("error")
    assert (error["id"], error["code"]) == (None, "model_unavailable")
    assert "a_package_nobody_has" in error["message"]
    assert "npm start" in error["message"]
    assert sys.executable in error["message"]
    assert worker.wait_exit() == 78


def test_a_crash_while_loading_leaves_one_line_on_stderr_and_exits_1(
    start_with_engine: Callable[[str], ChildWorker],
):
    worker = start_with_engine(
        """
        class StreamerEngine:
            def __init__(self, model, data_dir):
                pass
            def load(self, report):
                report("weights", 1, 2)
                raise RuntimeError("first line\\nsecond line")
        """
    )
    worker.rest()
    assert worker.wait_exit() == 1
    (line,) = worker.stderr.splitlines()
    fault = json.loads(line)
    assert fault["event"] == "worker_crashed"
    assert "first line\nsecond line" in fault["traceback"]
    assert not any(message["type"] == "error" for message in worker.messages())


def test_sigterm_stops_a_load_that_is_deep_in_c(start_with_engine: Callable[[str], ChildWorker]):
    worker = start_with_engine(
        """
        import hashlib

        class StreamerEngine:
            def __init__(self, model, data_dir):
                pass
            def load(self, report):
                report("weights", 0, 1)
                hashlib.pbkdf2_hmac("sha256", b"x", b"x", 10**9)
        """
    )
    wait_for(lambda: any(m.get("stage") == "weights" for m in worker.messages()))
    worker.signal(signal.SIGTERM)
    assert worker.wait_exit(within_s=2) == 0


def test_a_step_that_raises_ends_the_process_because_nothing_is_known_any_more(
    start_with_engine: Callable[[str], ChildWorker],
):
    worker = start_with_engine(
        """
        from engines.base import Admitted, ModelInfo

        class StreamerEngine:
            name, slots = "odd", 1
            def __init__(self, model, data_dir):
                pass
            def load(self, report):
                return ModelInfo("m", "sha256:0", "Odd", 1, 8, "none", "none", "cpu", False)
            def admit(self, request):
                return Admitted(1, 0, None)
            def step(self):
                raise RuntimeError("lost")
        """
    )
    worker.generate("a")
    worker.rest()
    assert worker.wait_exit() == 1
    assert worker.ends("a") == []
    assert json.loads(worker.stderr)["event"] == "worker_crashed"


@pytest.mark.parametrize(
    "words", [[], ["--engine", "nonsense", "--model", "m", "--data-dir", "."], ["--engine", "fake"]]
)
def test_wrong_arguments_are_a_permanent_fault(start: Start, words: list[str]):
    worker = start(python=["-u", str(PYTHON / "worker.py"), *words])
    error = worker.until("error")
    assert (error["id"], error["code"]) == (None, "model_unavailable")
    assert "--" in error["message"]
    assert worker.wait_exit() == 78
