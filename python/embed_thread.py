"""The thread that embeds beside running streams, and never in their way. Knows no model and no loop.

One chunk of one request at a time, in turns, so that a short request does not wait behind a long one. On
Linux the thread is niced, and so gets what the engine's threads leave over. Every request gets one
`embeddings` or one `error`.
"""

import base64
import os
import queue
import sys
import threading
from collections import deque
from collections.abc import Iterator

from embedding import Embedder
from engines.base import EmbedderInfo, ModelUnavailableError
from fault_log import report_fault
from generation import RequestError
from protocol import Embed, Embeddings, encode, error_message
from protocol_stream import ProtocolStream
from vital_thread import start_vital_thread

CHUNK_TEXTS = 16
CHUNK_TOKENS = 256
"""Of one forward pass, padding included: 50 to 100 ms of one core, which a short request may have to wait."""
NICENESS = 10
LOADING_SWITCH_S = 0.0005
"""While the embedder loads, which is Python rather than arithmetic: how long others wait for their turn."""


class EmbedThread:
    """Given why there is no embedder, it refuses every request with that."""

    def __init__(self, embedder: Embedder | ModelUnavailableError, stream: ProtocolStream) -> None:
        self._embedder = embedder
        self._stream = stream
        self._submitted: queue.SimpleQueue[Embed] = queue.SimpleQueue()
        self._live: set[str] = set()
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()
        self._is_started = False
        self._is_loaded = False

    @property
    def info(self) -> EmbedderInfo | None:
        return None if isinstance(self._embedder, ModelUnavailableError) else self._embedder.info

    def submit(self, request: Embed) -> None:
        """For the main thread. Returns at once."""
        with self._lock:
            if request.id in self._live:
                report_fault("duplicate_id", request_id=request.id)
                return
            self._live.add(request.id)
        self._submitted.put(request)
        if not self._is_started:
            self._is_started = True
            start_vital_thread("embedder", self._run)

    def cancel(self, request_id: str) -> None:
        """Ends a request before its next chunk with the error `cancelled`; other ids are ignored."""
        with self._lock:
            if request_id in self._live:
                self._cancelled.add(request_id)

    def _run(self) -> None:
        jobs: deque[tuple[Embed, Iterator[None]]] = deque()
        while True:
            while not jobs or not self._submitted.empty():
                request = self._submitted.get()
                jobs.append((request, self._work(request)))
            request, work = jobs.popleft()
            if self._advance(request, work):
                jobs.append((request, work))

    def _advance(self, request: Embed, work: Iterator[None]) -> bool:
        """False when the request has had its answer."""
        try:
            if request.id not in self._cancelled:
                next(work)
                return True
            self._refuse(request.id, RequestError("cancelled", "The client left."))
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001 -- one request's failure is that request's alone
            self._refuse(request.id, error)
        with self._lock:
            self._live.discard(request.id)
            self._cancelled.discard(request.id)
        return False

    def _work(self, request: Embed) -> Iterator[None]:
        """One step of a request between two yields; its answer is sent before it ends."""
        embedder = self._load()
        limit = embedder.info.context_length
        rows: list[list[int]] = []
        truncated: list[bool] = []
        for source in request.inputs:
            ids = embedder.encode(source)
            is_long = len(ids) > limit
            if is_long and not request.truncate:
                raise RequestError(
                    "context_length_exceeded", f"A text has {len(ids)} tokens; the embedder takes {limit}."
                )
            rows.append(embedder.cut(ids) if is_long else ids)
            truncated.append(is_long)
            yield
        vectors: list[bytes] = [b""] * len(rows)
        for chunk in _chunks(rows):
            for number, vector in zip(chunk, embedder.embed([rows[number] for number in chunk]), strict=True):
                vectors[number] = vector
            yield
        text = base64.b64encode(b"".join(vectors)).decode("ascii")
        tokens = tuple(map(len, rows))
        answer = Embeddings(request.id, text, embedder.info.dimensions, tokens, tuple(truncated))
        self._stream.send(encode(answer))

    def _load(self) -> Embedder:
        """On first use; what failed is tried again at the next one. Raises ModelUnavailableError."""
        if isinstance(self._embedder, ModelUnavailableError):
            raise self._embedder
        if not self._is_loaded:
            interval_s = sys.getswitchinterval()
            sys.setswitchinterval(LOADING_SWITCH_S)
            try:
                self._embedder.load()
            finally:
                sys.setswitchinterval(interval_s)
            self._is_loaded = True
            # Not before: reading the tokenizer keeps the interpreter's lock, and a niced thread that waits
            # for a core meanwhile would keep it from those that stream.
            _step_back()
        return self._embedder

    def _refuse(self, request_id: str, error: Exception) -> None:
        if isinstance(error, RequestError):
            message = error_message(request_id, error.code, error.message)
        elif isinstance(error, ModelUnavailableError):
            message = error_message(request_id, "model_unavailable", str(error))
        else:
            report_fault("embedding_failed", error, request_id=request_id)
            message = error_message(
                request_id, "worker_error", "The embedder failed on this request; the worker's log tells why."
            )
        self._stream.send(encode(message))


def _chunks(rows: list[list[int]]) -> Iterator[list[int]]:
    """Numbers of rows that go through the model together: of like length, so that little is padding."""
    by_length = sorted(range(len(rows)), key=lambda number: len(rows[number]), reverse=True)
    while by_length:
        longest = max(1, len(rows[by_length[0]]))
        size = min(CHUNK_TEXTS, max(1, CHUNK_TOKENS // longest))
        yield by_length[:size]
        by_length = by_length[size:]


def _step_back() -> None:
    if "torch" in sys.modules:
        import torch

        # For this thread alone: OpenMP keeps the count per thread.
        torch.set_num_threads(1)
    if sys.platform == "linux":
        # A thread has a priority of its own there; elsewhere this would slow the whole worker.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
