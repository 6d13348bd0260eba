"""The engine for any causal language model: transformers' `generate`, one request at a time, in a thread.

Knows no text and no stop string. Whatever happens inside `generate` ends the request; none is left waiting.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from cpu_threads import choose_waiting
from engines.base import Admitted, ModelInfo, Report, StepOutput, answer_room
from engines.vocabulary import read_vocabulary
from engines.warm_up import warm_up
from generation import GenerateRequest, GenerationInput
from loading_progress import report_stage
from models import locate_model

if TYPE_CHECKING:
    from engines.generate_call import GenerateCall
    from sampling import Draw

    _NamedCall = tuple[str, GenerateCall]

STEP_WAIT_S = 0.05


class StreamerEngine:
    name = "streamer"
    numerics = "none"
    slots = 1

    def __init__(self, model: str, data_dir: str) -> None:
        self._reference = model
        self._data_dir = Path(data_dir)
        self._running: _NamedCall | None = None
        self._calls: SimpleQueue[_NamedCall] = SimpleQueue()
        self._outputs: SimpleQueue[StepOutput] = SimpleQueue()
        # One thread for all calls: OpenMP keeps a pool of its own for every thread that ever computed.
        self._thread = threading.Thread(target=self._run_calls, name="generate", daemon=True)

    def load(self, report: Report) -> ModelInfo:
        choose_waiting()
        place = locate_model(self._reference, self._data_dir, report)
        from model_loading import load_model

        self._loaded = load_model(place, report)
        self._text, self._grammars = read_vocabulary(self._loaded, report)
        self.numerics = self._loaded.info.dtype
        self._thread.start()
        with report_stage(report, "warming up"):
            warm_up(self, self._reference)
        return self._loaded.info

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        return self._grammars.prepare(request.sampling.constraint, when_ready)

    def admit(self, request: GenerateRequest) -> Admitted:
        from engines.generate_call import GenerateCall
        from sampling import Sampler

        loaded = self._loaded
        self._text.check_bias(request.sampling)
        prompt_ids = self._text.encode(request.input)
        room = answer_room(len(prompt_ids), loaded.info.context_length, request.sampling.max_tokens)
        rule = self._grammars.rule(request.sampling.constraint, room)

        def emit(draw: "Draw") -> None:
            logprobs = None if draw.logprob is None else (draw.logprob,)
            self._outputs.put(StepOutput(request.id, (draw.token_id,), logprobs))

        sampler = Sampler(request.sampling, loaded.model.device, rule)
        call = GenerateCall(loaded.model, prompt_ids, room, loaded.end_ids, sampler, emit)
        self._running = (request.id, call)
        self._calls.put(self._running)
        return Admitted(len(prompt_ids), 0, self._text.detokenizer(request.input, prompt_ids), prompt_ids)

    def step(self) -> Sequence[StepOutput]:
        try:
            outputs = [self._outputs.get(timeout=STEP_WAIT_S)]
        except Empty:
            if not self._thread.is_alive():
                raise RuntimeError("The thread that generates has ended.") from None
            return ()
        while not self._outputs.empty():
            outputs.append(self._outputs.get())
        if outputs[-1].finish is not None or outputs[-1].error is not None:
            self._running = None
        return outputs

    def cancel(self, request_id: str) -> None:
        if self._running is not None and self._running[0] == request_id:
            self._running[1].cancel()

    def count_tokens(self, source: GenerationInput) -> int:
        return len(self._text.encode(source))

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return self._text.decode(token_ids)

    def _run_calls(self) -> None:
        while True:
            request_id, call = self._calls.get()
            try:
                last = StepOutput(request_id, finish=call.run())
            except Exception as error:  # noqa: BLE001 -- it is that request's end, and no other's
                last = StepOutput(request_id, error=error)
            self._outputs.put(last)
