"""Which requests wait, which run, and for how long they did either. First come, first served.

Knows no engine, no protocol stream and no clock: times are handed in, in seconds.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from decoding import AnswerText, Piece
from engines.base import Admitted, TokenLogprob
from generation import FinishReason, GenerateRequest
from protocol import Done, Timings, Usage


@dataclass(slots=True)
class Waiting:
    request: GenerateRequest
    received_at: float
    is_ready: bool = True
    """The engine can admit it."""


class Run:
    """An admitted request until the engine has ended it."""

    __slots__ = (
        "_admitted",
        "_admitted_at",
        "_context",
        "_received_at",
        "answer",
        "fault",
        "first_token_at",
        "id",
        "is_open",
        "trace",
    )

    def __init__(self, waited: Waiting, admitted: Admitted, admitted_at: float) -> None:
        self.id = waited.request.id
        self.trace = waited.request.trace
        self._received_at = waited.received_at
        self._admitted = admitted
        self._admitted_at = admitted_at
        self._context = list(admitted.prompt_ids) if waited.request.wants_context else None
        self.answer = AnswerText(admitted.detokenizer, waited.request.sampling.stop)
        self.first_token_at: float | None = None
        self.fault: Exception | None = None
        """Why it failed, while the engine still holds its slot."""
        self.is_open = True
        """False once it takes no more tokens: a stop string or a fault has ended its answer."""

    def push(self, token_ids: Sequence[int], logprobs: Sequence[TokenLogprob] | None) -> Piece | None:
        """Takes new tokens; returns what text may be sent."""
        before = self.answer.tokens
        piece = self.answer.push(token_ids, logprobs)
        if self._context is not None:
            self._context += token_ids[: self.answer.tokens - before]
        return piece

    def done(self, finish: FinishReason, ended_at: float, numerics: str) -> Done:
        """The terminal message; a stop string outweighs the cancel by which it ended the engine's work."""
        first_token_at = ended_at if self.first_token_at is None else self.first_token_at
        stop_sequence = self.answer.stop_sequence
        return Done(
            self.id,
            finish if stop_sequence is None else "stop",
            stop_sequence,
            Usage(self._admitted.prompt_tokens, self._admitted.cached_tokens, self.answer.tokens),
            Timings(
                _ms(self._received_at, self._admitted_at),
                _ms(self._admitted_at, first_token_at),
                _ms(first_token_at, ended_at),
            ),
            numerics,
            None if self._context is None else tuple(self._context),
        )


class Scheduler:
    """Never holds an id twice, never runs more than `slots` at once."""

    def __init__(self, slots: int, numerics: str) -> None:
        self._slots = slots
        self.numerics = numerics
        self._waiting: deque[Waiting] = deque()
        self.running: dict[str, Run] = {}

    def is_idle(self) -> bool:
        return not self.running and not any(waited.is_ready for waited in self._waiting)

    def is_live(self, request_id: str) -> bool:
        return request_id in self.running or any(w.request.id == request_id for w in self._waiting)

    def submit(self, request: GenerateRequest, received_at: float) -> bool:
        """False, and nothing done, when the id is waiting or running already."""
        if self.is_live(request.id):
            return False
        self._waiting.append(Waiting(request, received_at))
        return True

    def set_ready(self, request_id: str, is_ready: bool) -> None:
        """What is not ready is passed over by those behind it; ids that do not wait are ignored."""
        for waited in self._waiting:
            if waited.request.id == request_id:
                waited.is_ready = is_ready

    def next(self) -> Waiting | None:
        """Takes the longest waiting request that is ready out when a slot is free for it."""
        if len(self.running) >= self._slots:
            return None
        ready = next((waited for waited in self._waiting if waited.is_ready), None)
        if ready is not None:
            self._waiting.remove(ready)
        return ready

    def put_back(self, waited: Waiting) -> None:
        """It could not start: it is the next again."""
        self._waiting.appendleft(waited)

    def waiting_ids(self) -> list[str]:
        return [waited.request.id for waited in self._waiting]

    def start(self, waited: Waiting, admitted: Admitted, now: float) -> None:
        self.running[waited.request.id] = Run(waited, admitted, now)

    def cancel(self, request_id: str, now: float) -> Done | Literal["running", "unknown"]:
        """A waiting request is gone at once and its `done` returned; a running one is the engine's to end."""
        if request_id in self.running:
            return "running"
        for waited in self._waiting:
            if waited.request.id == request_id:
                self._waiting.remove(waited)
                timings = Timings(_ms(waited.received_at, now), 0.0, 0.0)
                return Done(request_id, "cancelled", None, Usage(0, 0, 0), timings, self.numerics)
        return "unknown"

    def drain(self) -> list[str]:
        """Forgets everything and returns the ids that are owed a last word."""
        ids = [*self.running, *self.waiting_ids()]
        self.running.clear()
        self._waiting.clear()
        return ids


def _ms(start: float, end: float) -> float:
    return round(max(0.0, end - start) * 1000, 3)
