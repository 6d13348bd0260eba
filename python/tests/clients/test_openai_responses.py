"""OpenAI's own SDK for Python, its responses, against the gateway on the fake engine."""

from collections.abc import Iterator

import pytest
from child_worker import wait_for
from gateway_process import GatewayProcess
from openai import BadRequestError, InternalServerError, NotFoundError, OpenAI

WORDS = " ".join(["alpha beta"] * 6)


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_comes_whole_and_can_be_fetched_and_gone_on_from(client: OpenAI):
    response = client.responses.create(model="fake", input="alpha beta")
    assert response.status == "completed"
    assert response.output_text == WORDS
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (2, 12)
    assert client.responses.retrieve(response.id).output_text == WORDS
    after = client.responses.create(model="fake", input="gamma", previous_response_id=response.id)
    assert after.usage is not None
    assert after.usage.input_tokens == 2 + 12 + 1


def test_streams_the_same_response(client: OpenAI):
    with client.responses.stream(model="fake", input="alpha beta") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert len(deltas) == 12
    assert "".join(deltas) == final.output_text == WORDS


def test_runs_in_the_background_until_it_is_cancelled_and_forgotten(client: OpenAI):
    begun = client.responses.create(model="fake", input="ENDLESS", background=True)
    assert begun.status == "queued"
    wait_for(lambda: client.responses.retrieve(begun.id).status == "in_progress")
    events = client.responses.retrieve(begun.id, stream=True)
    assert next(iter(events)).type == "response.created"
    events.close()
    assert client.responses.cancel(begun.id).status == "cancelled"
    client.responses.delete(begun.id)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(begun.id)


def test_tells_what_it_was_asked_with(client: OpenAI):
    response = client.responses.create(model="fake", input=[{"role": "user", "content": "alpha"}])
    items = client.responses.input_items.list(response.id).data
    assert [item.type for item in items] == ["message"]


def test_raises_what_is_refused_and_what_fails_before_the_first_byte(client: OpenAI):
    with pytest.raises(BadRequestError) as refused:
        client.responses.create(model="fake", input="alpha", truncation="auto")
    assert refused.value.param == "truncation"
    with pytest.raises(InternalServerError):
        client.responses.create(model="fake", input="FAILS-AT-ONCE")


def test_tells_a_failure_after_the_first_byte(client: OpenAI):
    stream = client.responses.create(model="fake", input="FAILS-MIDWAY", stream=True)
    *_, last = stream
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.error.code == "server_error"


def test_leaving_a_stream_cancels_it(client: OpenAI, gateway: GatewayProcess):
    stream = client.responses.create(model="fake", input="ENDLESS leaver", stream=True)
    for event in stream:
        if event.type == "response.output_text.delta":
            break
    stream.close()
    wait_for(lambda: any(line["prompt"] == "ENDLESS leaver" for line in gateway.log()))
    assert gateway.log()[-1]["status"] == "cancelled"
