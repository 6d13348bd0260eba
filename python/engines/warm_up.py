"""An engine's first question, put before any client's. Knows no model."""

from engines.base import Engine, ModelUnavailableError
from generation import GenerateRequest, GenerationInput, Message, RequestError, Sampling
from model_folder import one_line

_SAMPLING = Sampling(2, 1.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, 0, (), None)
_SOURCE = GenerationInput(messages=(Message("user", "Hello"),))


def warm_up(engine: Engine, model: str) -> None:
    """Pays for the first use of template, kernels and threads. The engine runs nothing else.

    Raises ModelUnavailableError for a model that fails at the easiest question.
    """
    try:
        engine.admit(GenerateRequest("warm-up", _SOURCE, _SAMPLING))
    except RequestError:
        return
    while True:
        for output in engine.step():
            if output.error is not None:
                raise ModelUnavailableError(
                    f"{model} was loaded but cannot answer: {one_line(output.error)}."
                    " Set MINIVAULT_MODEL to another model."
                ) from output.error
            if output.finish is not None:
                return
