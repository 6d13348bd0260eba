"""An engine that follows a script, and the worker's loop around it in this process."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from embed_thread import EmbedThread
from engines.base import Admitted, ModelInfo, ModelUnavailableError, Report, StepOutput
from generation import GenerateRequest, GenerationInput, RequestError, Sampling
from generation_loop import GenerationLoop
from heartbeat import Pulse
from inbox import Inbox, Prepared
from protocol import MAX_LINE_BYTES, GatewayMessage, LineError, Shutdown
from protocol_stream import ProtocolStream


class Letters:
    def push(self, token_ids: Sequence[int]) -> str:
        return "".join(map(self.text_of, token_ids))

    def flush(self) -> str:
        return ""

    def text_of(self, token_id: int) -> str:
        if token_id < 0:
            raise ValueError("no such token")
        return chr(token_id)


class Long(Letters):
    """Each token is two thirds of a line."""

    def text_of(self, token_id: int) -> str:
        return chr(token_id) * (MAX_LINE_BYTES * 2 // 3)


class ScriptedEngine:
    """Each step plays the next entry: outputs, or a function that is called first and returns them."""

    name = "scripted"
    numerics = "none"

    def __init__(self, *script: Sequence[StepOutput] | Callable[[], Sequence[StepOutput]]) -> None:
        self.slots = 4
        self.script = list(script)
        self.detokenizer: Letters = Letters()
        self.admitted: list[str] = []
        self.cancelled: list[str] = []
        self.refused: dict[str, Exception] = {}
        self.delayed: set[str] = set()
        """Have no room now."""
        self.put: Callable[[GatewayMessage], None] = lambda _: None
        """What the gateway sends meanwhile."""

    def load(self, report: Report) -> ModelInfo:
        raise NotImplementedError

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        return True

    def admit(self, request: GenerateRequest) -> Admitted | None:
        if request.id in self.delayed:
            return None
        if request.id in self.refused:
            raise self.refused[request.id]
        self.admitted.append(request.id)
        return Admitted(5, 2, self.detokenizer, (1, 2, 3, 4, 5))

    def step(self) -> Sequence[StepOutput]:
        entry = self.script.pop(0) if self.script else ()
        if not self.script:
            self.put(Shutdown())
        return entry() if callable(entry) else entry

    def cancel(self, request_id: str) -> None:
        self.cancelled.append(request_id)

    def count_tokens(self, source: GenerationInput) -> int:
        if source.prompt == "bad":
            raise RequestError("context_length_exceeded", "too long")
        if source.prompt == "worse":
            raise KeyError("secret")
        return len(source.prompt or "")

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return self.detokenizer.push(token_ids)


def request(request_id: str, **changes: Any) -> GenerateRequest:
    sampling = {"stop": (), "logprobs": None, **changes}
    return GenerateRequest(
        request_id,
        GenerationInput(prompt="x"),
        Sampling(10, 0.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, seed=1, **sampling),
    )


def play(engine: ScriptedEngine, *messages: GatewayMessage | LineError | Prepared) -> list[dict[str, Any]]:
    """Runs the loop over the messages until the script has been played; what it wrote."""
    lines: list[dict[str, Any]] = []

    class Collected(ProtocolStream):
        def send(self, data: bytes) -> None:
            assert data.endswith(b"\n")
            assert all(len(line) < MAX_LINE_BYTES for line in data.split(b"\n"))
            lines.extend(json.loads(line) for line in data.splitlines())

    inbox = Inbox(lambda: None)
    engine.put = inbox.put
    for message in messages:
        inbox.put(message)
    null = os.open(os.devnull, os.O_WRONLY)
    stream = Collected(null)
    embeds = EmbedThread(ModelUnavailableError("There is no embedder."), stream)
    GenerationLoop(engine, inbox, stream, Pulse(), embeds).run()
    os.close(null)
    return [line for line in lines if line.get("code") != "shutting_down"]


def of_kind(lines: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["type"] == kind]
