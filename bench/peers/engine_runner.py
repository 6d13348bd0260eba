"""This product's own engine, stepped directly: no worker protocol, no gateway, no text."""

import sys
import time
from argparse import Namespace
from collections import deque
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "python"))

from engines.base import Engine
from engines.batched_or_streamer import BatchedOrStreamer
from generation import GenerateRequest, GenerationInput, Message, Sampling


class EngineRunner:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids = count()

    def run(self, prompts: list[str], tokens: int, limit_s: float) -> list[list[float]]:
        sampling = Sampling(tokens, 0.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, 0, (), None)
        began = time.perf_counter()
        waiting = deque(
            GenerateRequest(
                str(next(self._ids)), GenerationInput(messages=(Message("user", prompt),)), sampling
            )
            for prompt in prompts
        )
        times: dict[str, list[float]] = {request.id: [] for request in waiting}
        running: set[str] = set()
        is_cut = False
        while running or (waiting and not is_cut):
            while waiting and not is_cut and len(running) < self._engine.slots:
                request = waiting.popleft()
                self._engine.admit(request)
                running.add(request.id)
            outputs = self._engine.step()
            passed_s = time.perf_counter() - began
            for output in outputs:
                if output.error is not None:
                    raise output.error
                times[output.request_id].extend([passed_s * 1000] * len(output.token_ids))
                if output.finish is not None:
                    running.remove(output.request_id)
            if passed_s > limit_s and not is_cut:
                is_cut = True
                for request_id in running:
                    self._engine.cancel(request_id)
        return list(times.values())


def create(options: Namespace) -> EngineRunner:
    engine = BatchedOrStreamer("smollm2-135m-instruct", options.data_dir)
    engine.load(lambda stage, done, total: None)
    return EngineRunner(engine)
