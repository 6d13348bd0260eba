"""What the fake engine does of a request beside repeating words: token ids, context, tools, constraints."""

import json
from typing import Any

import jsonschema_rs
import pytest
from child_worker import SAMPLING, ChildWorker, Start

from engines.fake_instance import fake_instance
from generation import RequestError

TOOLS = [{"name": "weather", "parameters": {"type": "object"}}]


def ask(worker: ChildWorker, request_id: str, **fields: Any) -> None:
    sampling = {**SAMPLING, **fields.pop("sampling", {})}
    worker.send({"type": "generate", "id": request_id, "sampling": sampling, **fields})


def test_token_ids_are_words_of_their_own_and_read_back(start: Start):
    worker = start({"tokens": 3})
    ask(worker, "a", token_ids=[504, 1009])
    worker.until("done", "a")
    assert worker.answer("a") == "t504 t1009 t504"
    worker.send({"type": "detokenize", "id": "d", "token_ids": [504, 1009]})
    assert worker.until("detokenized", "d")["text"] == "t504 t1009"


def test_the_context_of_one_exchange_stands_before_the_next(start: Start):
    worker = start({"tokens": 2})
    ask(worker, "a", prompt="t7 t8", wants_context=True)
    context = worker.until("done", "a")["context"]
    assert (context[:2], len(context)) == ([7, 8], 4)
    ask(worker, "b", prompt="t9", context_ids=context, wants_context=True)
    assert worker.until("started", "b")["prompt_tokens"] == 5
    assert worker.until("done", "b")["context"][:5] == [*context, 9]


def test_log_probabilities_are_the_same_each_time(start: Start):
    worker = start({"tokens": 4})
    ask(worker, "a", prompt="one two", sampling={"logprobs": 2})
    worker.until("done", "a")
    items = [item for m in worker.messages() if m["type"] == "tokens" for item in m["items"]]
    leading = [["one", -0.25], [" two", -1.25]]
    assert items[0] == ["a", "one", 1, [["one", -0.25, leading]]]
    assert len(items) == 4


def test_cached_tokens_are_those_of_the_plan(start: Start):
    worker = start({"tokens": 1, "cached_tokens": 3})
    ask(worker, "long", prompt="a b c d")
    ask(worker, "short", prompt="a")
    assert worker.until("started", "long")["cached_tokens"] == 3
    assert worker.until("started", "short")["cached_tokens"] == 1


def test_tools_need_a_form_in_the_plan(start: Start):
    messages = [{"role": "user", "content": "Weather?"}]
    worker = start({})
    assert worker.until("ready")["model"]["tool_format"] is None
    ask(worker, "a", messages=messages, tools=TOOLS)
    assert worker.until("error", "a")["code"] == "unsupported_parameter"
    call = '<tool_call>{"name":"weather","arguments":{}}</tool_call>'
    worker = start({"tool_format": "hermes", "rules": [{"match": "Weather", "text": call}]})
    assert worker.until("ready")["model"]["tool_format"] == "hermes"
    ask(worker, "b", messages=messages, tools=TOOLS)
    worker.until("done", "b")
    assert worker.answer("b") == call


def test_a_constraint_is_answered_with_a_value_that_it_allows(start: Start):
    schema = {"type": "object", "required": ["a", "b"], "properties": {"a": {"enum": ["x y"]}, "b": {}}}
    worker = start({})
    ask(worker, "any", prompt="x", sampling={"constraint": {"type": "json_object"}})
    ask(worker, "one", prompt="x", sampling={"constraint": {"type": "json_schema", "schema": schema}})
    worker.until("done", "one")
    assert json.loads(worker.answer("any")) == {}
    assert json.loads(worker.answer("one")) == {"a": "x y", "b": None}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"required": ["a"], "properties": {"a": {"type": "array", "minItems": 2, "items": {"const": 1}}}},
        {"type": "string", "minLength": 3},
        {"type": ["integer", "null"], "minimum": 7},
        {"type": "number", "exclusiveMinimum": 2},
        {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        {"$defs": {"n": {"required": ["v"], "properties": {"v": {"enum": [3]}}}}, "$ref": "#/$defs/n"},
        {"allOf": [{"type": "string"}]},
        {},
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
    ],
    ids=str,
)
def test_an_instance_is_valid(schema: dict[str, Any]):
    jsonschema_rs.validate(schema, fake_instance(schema))


def test_a_schema_without_end_is_refused():
    with pytest.raises(RequestError, match="deeper"):
        fake_instance({"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}})
