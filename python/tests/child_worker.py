"""A real worker process under test: sends it lines, collects what it writes, never waits without a limit."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

PYTHON = Path(__file__).parents[1]
DEADLINE_S = 15.0
"""For what must happen but not at once; a test that is right never waits that long."""
LOADING_S = 90.0
"""For a real engine to be ready: seven where nobody else computes."""

SAMPLING: dict[str, Any] = {
    "max_tokens": 1000,
    "temperature": 0,
    "top_p": 1,
    "top_k": 0,
    "min_p": 0,
    "repetition_penalty": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "seed": 0,
    "stop": [],
    "logprobs": None,
    "typical_p": 1,
    "repetition_window": 0,
    "logit_bias": {},
    "constraint": None,
}
FAKE = ["-u", str(PYTHON / "worker.py"), "--engine", "fake", "--model", "m", "--data-dir", "."]


class ChildWorker:
    """`python` are the words after the interpreter; the default runs the fake engine with `plan`."""

    def __init__(self, plan: dict[str, Any] | str | None = None, python: list[str] | None = None) -> None:
        text = plan if isinstance(plan, str) else json.dumps(plan or {})
        self.process = subprocess.Popen(
            [sys.executable, *(python or FAKE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "MINIVAULT_FAKE_PLAN": text},
            start_new_session=True,
        )
        self.lines: list[bytes] = []
        """Everything that was written to stdout so far, line by line, the last perhaps torn."""
        self.stderr = bytearray()
        self._arrived: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._read_lines, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def send(self, *messages: dict[str, Any] | bytes) -> None:
        lines = [m if isinstance(m, bytes) else json.dumps(m).encode() for m in messages]
        self._stdin.write(b"".join(line + b"\n" for line in lines))
        self._stdin.flush()

    def generate(self, request_id: str, prompt: str = "one two", **sampling: Any) -> None:
        sampled = {**SAMPLING, **sampling}
        self.send({"type": "generate", "id": request_id, "prompt": prompt, "sampling": sampled})

    def next_line(self) -> bytes | None:
        """The next line, None at the end of stdout."""
        line = self._arrived.get(timeout=DEADLINE_S)
        if line is None:
            self._arrived.put(None)
        return line

    def until(self, kind: str, request_id: str | None = None, within_s: float = DEADLINE_S) -> dict[str, Any]:
        """Reads on to the next message of a kind, and of a request; fails at the end of stdout."""
        deadline_s = time.monotonic() + within_s
        while (line := self.next_line()) is not None:
            assert time.monotonic() < deadline_s, f"no {kind}, only heartbeats"
            message = as_message(line)
            if message.get("type") == kind and (request_id is None or of_request(message, request_id)):
                return message
        raise AssertionError(f"stdout ended before {kind}; stderr: {bytes(self.stderr[-2000:])!r}")

    def rest(self) -> None:
        """Reads to the end of stdout and of stderr."""
        deadline_s = time.monotonic() + DEADLINE_S
        while self.next_line() is not None:
            assert time.monotonic() < deadline_s, "the worker goes on"
        for thread in self._threads:
            thread.join(DEADLINE_S)

    def answer(self, request_id: str) -> str:
        """All text of one request among the lines so far."""
        items = [item for m in self.messages() if m.get("type") == "tokens" for item in m["items"]]
        return "".join(item[1] for item in items if item[0] == request_id)

    def messages(self) -> list[dict[str, Any]]:
        """Everything that is a JSON object among the lines so far."""
        return [message for line in self.lines if (message := as_message(line))]

    def ends(self, request_id: str) -> list[str]:
        """`reason` or `code` of each terminal message of a request."""
        ends = [m for m in self.messages() if m["type"] in ("done", "error") and m.get("id") == request_id]
        return [message.get("reason") or message["code"] for message in ends]

    def wait_exit(self, within_s: float = DEADLINE_S) -> int:
        return self.process.wait(within_s)

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def shut_down(self) -> int:
        """Asks it to stop, reads the rest, returns the exit code."""
        self.send({"type": "shutdown"})
        self.rest()
        return self.wait_exit()

    def close_stdin(self) -> None:
        self._stdin.close()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(DEADLINE_S)

    @property
    def _stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def _read_lines(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._arrived.put(line)
        self._arrived.put(None)

    def _read_stderr(self) -> None:
        assert self.process.stderr is not None
        while data := self.process.stderr.read1(1 << 16):
            self.stderr += data


def as_message(line: bytes) -> dict[str, Any]:
    """The JSON object of a line, empty when it is none."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def of_request(message: dict[str, Any], request_id: str) -> bool:
    items = message.get("items", [])
    return message.get("id") == request_id or any(item[0] == request_id for item in items)


def wait_for(condition: Callable[[], bool], within_s: float = DEADLINE_S) -> None:
    """Polls until true; fails after `within_s`."""
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, "the condition never came true"
        time.sleep(0.005)


Start = Callable[..., ChildWorker]
"""The fixture of conftest.py: start(plan, python) as in ChildWorker."""
