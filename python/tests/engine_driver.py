"""Drives an engine in this process to the end of a request, and interferes with its forward passes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engines.base import StepOutput
from engines.streamer import StreamerEngine
from generation import GenerateRequest

MAX_STEPS = 2000
"""Each waits 50 ms at most, so a request that never ends fails its test."""


def steps(engine: StreamerEngine) -> Iterator[StepOutput]:
    for _ in range(MAX_STEPS):
        for output in engine.step():
            yield output
            if output.finish is not None or output.error is not None:
                return
    raise AssertionError("the request never ended")


def run(engine: StreamerEngine, request: GenerateRequest) -> tuple[list[int], StepOutput]:
    engine.admit(request)
    outputs = list(steps(engine))
    return [token_id for output in outputs for token_id in output.token_ids], outputs[-1]


@contextmanager
def before_forward(engine: StreamerEngine, act: Callable[[int], object]) -> Iterator[None]:
    """Calls `act` with the number of new tokens ahead of each of the model's forward passes."""
    hook = engine._loaded.model.register_forward_pre_hook(
        lambda _model, _args, inputs: act(inputs["input_ids"].shape[-1]), with_kwargs=True
    )
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def logits_of(engine: StreamerEngine, value: float) -> Iterator[None]:
    def poison(_model: object, _args: object, output: object) -> None:
        output.logits.fill_(value)

    hook = engine._loaded.model.register_forward_hook(poison)
    try:
        yield
    finally:
        hook.remove()
