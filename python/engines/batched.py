"""The engine `batched`: all running requests share every step; they join and leave between any two steps.

Knows no text beyond prompts. Loads the model, chooses the step that this machine can run, and leaves the
iteration to batch_loop.py.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cpu_threads import choose_waiting
from engines.base import (
    Admitted,
    ModelInfo,
    Perplexity,
    Report,
    StepOutput,
    answer_room,
)
from engines.batch_settings import BatchSettings, Capacity, choose_capacity, read_batch_settings
from engines.vocabulary import read_vocabulary
from engines.warm_up import warm_up
from fault_log import report_fault
from free_memory import free_memory_bytes
from generation import GenerateRequest, GenerationInput
from loading_progress import report_stage
from models import locate_model

if TYPE_CHECKING:
    from ctypes import CDLL

    from engines.native_step import NativeStep
    from engines.step_model import StepModel
    from model_loading import LoadedModel


class BatchedEngine:
    name = "batched"
    numerics = "none"
    slots = 1

    def __init__(self, model: str, data_dir: str) -> None:
        self._reference = model
        self._data_dir = Path(data_dir)
        self._perplexity: Perplexity | None = None

    def load(self, report: Report) -> ModelInfo:
        """Raises UnsupportedModelError, too, for a model that only `generate` itself can run."""
        settings = read_batch_settings(os.environ)
        choose_waiting()
        place = locate_model(self._reference, self._data_dir, report)
        from model_loading import load_model

        return self.take(load_model(place, report), settings, report)

    def take(self, loaded: "LoadedModel", settings: BatchSettings, report: Report) -> ModelInfo:
        """The second half of `load`, for a model that is in memory already."""
        from engines.batch_loop import BatchLoop
        from engines.kv_blocks import blocks_for

        capacity = self._choose_capacity(loaded, settings)
        blocks = blocks_for(capacity.cache_tokens) + capacity.slots
        with report_stage(report, "preparing the engine"):
            step = self._make_step(loaded, settings, capacity, blocks)
        self.slots = capacity.slots
        self.numerics = step.numerics
        self._text, self._grammars = read_vocabulary(loaded, report)
        self._context_length = loaded.info.context_length
        self._device = loaded.model.device
        self._loop = BatchLoop(step, blocks, loaded.end_ids)
        with report_stage(report, "warming up"):
            warm_up(self, self._reference)
        return replace(
            loaded.info,
            dtype=step.numerics,
            quantization=self._quantization(loaded.info, step),
            perplexity=self._perplexity,
        )

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        return self._grammars.prepare(request.sampling.constraint, when_ready)

    def admit(self, request: GenerateRequest) -> Admitted | None:
        from engines.batch_row import BatchRow

        self._text.check_bias(request.sampling)
        prompt_ids = self._text.encode(request.input)
        room = answer_room(len(prompt_ids), self._context_length, request.sampling.max_tokens)
        rule = self._grammars.rule(request.sampling.constraint, room)
        row = BatchRow(request.id, prompt_ids, room, request.sampling, self._device, rule)
        cached = self._loop.add(row)
        if cached is None:
            return None
        detokenizer = self._text.detokenizer(request.input, prompt_ids)
        return Admitted(len(prompt_ids), cached, detokenizer, prompt_ids)

    def step(self) -> Sequence[StepOutput]:
        return self._loop.step()

    def cancel(self, request_id: str) -> None:
        self._loop.cancel(request_id)

    def count_tokens(self, source: GenerationInput) -> int:
        return len(self._text.encode(source))

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return self._text.decode(token_ids)

    def _choose_capacity(self, loaded: "LoadedModel", settings: BatchSettings) -> Capacity:
        config = loaded.model.config.get_text_config(decoder=True)
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        dimensions = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        token_bytes = 2 * config.num_hidden_layers * heads * dimensions * loaded.model.dtype.itemsize
        free_bytes = free_memory_bytes()
        if loaded.model.device.type == "cuda":
            import torch

            free_bytes = torch.cuda.mem_get_info(loaded.model.device)[0]
        return choose_capacity(settings, loaded.info.context_length, token_bytes, free_bytes)

    def _make_step(
        self, loaded: "LoadedModel", settings: BatchSettings, capacity: Capacity, blocks: int
    ) -> "StepModel":
        import torch

        from engines.native_build import NativeUnavailableError, load_library

        if settings.quantization != "none" and loaded.model.device.type == "cpu":
            from engines.native_step import NativeStep, check_native

            try:
                check_native(loaded.model)
                library = load_library(self._data_dir)
                context = loaded.info.context_length
                step = NativeStep(library, loaded.model, blocks, context, capacity.threads)
                may_refuse = settings.quantization == "auto"
                self._perplexity = self._check_rounding(loaded, step, library, may_refuse=may_refuse)
            except NativeUnavailableError as error:
                remedy = "Answers come slower, through torch."
                report_fault("compiled_step_unavailable", level="warn", message=f"{error}. {remedy}")
            else:
                # torch is left with sampling, too small for two.
                torch.set_num_threads(1)
                return step
        from engines.torch_step import TorchStep

        return TorchStep(loaded.model, blocks, loaded.info.context_length)

    def _check_rounding(
        self, loaded: "LoadedModel", step: "NativeStep", library: "CDLL", *, may_refuse: bool
    ) -> Perplexity:
        from engines.native_build import NativeUnavailableError
        from engines.rounding_check import MOST_LOSS, measure_rounding

        made_of = f"{loaded.info.digest.removeprefix('sha256:')[:16]}-{Path(library._name).stem}"
        measured = measure_rounding(loaded, step, self._data_dir / "native" / f"rounding-{made_of}.json")
        loss = measured.quantized / measured.unquantized - 1
        if may_refuse and not loss <= MOST_LOSS:
            step.close()
            raise NativeUnavailableError(f"rounded to int8, the model's perplexity is {loss:.1%} higher")
        return measured

    def _quantization(self, info: ModelInfo, step: "StepModel") -> str:
        if step.numerics != "int8":
            return info.quantization
        return "int8" if info.quantization == "none" else f"{info.quantization}, int8"
