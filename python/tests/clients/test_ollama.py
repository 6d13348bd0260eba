"""Ollama's own Python client against the gateway on the fake engine."""

import threading

import ollama
import pytest
from child_worker import wait_for
from gateway_process import GatewayProcess, StartGateway

WORDS = ["alpha", " beta", " alpha", " beta"]


@pytest.fixture
def client(gateway: GatewayProcess) -> ollama.Client:
    return ollama.Client(host=gateway.url)


def say(content: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": content}]


OPTIONS = {"num_predict": 4}


def test_whole_answers_have_their_figures(client: ollama.Client):
    generated = client.generate("fake", "alpha beta", options=OPTIONS)
    assert generated.response == "".join(WORDS)
    assert (generated.prompt_eval_count, generated.eval_count, generated.done_reason) == (2, 4, "length")
    assert generated.total_duration > 0
    assert len(generated.context) == 6
    said = client.chat("fake", say("alpha beta"), options=OPTIONS)
    assert (said.message.role, said.message.content) == ("assistant", "".join(WORDS))


def test_streams_are_the_same_answers(client: ollama.Client):
    parts = list(client.generate("fake", "alpha beta", options=OPTIONS, stream=True))
    assert [part.response for part in parts] == [*WORDS, ""]
    assert parts[-1].done_reason == "length"
    said = list(client.chat("fake", say("alpha beta"), options=OPTIONS, stream=True))
    assert "".join(part.message.content for part in said) == "".join(WORDS)
    assert [part.done for part in said] == [False] * 4 + [True]


def test_errors_before_the_first_byte_have_their_status(client: ollama.Client):
    for name, content, status, message in (
        ("llama3", "hi", 404, 'model "llama3" not found'),
        ("fake", "FAILS-AT-ONCE", 500, "The model failed"),
    ):
        with pytest.raises(ollama.ResponseError, match=message) as caught:
            client.chat(name, say(content))
        assert caught.value.status_code == status


def test_errors_after_the_first_byte_are_raised(client: ollama.Client):
    heard = []
    with pytest.raises(ollama.ResponseError, match="The model failed"):
        heard.extend(
            part.message.content for part in client.chat("fake", say("FAILS-MIDWAY now"), stream=True)
        )
    assert "".join(heard) == "FAILS-MIDWAY now FAILS-MIDWAY"


def test_a_client_that_stops_reading_cancels(gateway: GatewayProcess, client: ollama.Client):
    stream = client.chat("fake", say("ENDLESS"), stream=True)
    next(stream)
    stream.close()
    wait_for(lambda: any(line["status"] == "cancelled" for line in gateway.log()))


def test_questions_about_models(client: ollama.Client):
    assert client.list().models[0].model == "fake:latest"
    assert client.generate("fake", "").done_reason == "load"
    running = client.ps().models[0]
    assert (running.model, running.context_length) == ("fake:latest", 8192)
    assert running.expires_at.year > 2100
    assert client.show("fake").capabilities == ["completion"]
    assert client.pull("fake").status == "success"
    assert [part.status for part in client.pull("fake", stream=True)] == ["pulling manifest", "success"]
    with pytest.raises(ollama.ResponseError, match="MINIVAULT_MODEL") as caught:
        client.delete("fake")
    assert caught.value.status_code == 400


def test_tools_are_called(start_gateway: StartGateway):
    call = '<tool_call>{"name":"add","arguments":{"a":1,"b":2}}</tool_call>'
    gateway = start_gateway({"tool_format": "hermes", "rules": [{"match": "ADD", "text": call}]})

    def add(a: int, b: int) -> int:
        """The sum.

        Args:
            a: one
            b: the other
        """
        return a + b

    answer = ollama.Client(host=gateway.url).chat("fake", say("ADD"), tools=[add])
    (called,) = answer.message.tool_calls
    assert add(**called.function.arguments) == 3


def test_the_model_leaves_memory_and_comes_back(start_gateway: StartGateway):
    client = ollama.Client(host=start_gateway({"tokens": 2}).url)
    assert client.generate("fake", "", keep_alive=0).done_reason == "unload"
    assert client.ps().models == []
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.generate("fake", "alpha").response))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["alpha alpha"] * 4
    assert client.chat("fake", []).done_reason == "load"
