"""How the worker process ends: asked, signalled, or left alone by its parent."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from child_worker import FAKE, PYTHON, ChildWorker, Start, wait_for

ENDLESS = {"tokens": 10**6, "context_length": 10**8, "gap_ms": 5}


FOREVER_MS = 10**7


def in_state(start: Start, state: str) -> ChildWorker:
    worker = start({**ENDLESS, "load_ms": FOREVER_MS if state == "loading" else 0})
    worker.until("loading" if state == "loading" else "ready")
    if state == "generating":
        worker.generate("a")
        worker.until("tokens", "a")
    return worker


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


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_the_kernel_is_asked_to_kill_it_with_its_parent_which_also_reaches_a_stopped_worker():
    program = """
        import ctypes, parent_watch
        parent_watch.watch_parent()
        signal = ctypes.c_int()
        ctypes.CDLL(None).prctl(2, ctypes.byref(signal))
        print(signal.value)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    result = subprocess.run(command, cwd=PYTHON, capture_output=True, text=True, check=True)
    assert int(result.stdout) == signal.SIGKILL


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True
