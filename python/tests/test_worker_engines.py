"""The worker process around an engine that prints, is missing, or breaks."""

import json
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from child_worker import PYTHON, ChildWorker, Start, as_message, wait_for

ODD_ENGINE = """
from engines.base import Admitted, ModelInfo

class StreamerEngine:
    name, slots, numerics = "odd", 1, "odd"
    def __init__(self, model, data_dir):
        pass
    def load(self, report):
        return ModelInfo("m", "sha256:0", "Odd", 1, 8, "none", "none", "cpu", False)
"""
"""Is ready, and can do nothing."""


@pytest.fixture
def start_with_engine(start: Start, tmp_path: Path) -> Callable[..., ChildWorker]:
    """Starts a worker whose streamer engine is the given source, with further arguments."""

    def start_worker(source: str, *words: str) -> ChildWorker:
        (tmp_path / "streamer.py").write_text(textwrap.dedent(source))
        arguments = ["--engine", "streamer", "--model", "m", "--data-dir", ".", *words]
        program = f"""
            import os, sys
            sys.path.insert(0, {str(PYTHON)!r})
            import engines, worker
            engines.__path__.insert(0, {str(tmp_path)!r})
            os._exit(worker.main({arguments!r}))
        """
        return start(python=["-u", "-c", textwrap.dedent(program)])

    return start_worker


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


def test_a_worker_without_embedder_is_ready_and_tells_the_remedy(
    start_with_engine: Callable[..., ChildWorker], tmp_path: Path
):
    worker = start_with_engine(ODD_ENGINE, "--embedder", str(tmp_path / "nowhere"))
    assert worker.until("ready").get("embedder") is None
    wait_for(lambda: worker.stderr.endswith(b"\n"))
    fault = json.loads(worker.stderr)
    assert fault["event"] == "no_embedder"
    assert fault["detail"].startswith(f"No embedder at {tmp_path / 'nowhere'}. Set EMBEDDING_MODEL")


def test_a_step_that_raises_ends_the_process_because_nothing_is_known_any_more(
    start_with_engine: Callable[[str], ChildWorker],
):
    worker = start_with_engine(
        ODD_ENGINE
        + """
    def prepare(self, request, when_ready):
        return True
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
    crash = json.loads(worker.stderr)
    assert (crash["event"], crash["error"]) == ("worker_crashed", "RuntimeError('lost')")


@pytest.mark.parametrize(
    "words", [[], ["--engine", "nonsense", "--model", "m", "--data-dir", "."], ["--engine", "fake"]]
)
def test_wrong_arguments_are_a_permanent_fault(start: Start, words: list[str]):
    worker = start(python=["-u", str(PYTHON / "worker.py"), *words])
    error = worker.until("error")
    assert (error["id"], error["code"]) == (None, "model_unavailable")
    assert "--" in error["message"]
    assert worker.wait_exit() == 78
