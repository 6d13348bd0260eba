"""OpenAI's Python SDK against the built gateway on the fake engine."""

import asyncio
import json
from typing import Any

import openai
import pytest
from child_worker import wait_for
from gateway_process import GatewayProcess, StartGateway
from openai import APIError, AsyncOpenAI, OpenAI
from pydantic import BaseModel

ANSWER = " ".join(["alpha beta"] * 6)
CALL = '<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>'
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
    },
}


@pytest.fixture
def client(gateway: GatewayProcess) -> OpenAI:
    return OpenAI(base_url=f"{gateway.url}/v1", api_key="none")


def said(content: str) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": content}]}


def test_gets_a_whole_answer_with_its_usage(client: OpenAI):
    answer = client.chat.completions.create(**said("alpha beta"))
    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 12)
    assert answer._request_id


def test_streams_the_same_answer_with_its_usage(client: OpenAI):
    stream = client.chat.completions.create(
        **said("alpha beta"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == ANSWER
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 14
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert len({chunk.id for chunk in chunks}) == 1


def test_is_not_troubled_by_heartbeats(start_gateway: StartGateway):
    gateway = start_gateway({"tokens": 3, "prefill_ms": 200}, {"MINIVAULT_HEARTBEAT_INTERVAL_MS": "20"})
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key="none")
    with client.chat.completions.stream(**said("alpha beta")) as stream:
        assert stream.get_final_completion().choices[0].message.content == "alpha beta alpha"


def test_gets_choices_and_log_probabilities_whole_and_streamed(client: OpenAI):
    asked = {**said("alpha beta"), "n": 2, "logprobs": True, "top_logprobs": 2}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion()
    assert [choice.message.content for choice in streamed.choices] == [ANSWER, ANSWER]
    assert [choice.logprobs and choice.logprobs.content for choice in streamed.choices] == [
        choice.logprobs and choice.logprobs.content for choice in whole.choices
    ]


def test_parses_what_it_has_a_model_for(client: OpenAI):
    class Place(BaseModel):
        name: str
        people: int

    answer = client.chat.completions.parse(**said("alpha"), response_format=Place)
    assert isinstance(answer.choices[0].message.parsed, Place)


def test_gets_the_calls_of_tools_whole_and_streamed(start_gateway: StartGateway):
    gateway = start_gateway({"tool_format": "hermes", "rules": [{"match": "ADD", "text": f"So. {CALL}"}]})
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key="none")
    whole = client.chat.completions.create(**said("ADD"), tools=[ADD])
    with client.chat.completions.stream(**said("ADD"), tools=[ADD]) as stream:
        streamed = stream.get_final_completion()
    for answer in (whole, streamed):
        choice = answer.choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content == "So."
        calls = [call.function for call in choice.message.tool_calls or [] if call.type == "function"]
        assert [(call.name, json.loads(call.arguments)) for call in calls] == [("add", {"a": 1, "b": 2})]


def test_completes_texts_and_lists_models(client: OpenAI):
    answer = client.completions.create(model="fake", prompt=["alpha beta", "gamma"], max_tokens=2, echo=True)
    assert [choice.text for choice in answer.choices] == ["alpha betaalpha beta", "gammagamma gamma"]
    stream = client.completions.create(model="fake", prompt="alpha beta", max_tokens=2, stream=True)
    assert "".join(choice.text for chunk in stream for choice in chunk.choices) == "alpha beta"
    assert client.models.retrieve("fake").id == client.models.list().data[0].id == "fake"


@pytest.mark.parametrize(
    ("more", "kind", "code", "param"),
    [
        ({"top_logprobs": 3}, openai.BadRequestError, "invalid_request", "top_logprobs"),
        ({"modalities": ["audio"]}, openai.BadRequestError, "unsupported_parameter", "modalities"),
        ({"model": "gpt-4o"}, openai.NotFoundError, "model_not_found", "model"),
        (said("FAILS-AT-ONCE"), openai.InternalServerError, "worker_error", None),
    ],
)
def test_raises_errors_that_come_before_the_first_byte(
    client: OpenAI, more: dict[str, Any], kind: type[APIError], code: str, param: str | None
):
    with pytest.raises(kind) as raised:
        client.chat.completions.create(**{**said("alpha"), **more})
    assert (raised.value.code, raised.value.param) == (code, param)


def test_raises_an_error_that_comes_after_the_first_byte(client: OpenAI):
    text = ""
    with pytest.raises(APIError) as raised:
        for chunk in client.chat.completions.create(**said("FAILS-MIDWAY"), stream=True):
            text += chunk.choices[0].delta.content or ""
    assert raised.value.code == "worker_error"
    assert text == "FAILS-MIDWAY FAILS-MIDWAY FAILS-MIDWAY"


def test_cancels_what_it_leaves(gateway: GatewayProcess, client: OpenAI):
    before = len(gateway.log())
    with client.chat.completions.create(**said("ENDLESS"), stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    wait_for(lambda: len(gateway.log()) > before)
    assert gateway.log()[-1]["status"] == "cancelled"


def test_the_asynchronous_client_streams_too(gateway: GatewayProcess):
    async def read() -> str:
        async with AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="none") as client:
            stream = await client.chat.completions.create(**said("alpha beta"), stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(read()) == ANSWER
