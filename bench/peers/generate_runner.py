"""transformers' own `generate` over one padded batch."""

import time
from argparse import Namespace
from typing import Any

import torch
from prompt_ids import encode_prompts
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteria, StoppingCriteriaList


class _Clock(StoppingCriteria):
    """Notes when each step was done, and stops after so many of them or at the limit."""

    def __init__(self, tokens: int, limit_s: float) -> None:
        self._began = time.perf_counter()
        self._tokens = tokens
        self._limit_s = limit_s
        self.times: list[float] = []

    def __call__(self, input_ids: torch.LongTensor, scores: object, **_: object) -> torch.BoolTensor:
        passed_s = time.perf_counter() - self._began
        self.times.append(passed_s * 1000)
        is_over = len(self.times) >= self._tokens or passed_s > self._limit_s
        return torch.full((input_ids.shape[0],), is_over, dtype=torch.bool)


class GenerateRunner:
    def __init__(
        self, model: Any, tokenizer: Any, most_tokens: int | None = None, **settings: object
    ) -> None:
        """`most_tokens`, if set, is what every call makes room for, so that all have the same shapes."""
        self._model = model
        self._tokenizer = tokenizer
        self._most_tokens = most_tokens
        self._settings = settings

    def run(self, prompts: list[str], tokens: int, limit_s: float) -> list[list[float]]:
        clock = _Clock(tokens, limit_s)
        rows = encode_prompts(self._tokenizer, prompts)
        batch = self._tokenizer.pad({"input_ids": rows}, padding_side="left", return_tensors="pt")
        with torch.inference_mode():
            output = self._model.generate(
                **batch,
                do_sample=False,
                max_new_tokens=self._most_tokens or tokens,
                stopping_criteria=StoppingCriteriaList([clock]),
                **self._settings,
            )
        end = self._model.config.eos_token_id
        return [clock.times[: _length(row, end)] for row in output[:, batch["input_ids"].shape[1] :].tolist()]


def _length(row: list[int], end: int) -> int:
    return row.index(end) if end in row else len(row)


def create(options: Namespace) -> GenerateRunner:
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=getattr(torch, options.dtype))
    return GenerateRunner(model.eval(), AutoTokenizer.from_pretrained(options.model))
