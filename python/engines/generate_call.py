"""One call of transformers' `generate` that can be cancelled within a forward pass, also in the prefill.

Knows no queue, no text and no other call. Token ids go up one by one as they are drawn.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle
from transformers import GenerationConfig, PreTrainedModel
from transformers.generation.logits_process import LogitsProcessor, LogitsProcessorList
from transformers.generation.streamers import BaseStreamer

from cpu_threads import use_threads
from generation import FinishReason
from sampling import Draw, Sampler

CPU_CHUNK_TOKENS = 256
"""Measured on 2 cores: a prompt is read as fast in chunks of 128 to 1024 as in one."""
ACCELERATOR_CHUNK_TOKENS = 2048


def prefill_chunk_tokens(device: torch.device) -> int:
    """How much of a prompt is read at a time: a cancel waits while one layer reads that much."""
    return CPU_CHUNK_TOKENS if device.type == "cpu" else ACCELERATOR_CHUNK_TOKENS


class GenerateCall:
    """Runs once. `emit` is called in the thread of `run` with every token but the end token."""

    def __init__(
        self,
        model: PreTrainedModel,
        prompt_ids: Sequence[int],
        max_tokens: int,
        end_ids: frozenset[int],
        sampler: Sampler,
        emit: Callable[[Draw], None],
    ) -> None:
        self._model = model
        self._prompt_ids = prompt_ids
        self._max_tokens = max_tokens
        self._end_ids = end_ids
        self._sampler = sampler
        self._emit = emit
        self._is_cancelled = False

    def cancel(self) -> None:
        """From any thread, at any time; without effect once `run` has returned."""
        self._is_cancelled = True

    def run(self) -> FinishReason:
        """Blocks until the answer is complete. Raises whatever the model or the sampler raises."""
        device = self._model.device
        input_ids = torch.tensor([self._prompt_ids], device=device)
        drawing = _DrawnToken(self._sampler)
        relay = _Relay(drawing.drawn, self._end_ids, self._emit)
        hooks = self._add_hooks()
        try:
            with torch.inference_mode():
                self._model.generate(
                    input_ids,
                    attention_mask=torch.ones_like(input_ids),
                    generation_config=self._config(),
                    logits_processor=LogitsProcessorList([drawing]),
                    streamer=relay,
                )
        except _CancelledError:
            return "cancelled"
        finally:
            for hook in hooks:
                hook.remove()
        return self._sampler.end_reason if relay.has_ended else "length"

    def _add_hooks(self) -> list[RemovableHandle]:
        # Stopping criteria see drawn tokens only. Leaving in the middle of a pass harms nothing: what a call
        # has computed so far is its own and goes with it.
        lists = [module for module in self._model.modules() if isinstance(module, torch.nn.ModuleList)]
        layers = [layer for modules in lists for layer in modules]
        return [
            self._model.register_forward_pre_hook(self._before_forward, with_kwargs=True),
            *(layer.register_forward_pre_hook(self._raise_if_cancelled) for layer in layers),
        ]

    def _before_forward(self, _model: Any, _args: Any, inputs: dict[str, Any]) -> None:
        self._raise_if_cancelled()
        input_ids = inputs.get("input_ids")
        use_threads(1 if input_ids is None else input_ids.shape[-1])

    def _raise_if_cancelled(self, *_: Any) -> None:
        if self._is_cancelled:
            raise _CancelledError

    def _config(self) -> GenerationConfig:
        chunk_tokens = prefill_chunk_tokens(self._model.device)
        # Models that keep another state than a KV cache (Mamba and its like) cannot be prefilled in chunks.
        chunked = len(self._prompt_ids) > chunk_tokens and self._model._supports_default_dynamic_cache()
        return GenerationConfig(
            max_new_tokens=self._max_tokens,
            do_sample=False,
            use_cache=True,
            eos_token_id=sorted(self._end_ids) or None,
            pad_token_id=min(self._end_ids, default=0),
            prefill_chunk_size=chunk_tokens if chunked else None,
        )


class _CancelledError(Exception):
    pass


class _DrawnToken(LogitsProcessor):
    """Draws with the request's own sampler, and leaves `generate` no other token to choose."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self.drawn: deque[Draw] = deque()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        draw = self._sampler.draw(input_ids, scores)
        self.drawn.append(draw)
        only = torch.full_like(scores, float("-inf"))
        only[:, draw.token_id] = 0
        return only


class _Relay(BaseStreamer):
    """Hands over ids, not text: TextIteratorStreamer withholds text and decodes every token many times."""

    def __init__(self, drawn: deque[Draw], end_ids: frozenset[int], emit: Callable[[Draw], None]) -> None:
        self._drawn = drawn
        self._end_ids = end_ids
        self._emit = emit
        self._has_prompt = False
        self.has_ended = False

    def put(self, value: torch.Tensor) -> None:
        if not self._has_prompt:
            self._has_prompt = True
            return
        draw = self._drawn.popleft()
        if draw.token_id in self._end_ids:
            self.has_ended = True
        else:
            self._emit(draw)

    def end(self) -> None:
        pass
