"""The faults the fake engine plays, and the one place where anything goes past the protocol's writer.

`do` can be: exit:N, kill:SEGV|KILL (any signal, to itself), hang (the step never returns; the heartbeat
goes on), sigstop, garbage (four lines that are not protocol), half_utf8 (the step's line leaves one byte
per write), giant:64MB (one line of that size), stderr:100MB, torn (half a line, then exit 0), wrong_id (a
token of an unknown request), dup_done (done twice), nan (a NaN in a log-probability), print (from Python,
from C, from a thread), raise, late (three tokens after the cancel is acknowledged), slow_cancel:MS
(acknowledges it that much later), deaf (to cancel, shutdown and SIGTERM, from now on), leak:10MB (keeps
that much more memory).
"""

import ctypes
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from engines.fake_plan import Fault
from inbox import Inbox
from protocol import Cancel, GatewayMessage, LineError, Shutdown
from protocol_stream import ProtocolStream

GARBAGE = b'Loading checkpoint shards: 100%\nnull\n[1]\n{"type":"nope"}\n'
UNKNOWN_ID = "00000000-0000-7000-8000-00000000dead"


class FaultyStream(ProtocolStream):
    """A protocol stream that can be made to misbehave by the fake engine, and by nothing else."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._after = b""
        self._trickles = False

    def raw(self, data: bytes) -> None:
        """Writes any bytes now, ahead of what this step will report."""
        self.send(data)

    def after_flush(self, data: bytes) -> None:
        """Writes any bytes behind the lines of this step."""
        self._after += data

    def trickle(self) -> None:
        """The lines of this step leave one byte per write."""
        self._trickles = True

    def flush(self) -> None:
        if self._trickles and self._queued:
            data, self._trickles = b"".join(self._queued), False
            self._queued.clear()
            with self._lock:
                for byte in data:
                    self._write(bytes((byte,)))
        super().flush()
        if self._after:
            after, self._after = self._after, b""
            self.send(after)


class FaultyInbox(Inbox):
    """An inbox that can be made deaf to what would end a request or the worker."""

    is_deaf = False

    def put(self, message: GatewayMessage | LineError) -> None:
        if not (self.is_deaf and isinstance(message, (Cancel, Shutdown))):
            super().put(message)


class Faults:
    """Plays the faults of the process and its streams; those in one request's course are fake.py's."""

    def __init__(self, stream: FaultyStream, inbox: FaultyInbox) -> None:
        self.stream = stream
        self.inbox = inbox
        self._leaked: list[bytes] = []
        self._plays: dict[str, Callable[[int, str], None]] = {
            "exit": lambda code, _: os._exit(code),
            "kill": lambda number, _: _kill_self(number),
            "hang": lambda *_: threading.Event().wait() and None,
            "sigstop": lambda *_: _kill_self(signal.SIGSTOP),
            "garbage": lambda *_: stream.raw(GARBAGE),
            "half_utf8": lambda *_: stream.trickle(),
            "giant": self._giant,
            "stderr": lambda size, _: _flood_stderr(size),
            "torn": self._torn,
            "wrong_id": lambda *_: stream.raw(tokens_line(UNKNOWN_ID, " stray")),
            "print": lambda *_: _print_everywhere(),
            "raise": lambda *_: _raise(),
            "deaf": lambda *_: setattr(inbox, "is_deaf", True),
            "leak": lambda size, _: self._leaked.append(b"x" * size),
        }

    def play(self, fault: Fault, request_id: str) -> bool:
        """False when the fault is none of the process's. May not return, or raise."""
        act = self._plays.get(fault.name)
        if act is not None:
            act(fault.amount, request_id)
        return act is not None

    def _giant(self, size: int, request_id: str) -> None:
        frame = tokens_line(request_id, "")
        self.stream.raw(frame.replace(b'""', b'"' + b"x" * (size - len(frame)) + b'"'))

    def _torn(self, _: int, request_id: str) -> None:
        line = tokens_line(request_id, " torn")
        self.stream.raw(line[: len(line) // 2])
        os._exit(0)


def tokens_line(request_id: str, text: str) -> bytes:
    return wire_line({"type": "tokens", "items": [[request_id, text, 1]]})


def wire_line(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def _kill_self(number: int) -> None:
    os.kill(os.getpid(), number)
    if number != signal.SIGSTOP:
        time.sleep(60)  # the signal ends the process before this does


def _flood_stderr(size: int) -> None:
    block = (b"x" * 1023 + b"\n") * 1024
    for start in range(0, size, len(block)):
        rest = memoryview(block)[: size - start]
        while rest:
            rest = rest[os.write(2, rest) :]


def _print_everywhere() -> None:
    print("printed from Python", flush=True)
    os.write(1, b"written to descriptor 1\n")
    ctypes.CDLL(None).write(1, b"written from C\n", 15)
    thread = threading.Thread(target=print, args=("printed from a thread",), kwargs={"flush": True})
    thread.start()
    thread.join()


def _raise() -> None:
    raise RuntimeError("the fault plan said so")
