"""The engine without a model: repeats the words of its prompt, at the pace and with the faults of a plan.

Token number i is word i of the last user text, round and round, so an answer carries the nonce of its own
prompt; under a constraint it is a value that the schema allows. Knows no torch; the plan's language is
fake_plan.py's.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from engines.base import (
    Admitted,
    ModelInfo,
    ModelUnavailableError,
    Report,
    StepOutput,
    TokenLogprob,
    answer_room,
)
from engines.fake_faults import Faults, FaultyInbox, FaultyStream, tokens_line, wire_line
from engines.fake_instance import fake_instance
from engines.fake_plan import Fault, Plan, PlanError, Rule, parse_plan
from engines.fake_words import (
    FakeWords,
    fake_logprob,
    prompt_ids,
    repeat_pieces,
    said_in,
    text_pieces,
    words_of,
)
from generation import FinishReason, GenerateRequest, GenerationInput, RequestError

LOADING_LINES = 10
LATE_TOKENS = 3
MAX_WAIT_S = 0.05


class FakeRequest:
    __slots__ = (
        "due_s",
        "faults",
        "gap_s",
        "has_dup_done",
        "id",
        "is_cancelled",
        "is_late",
        "limit",
        "next_output",
        "outputs",
        "plain_until",
        "position",
        "prompt_tokens",
        "reason",
        "slow_cancel_s",
    )

    def __init__(self, request_id: str, prompt_tokens: int, pieces: int, limit: int) -> None:
        self.id = request_id
        self.prompt_tokens = prompt_tokens
        self.limit = limit
        self.reason: FinishReason = "stop"
        self.outputs = [StepOutput(request_id, (index,)) for index in range(min(pieces, limit))]
        """One for each piece, made beforehand: with no gap, making them is most of a step's time."""
        self.next_output = 0
        self.position = 0
        self.plain_until = 0
        """Up to here tokens have nothing special about them: no fault, no end, no cancel."""
        self.gap_s = 0.0
        self.due_s = 0.0
        self.faults: dict[int, list[Rule]] = {}
        self.is_cancelled = False
        self.is_late = False
        self.has_dup_done = False
        self.slow_cancel_s = 0.0

    def add_logprobs(self, pieces: int, alternatives: int) -> None:
        self.outputs = [
            output._replace(logprobs=[fake_logprob(index, pieces, alternatives)])
            for index, output in enumerate(self.outputs)
        ]

    def seek_special(self) -> None:
        """Sets `plain_until` from what lies ahead."""
        ahead = [at for at in self.faults if at >= self.position]
        self.plain_until = 0 if self.is_cancelled else min([self.limit - 1, *ahead])

    def emit(self, now_s: float) -> StepOutput:
        index = self.next_output
        self.position += 1
        self.next_output = index + 1 if index + 1 < len(self.outputs) else 1
        self.due_s = max(self.due_s + self.gap_s, now_s)
        return self.outputs[index]


class FakeEngine:
    name = "fake"
    numerics = "none"

    def __init__(self, plan: Plan, faults: Faults) -> None:
        self.slots = plan.slots
        self._plan = plan
        self._faults = faults
        self._running: dict[str, FakeRequest] = {}

    def load(self, report: Report) -> ModelInfo:
        for part in range(1, LOADING_LINES + 1):
            time.sleep(self._plan.load_ms / LOADING_LINES / 1000)
            report("fake weights", part, LOADING_LINES)
            if part == LOADING_LINES // 2:
                self._play_first(self._plan.load, "")
        return ModelInfo(
            id="fake",
            digest="sha256:" + "0" * 64,
            architecture="FakeWords",
            parameters=0,
            context_length=self._plan.context_length,
            dtype="none",
            quantization="none",
            device="cpu",
            chat_template=True,
            tool_format=self._plan.tool_format,
        )

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        return True

    def admit(self, request: GenerateRequest) -> Admitted:
        if request.input.tools and self._plan.tool_format is None:
            raise RequestError("unsupported_parameter", "tools: the fake engine's plan has no tool_format.")
        said = said_in(request.input)
        words = said.split()
        if not words:
            raise RequestError("invalid_request", "The prompt has no tokens.")
        ids = prompt_ids(request.input)
        wanted = request.sampling.max_tokens
        room = answer_room(len(ids), self._plan.context_length, wanted)

        rules = [rule for rule in self._plan.rules if rule.match in said]
        text = _first(rules, "text", None)
        constraint = request.sampling.constraint
        if text is None and constraint is not None:
            text = json.dumps(fake_instance(constraint.schema or {"type": "object"}), ensure_ascii=False)
        if text is None:
            pieces = repeat_pieces(words)
            tokens = _first(rules, "tokens", self._plan.tokens)
        else:
            pieces = text_pieces(text)
            tokens = min(_first(rules, "tokens", len(pieces)), len(pieces))

        fake = FakeRequest(request.id, len(ids), len(pieces), min(tokens, room))
        if request.sampling.logprobs is not None:
            fake.add_logprobs(len(pieces), request.sampling.logprobs)
        fake.reason = "stop" if tokens <= room else "length"
        fake.gap_s = _first(rules, "gap_ms", self._plan.gap_ms) / 1000
        prefill_s = _first(rules, "prefill_ms", self._plan.prefill_ms) / 1000
        fake.due_s = time.perf_counter() + prefill_s
        for rule in rules:
            if rule.do is not None:
                fake.faults.setdefault(rule.at, []).append(rule)
        fake.seek_special()
        self._running[request.id] = fake
        return Admitted(len(ids), min(self._plan.cached_tokens, len(ids)), FakeWords(pieces), ids)

    def step(self) -> Sequence[StepOutput]:
        now_s = time.perf_counter()
        outputs = [
            request.emit(now_s) if request.position < request.plain_until else self._advance(request, now_s)
            for request in list(self._running.values())
            if request.due_s <= now_s
        ]
        if not outputs:
            soonest_s = min((request.due_s for request in self._running.values()), default=now_s)
            self._faults.inbox.wait(min(max(0.0, soonest_s - now_s), MAX_WAIT_S))
        return outputs

    def cancel(self, request_id: str) -> None:
        request = self._running.get(request_id)
        if request is not None and not request.is_cancelled:
            request.is_cancelled = True
            request.seek_special()
            request.due_s = time.perf_counter() + request.slow_cancel_s

    def count_tokens(self, source: GenerationInput) -> int:
        return len(prompt_ids(source))

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return words_of(token_ids)

    def _advance(self, request: FakeRequest, now_s: float) -> StepOutput:
        if request.is_cancelled:
            return self._finish(request, "cancelled")
        logprobs = None
        if request.position in request.faults:
            try:
                logprobs = self._play(request, request.faults.pop(request.position))
            except Exception as error:  # noqa: BLE001 -- the fault `raise`, kept to its own request
                del self._running[request.id]
                return StepOutput(request.id, error=error)
        request.seek_special()
        if request.position >= request.limit:
            return self._finish(request, request.reason)
        output = request.emit(now_s)
        if request.position == request.limit and not request.has_dup_done:
            del self._running[request.id]
            return output._replace(logprobs=logprobs or output.logprobs, finish=request.reason)
        return output if logprobs is None else output._replace(logprobs=logprobs)

    def _finish(self, request: FakeRequest, reason: FinishReason) -> StepOutput:
        del self._running[request.id]
        if request.has_dup_done:
            self._faults.stream.raw(_done_line(request, reason))
        if request.is_late and request.is_cancelled:
            for number in range(LATE_TOKENS):
                self._faults.stream.after_flush(tokens_line(request.id, f" late{number}"))
        return StepOutput(request.id, finish=reason)

    def _play(self, request: FakeRequest, rules: Sequence[Rule]) -> Sequence[TokenLogprob] | None:
        """Log-probabilities only for the fault `nan`."""
        fault = self._play_first(rules, request.id)
        if fault is None:
            return None
        if fault.name == "dup_done":
            request.has_dup_done = True
        elif fault.name == "late":
            request.is_late = True
        elif fault.name == "slow_cancel":
            request.slow_cancel_s = fault.amount / 1000
        elif fault.name == "nan":
            return [TokenLogprob(request.position, math.nan, ())]
        return None

    def _play_first(self, rules: Sequence[Rule], request_id: str) -> Fault | None:
        """Plays the first fault that has a time left, and returns it when it is for the request's course."""
        fault = next((rule.do for rule in rules if rule.do is not None and rule.claim()), None)
        if fault is None or self._faults.play(fault, request_id):
            return None
        return fault


def create_fake_engine(plan: str, stream: FaultyStream, inbox: FaultyInbox) -> FakeEngine:
    """Raises ModelUnavailableError when the plan is not in its language."""
    try:
        return FakeEngine(parse_plan(plan), Faults(stream, inbox))
    except PlanError as error:
        raise ModelUnavailableError(f"MINIVAULT_FAKE_PLAN is wrong: {error}") from error


def _first(rules: Sequence[Rule], name: str, fallback: Any) -> Any:
    return next((value for rule in rules if (value := getattr(rule, name)) is not None), fallback)


def _done_line(request: FakeRequest, reason: FinishReason) -> bytes:
    counts = (request.prompt_tokens, 0, request.position)
    usage = dict(zip(("prompt_tokens", "cached_tokens", "completion_tokens"), counts, strict=True))
    timings = {"queue": 0, "prefill": 0, "decode": 0}
    done = {"type": "done", "id": request.id, "reason": reason, "stop_sequence": None, "numerics": "none"}
    return wire_line({**done, "usage": usage, "timings": timings})
