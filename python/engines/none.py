"""The engine that answers no prompt: another server does, this worker makes vectors alone. Knows no torch."""

from collections.abc import Callable, Sequence

from engines.base import Admitted, ModelInfo, Report, StepOutput
from generation import GenerateRequest, GenerationInput, RequestError


class NoEngine:
    name = "none"
    numerics = "none"
    slots = 1

    def load(self, report: Report) -> ModelInfo:
        report("loading", 1, 1)
        return ModelInfo(
            id="none",
            digest="none",
            architecture="none",
            parameters=0,
            context_length=1,
            dtype="none",
            quantization="none",
            device="none",
            chat_template=False,
        )

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        return True

    def admit(self, request: GenerateRequest) -> Admitted | None:
        raise _refusal()

    def step(self) -> Sequence[StepOutput]:
        return ()

    def cancel(self, request_id: str) -> None:
        pass

    def count_tokens(self, source: GenerationInput) -> int:
        raise _refusal()

    def detokenize(self, token_ids: Sequence[int]) -> str:
        raise _refusal()


def _refusal() -> RequestError:
    return RequestError("model_unavailable", "This worker has no model: it makes vectors alone.")
