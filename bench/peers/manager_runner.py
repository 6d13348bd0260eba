"""transformers' ContinuousBatchingManager, fed directly."""

import time
from argparse import Namespace
from itertools import count
from typing import Any

import torch
from prompt_ids import encode_prompts
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig


class ManagerRunner:
    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._end = model.config.eos_token_id
        config = GenerationConfig(do_sample=False, eos_token_id=self._end, use_cache=False)
        self._manager = model.init_continuous_batching(generation_config=config)
        self._manager.start()
        self._ids = count()

    def run(self, prompts: list[str], tokens: int, limit_s: float) -> list[list[float]]:
        rows = encode_prompts(self._tokenizer, prompts)
        began = time.perf_counter()
        times: dict[str, list[float]] = {}
        for row in rows:
            name = f"bench-{next(self._ids)}"
            times[name] = []
            self._manager.add_request(row, request_id=name, max_new_tokens=tokens, streaming=True)
        running = set(times)
        while running and time.perf_counter() - began < limit_s:
            output = self._manager.get_result(timeout=0.1)
            if output is None or output.request_id not in running:
                continue
            if output.error is not None:
                raise RuntimeError(output.error)
            produced = [token for token in output.generated_tokens if token != self._end]
            now_ms = (time.perf_counter() - began) * 1000
            known = times[output.request_id]
            known.extend([now_ms] * (len(produced) - len(known)))
            if output.is_finished():
                running.remove(output.request_id)
        for name in running:
            self._manager.cancel_request(name)
        return list(times.values())


def create(options: Namespace) -> ManagerRunner:
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=getattr(torch, options.dtype))
    return ManagerRunner(model.eval(), AutoTokenizer.from_pretrained(options.model))
