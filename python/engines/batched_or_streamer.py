"""The batched engine where it can hold the model, else `generate`, one request at a time; said in the log.

Knows no request: whoever was chosen answers.
"""

from collections.abc import Callable, Sequence

from engines.base import Admitted, Engine, ModelInfo, Report, StepOutput
from engines.batched import BatchedEngine
from engines.step_model import UnsupportedModelError
from engines.streamer import StreamerEngine
from fault_log import report_fault
from generation import GenerateRequest, GenerationInput


class BatchedOrStreamer:
    def __init__(self, model: str, data_dir: str) -> None:
        self._model = model
        self._data_dir = data_dir
        self._chosen: Engine = BatchedEngine(model, data_dir)

    @property
    def name(self) -> str:
        return self._chosen.name

    @property
    def numerics(self) -> str:
        return self._chosen.numerics

    @property
    def slots(self) -> int:
        return self._chosen.slots

    def load(self, report: Report) -> ModelInfo:
        try:
            return self._chosen.load(report)
        except UnsupportedModelError as error:
            message = f"{self._model} runs one request at a time: {error}."
            report_fault("batching_unavailable", level="warn", message=message)
        self._chosen = StreamerEngine(self._model, self._data_dir)
        return self._chosen.load(report)

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        return self._chosen.prepare(request, when_ready)

    def admit(self, request: GenerateRequest) -> Admitted | None:
        return self._chosen.admit(request)

    def step(self) -> Sequence[StepOutput]:
        return self._chosen.step()

    def cancel(self, request_id: str) -> None:
        self._chosen.cancel(request_id)

    def count_tokens(self, source: GenerationInput) -> int:
        return self._chosen.count_tokens(source)

    def detokenize(self, token_ids: Sequence[int]) -> str:
        return self._chosen.detokenize(token_ids)
