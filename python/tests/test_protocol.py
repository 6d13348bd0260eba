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
from engines.base import EmbedderInfo, ModelDetails, ModelInfo, Perplexity
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
    for kind in (
        protocol.Loading,
        protocol.Delayed,
        protocol.Started,
        protocol.Error,
        protocol.Tokenized,
        protocol.Detokenized,
        protocol.Embeddings,
        protocol.Heartbeat,
    )
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
        told = fields["model"]
        nested = {"perplexity": Perplexity(**told["perplexity"]), "details": ModelDetails(**told["details"])}
        model = ModelInfo(**{**told, **nested})
        return encode(Ready(**{**fields, "model": model, "embedder": EmbedderInfo(**fields["embedder"])}))
    if kind == "done":
        usage, timings = Usage(**fields["usage"]), Timings(**fields["timings"])
        return encode(Done(**{**fields, "usage": usage, "timings": timings}))
    return encode(KINDS[kind](**fields))


def to_wire(message: protocol.GatewayMessage) -> dict[str, Any]:
    kind = "generate" if isinstance(message, GenerateRequest) else type(message).__name__.lower()
    fields = asdict(message)
    source = fields.pop("input", {})
    source = said(source | {"messages": source.get("messages") and [*map(said, source["messages"])]})
    if kind == "generate":
        fields = said(fields)
        constraint = fields["sampling"]["constraint"]
        if constraint is not None:
            kinds = {"type": "json_schema", **constraint}, {"type": "json_object"}
            fields["sampling"]["constraint"] = kinds[constraint["schema"] is None]
    return json.loads(json.dumps({"type": kind, **fields, **source}))


def said(fields: dict[str, Any]) -> dict[str, Any]:
    """Without the optional fields that were left out."""
    return {name: value for name, value in fields.items() if value not in (None, (), False)}


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
    assert {line["type"] for line in FROM_GATEWAY} == {
        "generate",
        "cancel",
        "tokenize",
        "detokenize",
        "embed",
        "shutdown",
    }


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


def test_protocol_scheduler_decoding_and_the_fake_engine_need_no_model_library():
    code = (
        "import sys, protocol, scheduler, decoding, worker, engines.base, engines.fake;"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'numpy'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PYTHON, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_a_trace_is_its_id_or_nothing():
    assert decode_line(wire(generate(trace="0af7651916cd43dd8448eb211c80319c"))).trace == (
        "0af7651916cd43dd8448eb211c80319c"
    )
    assert decode_line(wire(generate(trace=None))).trace is None
    for wrong in ("", "0" * 31, "0AF7651916CD43DD8448EB211C80319C", "x\n", 7):
        with pytest.raises(LineError, match="32 hexadecimal digits"):
            decode_line(wire(generate(trace=wrong)))
