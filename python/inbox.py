"""What the gateway has sent and the loop has not looked at yet. Knows no engine.

A reader thread fills it, so that the end of stdin, which is the end of the gateway, is seen at once whatever
the main thread is doing.
"""

import os
import queue
import time
from collections.abc import Callable
from dataclasses import dataclass

from protocol import MAX_LINE_BYTES, GatewayMessage, LineError, Shutdown, decode_line
from vital_thread import start_vital_thread


@dataclass(frozen=True, slots=True)
class Prepared:
    """The worker's own word: the engine can admit the request now."""

    id: str


Received = tuple[GatewayMessage | LineError | Prepared, float]
"""A message or a broken line, and when it was read (time.perf_counter, seconds)."""


class Inbox:
    """Filled from any thread, emptied by one. `on_shutdown` runs in the thread that put a Shutdown in."""

    def __init__(self, on_shutdown: Callable[[], None]) -> None:
        self._on_shutdown = on_shutdown
        self._queue: queue.SimpleQueue[Received] = queue.SimpleQueue()
        self._peeked: list[Received] = []

    def put(self, message: GatewayMessage | LineError | Prepared) -> None:
        if isinstance(message, Shutdown):
            self._on_shutdown()
        self._queue.put((message, time.perf_counter()))

    def wait(self, timeout_s: float | None) -> None:
        """Returns when there is something to take, or after `timeout_s`; None waits for ever."""
        if not self._peeked:
            try:
                self._peeked.append(self._queue.get(timeout=timeout_s))
            except queue.Empty:
                return

    def take(self) -> list[Received]:
        """All that has come, oldest first; does not wait."""
        taken = self._peeked
        if not taken and self._queue.empty():
            return taken
        self._peeked = []
        while not self._queue.empty():
            taken.append(self._queue.get())
        return taken


def start_reader(fd: int, inbox: Inbox) -> None:
    """Reads lines into the inbox; ends the process at the end of `fd`."""
    start_vital_thread("reader", lambda: _read(fd, inbox))


def _read(fd: int, inbox: Inbox) -> None:
    with os.fdopen(fd, "rb", buffering=MAX_LINE_BYTES) as source:
        while line := source.readline(MAX_LINE_BYTES + 1):
            try:
                inbox.put(decode_line(line))
            except LineError as error:
                inbox.put(error)
            while not line.endswith(b"\n") and (line := source.readline(MAX_LINE_BYTES)):
                pass
    os._exit(0)
