"""protocol.py against the fixtures that both languages share, and against lines no one should send."""

import json
import math
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import protocol
from engines.base import ModelInfo
from generation import GenerateRequest, GenerationInput, Message
from protocol import (
    MAX_LINE_BYTES,
    Cancel,
    Done,
    EncodeError,
    LineError,
    Ready,
    Shutdown,
    Timings,
    Tokenize,
    Usage,
    decode_line,
    encode,
    encode_tokens,
    error_message,
)

PYTHON = Path(__file__).parents[1]
FIXTURES = [
    json.loads(line)
    for line in (PYTHON.parent / "server/worker/protocol.fixtures.jsonl").read_text("utf-8").splitlines()
]
FROM_GATEWAY = [fixture["line"] for fixture in FIXTURES if fixture["from"] == "gateway"]
FROM_WORKER = [fixture["line"] for fixture in FIXTURES if fixture["from"] == "worker"]
KINDS = {
    kind.__name__.lower(): kind
    for kind in (protocol.Loading, protocol.Started, protocol.Error, protocol.Tokenized, protocol.Heartbeat)
}
SAMPLING = FROM_GATEWAY[0]["sampling"]


def wire(line: Any) -> bytes:
    return (json.dumps(line) + "\n").encode()


def generate(**changes: Any) -> dict[str, Any]:
    return {"type": "generate", "id": "g1", "prompt": "hi", "sampling": SAMPLING, **changes}


def sampled(**changes: Any) -> dict[str, Any]:
    return generate(sampling={**SAMPLING, **changes})


def encoded_again(line: dict[str, Any]) -> bytes:
    kind, fields = line["type"], {name: value for name, value in line.items() if name != "type"}
    if kind == "tokens":
        return encode_tokens(fields["items"])
    if kind == "ready":
        return encode(Ready(**{**fields, "model": ModelInfo(**fields["model"])}))
    if kind == "done":
        usage, timings = Usage(**fields["usage"]), Timings(**fields["timings"])
        return encode(Done(**{**fields, "usage": usage, "timings": timings}))
    return encode(KINDS[kind](**fields))


def to_wire(message: protocol.GatewayMessage) -> dict[str, Any]:
    kind = "generate" if isinstance(message, GenerateRequest) else type(message).__name__.lower()
    fields = asdict(message)
    source = fields.pop("input", {})
    present = {name: value for name, value in source.items() if value is not None}
    return json.loads(json.dumps({"type": kind, **fields, **present}))


@pytest.mark.parametrize("line", FROM_WORKER, ids=lambda line: line["type"])
def test_every_worker_line_of_the_fixtures_is_what_we_write(line: dict[str, Any]):
    written = encoded_again(line)
    assert json.loads(written) == line
    assert written.endswith(b"\n")
    assert written.count(b"\n") == 1


@pytest.mark.parametrize("line", FROM_GATEWAY, ids=lambda line: line["type"])
def test_every_gateway_line_of_the_fixtures_is_understood_whole(line: dict[str, Any]):
    assert to_wire(decode_line(wire(line))) == line


def test_the_fixtures_have_every_kind_of_message():
    assert {line["type"] for line in FROM_WORKER} == {*KINDS, "ready", "tokens", "done"}
    assert {line["type"] for line in FROM_GATEWAY} == {"generate", "cancel", "tokenize", "shutdown"}


def test_the_version_is_the_one_of_the_fixtures():
    assert [line["protocol"] for line in FROM_WORKER if line["type"] == "ready"] == [
        protocol.PROTOCOL_VERSION
    ]


def test_messages_are_decoded_to_values():
    assert decode_line(b'{"type":"cancel","id":"a"}') == Cancel("a")
    assert decode_line(b'{"type":"shutdown"}\n') == Shutdown()
    assert decode_line(wire({"type": "tokenize", "id": "t", "prompt": ""})) == Tokenize(
        "t", GenerationInput(prompt="")
    )
    said = decode_line(generate_bytes := wire(generate()))
    assert isinstance(said, GenerateRequest)
    assert generate_bytes.startswith(b'{"type": "generate", "id": "g1"')
    assert said.input.last_user_text() == "hi"


def test_the_last_user_text_is_the_newest_user_message():
    said = GenerationInput(messages=(Message("user", "a"), Message("assistant", "b"), Message("user", "c")))
    assert said.last_user_text() == "c"
    assert GenerationInput(messages=(Message("system", "s"),)).last_user_text() == ""


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "\ud800", object()])
def test_what_has_no_place_in_json_is_refused(value: Any):
    with pytest.raises(EncodeError):
        encode_tokens([("a", "x", 1, [("x", value, [])])])


def test_a_line_of_more_than_1_mib_is_refused_and_one_of_1_mib_is_not():
    empty = len(encode_tokens([("a", "", 1)]))
    assert len(encode_tokens([("a", "x" * (MAX_LINE_BYTES - empty), 1)])) == MAX_LINE_BYTES
    with pytest.raises(EncodeError):
        encode_tokens([("a", "x" * (MAX_LINE_BYTES - empty + 1), 1)])


def test_text_goes_out_as_utf8_on_one_line():
    line = encode_tokens([("a", "Grüße\r\n\x00\u2028👋", 1)])
    assert "Grüße".encode() in line
    assert line.count(b"\n") == 1
    assert json.loads(line)["items"] == [["a", "Grüße\r\n\x00\u2028👋", 1]]


def test_an_error_message_can_always_be_encoded():
    line = json.loads(encode(error_message("a", "worker_error", "\ud800" + "x" * 2_000_000)))
    assert line["message"].startswith("?xx")
    assert len(line["message"]) == protocol.MAX_ERROR_MESSAGE_CHARS


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
        (generate(prompt=None), "messages, prompt"),
        (generate(messages=[{"role": "user", "content": "x"}]), "messages, prompt"),
        (generate(prompt=None, messages=[]), "messages"),
        (generate(prompt=None, messages="x"), "messages"),
        (generate(prompt=None, messages=[7]), "messages[0]"),
        (generate(prompt=None, messages=[{"role": "tool", "content": "x"}]), "messages[0].role"),
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
        ({"type": "tokenize", "id": "g1"}, "messages, prompt"),
    ],
)
def test_a_bad_field_is_named_to_its_request(line: dict[str, Any], fault: str):
    with pytest.raises(LineError) as caught:
        decode_line(wire(line))
    assert caught.value.request_id == "g1"
    assert caught.value.code == "invalid_request"
    assert caught.value.message.startswith(f"{fault} ")


@pytest.mark.parametrize("name", sorted(SAMPLING))
def test_a_missing_sampling_field_is_refused_except_logprobs(name: str):
    line = wire(generate(sampling={key: value for key, value in SAMPLING.items() if key != name}))
    if name == "logprobs":
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
    assert isinstance(decode_line(wire(sampled(typical_p=0.5) | {"priority": 3})), GenerateRequest)


def test_protocol_scheduler_decoding_and_the_fake_engine_need_no_model_library():
    code = (
        "import sys, protocol, scheduler, decoding, worker, engines.base, engines.fake;"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'numpy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PYTHON, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
