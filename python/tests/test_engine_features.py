"""What a request can ask for beside text, through both engines with models made on disk."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jsonschema_rs
import pytest
import test_tool_calling
import tiny_models
from test_sampling import GREEDY, PLAIN

from decoding import AnswerText
from engines.base import Engine, StepOutput
from engines.batched import BatchedEngine
from engines.streamer import StreamerEngine
from generation import Constraint, GenerateRequest, GenerationInput, Message, RequestError, Sampling

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "tags"],
}
PROMPT = GenerationInput(prompt="What is it?")


@pytest.fixture(scope="module", params=[BatchedEngine, StreamerEngine], ids=["batched", "streamer"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("model")
    template = test_tool_calling.HERMES_TEMPLATE
    loaded: Engine = request.param(str(tiny_models.make_llama(folder / "llama", template)), str(folder))
    info = loaded.load(lambda stage, done, total: None)
    assert info.tool_format == "hermes"
    return loaded


def answer(engine: Engine, source: GenerationInput, sampling: Sampling) -> tuple[str, StepOutput]:
    request = GenerateRequest("a", source, sampling)
    is_ready = threading.Event()
    assert engine.prepare(request, is_ready.set) or is_ready.wait(15)
    admitted = engine.admit(request)
    assert admitted is not None
    text = AnswerText(admitted.detokenizer)
    pieces: list[str] = []
    while True:
        for output in engine.step():
            piece = text.push(output.token_ids) if output.token_ids else None
            pieces += [piece[0]] if piece else []
            if output.finish is not None or output.error is not None:
                rest = text.finish()
                return "".join(pieces) + (rest[0] if rest else ""), output


@pytest.mark.parametrize("sampling", [GREEDY, PLAIN, replace(PLAIN, top_p=0.9, logprobs=1)], ids=str)
def test_an_answer_under_a_schema_is_whole_at_every_limit(engine: Engine, sampling: Sampling):
    for max_tokens in (40, 90, 200):
        limited = replace(sampling, max_tokens=max_tokens, constraint=Constraint(SCHEMA))
        text, last = answer(engine, PROMPT, limited)
        jsonschema_rs.validate(SCHEMA, json.loads(text))
        assert last.finish in ("stop", "length")


def test_a_schema_that_cannot_be_held_fails_its_request_before_it_starts(engine: Engine):
    with pytest.raises(RequestError, match="uniqueItems"):
        answer(engine, PROMPT, replace(GREEDY, constraint=Constraint({"uniqueItems": True})))
    assert answer(engine, PROMPT, GREEDY)[1].finish is not None


def test_a_biased_token_is_all_that_is_said_and_a_foreign_one_is_refused(engine: Engine):
    text, _ = answer(engine, PROMPT, replace(GREEDY, max_tokens=5, logit_bias={ord("A") - 33: 100.0}))
    assert text == "A" * 5
    with pytest.raises(RequestError, match="logit_bias"):
        answer(engine, PROMPT, replace(GREEDY, logit_bias={100_000: 1.0}))


def test_token_ids_are_answered_as_the_same_text_is(engine: Engine):
    ids = tuple(tiny_models.byte_tokenizer().encode("What is it?"))
    assert engine.detokenize(ids) == "What is it?"
    assert answer(engine, GenerationInput(token_ids=ids), GREEDY) == answer(engine, PROMPT, GREEDY)


def refuse_ids(engine: Engine) -> Any:
    return engine.admit(GenerateRequest("a", GenerationInput(token_ids=(100_000,)), GREEDY))


def refuse_text(engine: Engine) -> Any:
    return engine.detokenize([100_000])


@pytest.mark.parametrize("ask", [refuse_ids, refuse_text])
def test_ids_that_the_model_lacks_are_refused(engine: Engine, ask: Callable[[Engine], Any]):
    with pytest.raises(RequestError) as raised:
        ask(engine)
    assert raised.value.code == "invalid_request"


def test_a_begun_answer_and_its_context_are_counted_as_they_are_read(engine: Engine):
    messages = (Message("user", "Why?"), Message("assistant", "So"))
    source = GenerationInput(messages, continue_final=True, context_ids=(1, 2, 3))
    admitted = engine.admit(GenerateRequest("a", source, replace(GREEDY, max_tokens=1)))
    assert admitted is not None
    assert admitted.prompt_tokens == len(admitted.prompt_ids) == engine.count_tokens(source)
    assert list(admitted.prompt_ids[:3]) == [1, 2, 3]
    while not any(output.finish for output in engine.step()):
        pass
