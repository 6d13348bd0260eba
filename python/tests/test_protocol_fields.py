"""Lines of the gateway that are wrong: each is refused by the field's name, to the request it belongs to."""

import json
import math
from typing import Any

import pytest
from test_protocol import SAMPLING, generate, sampled, wire

from generation import GenerateRequest
from protocol import MAX_LINE_BYTES, LineError, decode_line


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"nonsense",
        b"null",
        b"[1]",
        b"7",
        b'"generate"',
        b"{}",
        b'{"type":"generate"}',
        b'{"type":"generate","id":7}',
        b'{"type":"generate","id":""}',
        b'{"type":"generate","id":"\\ud800","prompt":"x"}',
        b'{"id":"a"}',
        b'{"type":"nope","id":"a"}',
        b'{"type":["generate"],"id":"a"}',
        b'{"type":"cancel"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=range(18),
)
def test_a_line_without_a_request_to_answer_is_refused_without_one(line: bytes):
    with pytest.raises(LineError) as caught:
        decode_line(line)
    assert caught.value.request_id is None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (generate(sampling=None), "sampling"),
        (generate(sampling=[]), "sampling"),
        (generate(prompt=None), "messages, prompt, token_ids"),
        (generate(messages=[{"role": "user", "content": "x"}]), "messages, prompt, token_ids"),
        (generate(prompt=None, messages=[]), "messages"),
        (generate(prompt=None, messages="x"), "messages"),
        (generate(prompt=None, messages=[7]), "messages[0]"),
        (generate(prompt=None, messages=[{"role": "robot", "content": "x"}]), "messages[0].role"),
        (generate(prompt=None, messages=[{"role": {}, "content": "x"}]), "messages[0].role"),
        (generate(prompt=None, messages=[{"role": "user", "content": None}]), "messages[0].content"),
        (generate(prompt=5), "prompt"),
        (sampled(max_tokens=0), "sampling.max_tokens"),
        (sampled(max_tokens=-1), "sampling.max_tokens"),
        (sampled(max_tokens=1.5), "sampling.max_tokens"),
        (sampled(max_tokens=True), "sampling.max_tokens"),
        (sampled(seed=2**64), "sampling.seed"),
        (sampled(seed=-1), "sampling.seed"),
        (sampled(temperature=-0.1), "sampling.temperature"),
        (sampled(temperature=math.nan), "sampling.temperature"),
        (sampled(temperature=math.inf), "sampling.temperature"),
        (sampled(temperature="hot"), "sampling.temperature"),
        (sampled(top_p=1.1), "sampling.top_p"),
        (sampled(repetition_penalty=0), "sampling.repetition_penalty"),
        (sampled(stop=None), "sampling.stop"),
        (sampled(stop=[""]), "sampling.stop"),
        (sampled(stop=["x" * 1001]), "sampling.stop"),
        (sampled(stop=["x"] * 65), "sampling.stop"),
        (sampled(stop=[7]), "sampling.stop[0]"),
        (sampled(logprobs=101), "sampling.logprobs"),
        (sampled(logprobs=False), "sampling.logprobs"),
        ({"type": "tokenize", "id": "g1"}, "messages, prompt, token_ids"),
        (generate(prompt=None, token_ids=[1, -1]), "token_ids"),
        (generate(prompt=None, token_ids=[True]), "token_ids"),
        (generate(token_ids=[1]), "messages, prompt, token_ids"),
        (generate(context_ids="1"), "context_ids"),
        (generate(wants_context=1), "wants_context"),
        (sampled(typical_p=2), "sampling.typical_p"),
        (sampled(repetition_window=-1), "sampling.repetition_window"),
        (sampled(logit_bias={"1": 101}), "sampling.logit_bias"),
        (sampled(logit_bias={"one": 1}), "sampling.logit_bias"),
        (sampled(logit_bias=None), "sampling.logit_bias"),
        (sampled(constraint={"type": "regex"}), "sampling.constraint.type"),
        (sampled(constraint={"type": "json_schema"}), "sampling.constraint.schema"),
        ({"type": "detokenize", "id": "g1", "token_ids": None}, "token_ids"),
        ({"type": "embed", "id": "g1", "inputs": [], "truncate": True}, "inputs"),
        ({"type": "embed", "id": "g1", "inputs": [5], "truncate": True}, "inputs[0]"),
        ({"type": "embed", "id": "g1", "inputs": ["a"]}, "truncate"),
    ],
)
def test_a_bad_field_is_named_to_its_request(line: dict[str, Any], fault: str):
    with pytest.raises(LineError) as caught:
        decode_line(wire(line))
    assert caught.value.request_id == "g1"
    assert caught.value.code == "invalid_request"
    assert caught.value.message.startswith(f"{fault} ")


@pytest.mark.parametrize("name", sorted(SAMPLING))
def test_a_missing_sampling_field_is_refused_unless_it_may_be_none(name: str):
    line = wire(generate(sampling={key: value for key, value in SAMPLING.items() if key != name}))
    if name in ("logprobs", "constraint"):
        assert isinstance(decode_line(line), GenerateRequest)
    else:
        with pytest.raises(LineError):
            decode_line(line)


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "1e400", "-1e400", "NaN", "Infinity"])
@pytest.mark.parametrize("name", ["seed", "temperature"])
def test_numbers_beyond_every_bound_fail_their_request_only(name: str, number: str):
    text = json.dumps(sampled(**{name: "HERE"})).replace('"HERE"', number)
    with pytest.raises(LineError) as caught:
        decode_line(text.encode())
    assert (caught.value.request_id, caught.value.code) == ("g1", "invalid_request")


@pytest.mark.parametrize(
    "rest",
    [b"[" * 100_000 + b"]" * 100_000 + b"}", b'"torn', b'"\xff"}', b'"' + b"x" * MAX_LINE_BYTES + b'"}'],
    ids=["deep", "torn", "not UTF-8", "too long"],
)
def test_a_line_that_breaks_after_its_id_is_still_answered(rest: bytes):
    with pytest.raises(LineError) as caught:
        decode_line(b'{"type":"generate","id":"g1","prompt":' + rest)
    assert caught.value.request_id == "g1"


@pytest.mark.parametrize(
    "line",
    [
        generate(prompt="\ud800"),
        generate(prompt=None, messages=[{"role": "user", "content": "a\udfff"}]),
        sampled(stop=["\ud83d"]),
    ],
)
def test_half_a_surrogate_pair_is_invalid_unicode(line: dict[str, Any]):
    with pytest.raises(LineError) as caught:
        decode_line(wire(line))
    assert (caught.value.request_id, caught.value.code) == ("g1", "invalid_unicode")


def test_unknown_fields_of_a_newer_gateway_are_ignored():
    assert isinstance(decode_line(wire(sampled(mirostat=2) | {"priority": 3})), GenerateRequest)
