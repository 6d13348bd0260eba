"""OpenAI's and Ollama's Python packages, embedding texts, against the built gateway on the fake engine."""

import math

import ollama
import openai
import pytest
from gateway_process import GatewayProcess

MODEL = "all-minilm-l6-v2"
LONG = " ".join(f"w{number}" for number in range(300))


@pytest.fixture(scope="module")
def client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0)


@pytest.fixture(scope="module")
def ollama_client(gateway: GatewayProcess) -> ollama.Client:
    return ollama.Client(host=gateway.url)


def floats(client: openai.OpenAI, texts: list[str]) -> list[list[float]]:
    answer = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
    return [each.embedding for each in answer.data]


def test_base64_which_is_asked_for_by_default_holds_the_same_numbers(client: openai.OpenAI):
    answer = client.embeddings.create(model=MODEL, input=["one", "two words"])
    one, two = (each.embedding for each in answer.data)
    assert [one, two] == [pytest.approx(vector) for vector in floats(client, ["one", "two words"])]
    assert math.hypot(*one) == pytest.approx(1)
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens, answer.model) == (3, 3, MODEL)


def test_one_text_and_token_ids_are_taken(client: openai.OpenAI):
    assert len(client.embeddings.create(model=MODEL, input="one").data) == 1
    assert len(client.embeddings.create(model=MODEL, input=[1, 2]).data) == 1
    assert len(client.embeddings.create(model=MODEL, input=[[1, 2], [3]]).data) == 2


def test_what_was_cut_is_said(client: openai.OpenAI):
    raw = client.embeddings.with_raw_response.create(model=MODEL, input=["one", LONG])
    assert raw.headers["x-truncated-inputs"] == "1"
    assert [each.model_extra for each in raw.parse().data] == [{}, {"truncated": True}]


def test_errors_are_the_package_s_own(client: openai.OpenAI):
    with pytest.raises(openai.BadRequestError) as wrong:
        client.embeddings.create(model=MODEL, input="x", dimensions=3)
    assert wrong.value.param == "dimensions"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="text-embedding-3-small", input="x")
    with pytest.raises(openai.InternalServerError):
        client.embeddings.create(model=MODEL, input="FAILS-AT-ONCE")


def test_ollama_embeds_the_same_in_both_ways(client: openai.OpenAI, ollama_client: ollama.Client):
    one, two = floats(client, ["one", "two words"])
    answer = ollama_client.embed(model=MODEL, input=["one", "two words"], keep_alive=-1)
    assert [list(vector) for vector in answer.embeddings] == [one, two]
    assert answer.prompt_eval_count == 3
    assert list(ollama_client.embeddings(model=MODEL, prompt="one").embedding) == one


def test_ollama_s_errors_are_its_own(ollama_client: ollama.Client):
    with pytest.raises(ollama.ResponseError, match="300 tokens") as wrong:
        ollama_client.embed(model=MODEL, input=LONG, truncate=False)
    assert wrong.value.status_code == 400
    with pytest.raises(ollama.ResponseError, match="not found"):
        ollama_client.embed(model="nomic-embed-text", input="x")
