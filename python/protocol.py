"""The worker protocol, version 1: messages out become lines, lines in become messages.

Owns the schemas; knows no descriptor, no thread and no engine. server/worker/protocol.ts is the other side,
protocol.fixtures.jsonl the examples that both are tested with.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engines.base import EmbedderInfo, ModelInfo
from generation import FinishReason, GenerateRequest, GenerationInput
from protocol_fields import (
    FieldError,
    parse_embed_inputs,
    parse_flag,
    parse_id,
    parse_input,
    parse_sampling,
    parse_token_ids,
    parse_trace,
)

PROTOCOL_VERSION = 1
MAX_LINE_BYTES = 1024 * 1024
"""Of a line with its newline, either way."""

MAX_ERROR_MESSAGE_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Loading:
    stage: str
    done: float
    total: float


@dataclass(frozen=True, slots=True)
class Ready:
    protocol: int
    model: ModelInfo
    engine: str
    slots: int
    embedder: EmbedderInfo | None = None


@dataclass(frozen=True, slots=True)
class Delayed:
    """These wait for room in the model's cache; said at once and then every second while they do."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    id: str
    prompt_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds: line read to admitted, admitted to first token, first token to the end."""

    queue: float
    prefill: float
    decode: float


@dataclass(frozen=True, slots=True)
class Done:
    id: str
    reason: FinishReason
    stop_sequence: str | None
    usage: Usage
    timings: Timings
    numerics: str
    context: tuple[int, ...] | None = None
    """Ids of prompt and answer; left out on the wire unless the request wanted them."""


@dataclass(frozen=True, slots=True)
class Error:
    """`id` None: the worker itself cannot go on."""

    id: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Tokenized:
    id: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Detokenized:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Embeddings:
    id: str
    vectors: str
    """All vectors one after the other, little-endian float32, in base64."""
    dimensions: int
    tokens: tuple[int, ...]
    """Of each text, after it was cut."""
    truncated: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    step: int
    running: int
    rss_bytes: int


WorkerMessage = (
    Loading | Ready | Delayed | Started | Done | Error | Tokenized | Detokenized | Embeddings | Heartbeat
)

TokenItem = tuple[Any, ...]
"""(id, text, token count) or (id, text, token count, logprobs)."""


@dataclass(frozen=True, slots=True)
class Cancel:
    id: str


@dataclass(frozen=True, slots=True)
class Tokenize:
    id: str
    input: GenerationInput


@dataclass(frozen=True, slots=True)
class Detokenize:
    id: str
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Embed:
    """Each input is a text, or ids of the embedder's own tokenizer."""

    id: str
    inputs: tuple[str | tuple[int, ...], ...]
    truncate: bool
    """False refuses a text that is too long instead of cutting it."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    pass


GatewayMessage = GenerateRequest | Cancel | Tokenize | Detokenize | Embed | Shutdown


class EncodeError(Exception):
    """A value that has no place on the wire: NaN, an infinity, a lone surrogate, too much of it."""


class LineError(Exception):
    """A line that is not protocol. `request_id` is set when the request it belongs to can be told."""

    def __init__(self, request_id: str | None, code: str, message: str) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.code = code
        self.message = message


_encode_json = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode


def encode(message: WorkerMessage) -> bytes:
    """The message as one line. Raises EncodeError."""
    fields = asdict(message)
    if isinstance(message, Done) and message.context is None:
        del fields["context"]
    return _encode_line({"type": type(message).__name__.lower(), **fields})


def encode_tokens(items: Sequence[TokenItem]) -> bytes:
    """One `tokens` line for all requests of a step. Raises EncodeError."""
    return _encode_line({"type": "tokens", "items": items})


def error_message(request_id: str | None, code: str, message: str) -> Error:
    """An Error that can always be encoded: surrogates replaced, cut to a length fit for a client."""
    clean = message[:MAX_ERROR_MESSAGE_CHARS].encode("utf-8", "replace").decode()
    return Error(request_id, code, clean)


def _encode_line(fields: dict[str, Any]) -> bytes:
    try:
        line = (_encode_json(fields) + "\n").encode()
    except (ValueError, TypeError) as error:
        raise EncodeError(str(error)) from error
    if len(line) > MAX_LINE_BYTES:
        raise EncodeError(f"A line of {len(line)} bytes; the protocol allows {MAX_LINE_BYTES}.")
    return line


# The gateway writes type and id first, so a line that is broken further on can still be answered.
_LINE_START = re.compile(
    rb'\s*\{\s*"type"\s*:\s*"(?:generate|tokenize|detokenize|embed)"\s*,\s*"id"\s*:\s*"([^"\\]{1,200})"'
)
_LONGEST_NUMBER = 25
ANSWERED = ("generate", "tokenize", "detokenize", "embed")


def decode_line(line: bytes) -> GatewayMessage:
    """The message of one line. Raises LineError, whatever the line holds."""
    if len(line) > MAX_LINE_BYTES:
        raise _broken_line(line, f"The line is longer than {MAX_LINE_BYTES} bytes.")
    try:
        fields = _decode_json(line.decode())
    except (ValueError, RecursionError) as error:
        raise _broken_line(line, f"The line is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise LineError(None, "invalid_request", "The line is not a JSON object.")
    kind = fields.get("type")
    try:
        request_id = None if kind == "shutdown" else parse_id(fields)
    except FieldError as error:
        raise LineError(None, error.code, str(error)) from error
    try:
        return _to_message(kind, request_id, fields)
    except FieldError as error:
        # Only these have an answer of their own; an error to any other line would end the request it names.
        answered = request_id if kind in ANSWERED else None
        raise LineError(answered, error.code, str(error)) from error


def _to_message(kind: object, request_id: str | None, fields: dict[str, Any]) -> GatewayMessage:
    if kind == "shutdown" or request_id is None:
        return Shutdown()
    if kind == "cancel":
        return Cancel(request_id)
    if kind == "tokenize":
        return Tokenize(request_id, parse_input(fields))
    if kind == "detokenize":
        return Detokenize(request_id, parse_token_ids("token_ids", fields.get("token_ids")))
    if kind == "embed":
        truncate = parse_flag("truncate", fields.get("truncate"))
        return Embed(request_id, parse_embed_inputs(fields.get("inputs")), truncate)
    if kind == "generate":
        sampling = parse_sampling(fields.get("sampling"))
        wants_context = parse_flag("wants_context", fields.get("wants_context", False))
        trace = parse_trace(fields.get("trace"))
        return GenerateRequest(request_id, parse_input(fields), sampling, wants_context, trace)
    raise FieldError("type", f"is not one of {', '.join((*ANSWERED, 'cancel', 'shutdown'))}")


def _parse_int(digits: str) -> float:
    """Over 4,300 digits Python refuses the whole line; an infinity fails the bounds of its field alone."""
    return int(digits) if len(digits) <= _LONGEST_NUMBER else math.inf


_decode_json = json.JSONDecoder(parse_int=_parse_int).decode


def _broken_line(line: bytes, message: str) -> LineError:
    start = _LINE_START.match(line[:1000])
    request_id = start.group(1).decode("utf-8", "replace") if start else None
    return LineError(request_id, "invalid_request", message)
