"""The fields of the gateway's messages and their bounds: wide enough for any use, too narrow for harm.

The gateway has checked what a client may send; this guards the worker against the gateway's own mistakes.
"""

import math
import re
from typing import Any

from generation import Constraint, GenerationInput, Message, Sampling, Tool, ToolCall

MAX_ID_CHARS = 200
MAX_STOP_STRINGS = 64
MAX_STOP_CHARS = 1000
ROLES = ("system", "user", "assistant", "tool")
MAX_TOKEN_IDS = 1_000_000
MAX_EMBED_INPUTS = 256
"""Of one message: its answer must fit a line."""

_MAX_INT = 2**31 - 1
_WHOLE = {
    "max_tokens": (1, _MAX_INT),
    "top_k": (0, _MAX_INT),
    "seed": (0, 2**64 - 1),
    "repetition_window": (0, _MAX_INT),
}
_NUMBERS = {
    "temperature": (0.0, 100.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "typical_p": (0.0, 1.0),
    "repetition_penalty": (0.01, 100.0),
    "presence_penalty": (-100.0, 100.0),
    "frequency_penalty": (-100.0, 100.0),
}
MAX_LOGPROBS = 100
_TRACE = re.compile("[0-9a-f]{32}")


class FieldError(Exception):
    """One field is not what the protocol says; `code` is one of server/errors.ts."""

    def __init__(self, name: str, fault: str, code: str = "invalid_request") -> None:
        super().__init__(f"{name} {fault}.")
        self.code = code


def parse_id(fields: dict[str, Any]) -> str:
    value = _text("id", fields.get("id"))
    if not 1 <= len(value) <= MAX_ID_CHARS:
        raise FieldError("id", f"is not of 1 to {MAX_ID_CHARS} characters")
    return value


def parse_trace(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _TRACE.fullmatch(value):
        raise FieldError("trace", "is not of 32 hexadecimal digits")
    return value


def parse_input(fields: dict[str, Any]) -> GenerationInput:
    messages, prompt, token_ids = (fields.get(name) for name in ("messages", "prompt", "token_ids"))
    if [messages, prompt, token_ids].count(None) != 2:
        raise FieldError("messages, prompt, token_ids", "must be given one without the others")
    if token_ids is not None:
        return GenerationInput(token_ids=parse_token_ids("token_ids", token_ids))
    context_ids = parse_token_ids("context_ids", fields.get("context_ids", []))
    if prompt is not None:
        return GenerationInput(prompt=_text("prompt", prompt), context_ids=context_ids)
    if not isinstance(messages, list) or not messages:
        raise FieldError("messages", "is not a list of at least one message")
    return GenerationInput(
        messages=tuple(_message(index, message) for index, message in enumerate(messages)),
        tools=tuple(_tool(index, tool) for index, tool in enumerate(_list("tools", fields.get("tools", [])))),
        continue_final=parse_flag("continue_final", fields.get("continue_final", False)),
        context_ids=context_ids,
    )


def parse_token_ids(name: str, value: object) -> tuple[int, ...]:
    ids = _list(name, value)
    if len(ids) > MAX_TOKEN_IDS or not all(type(token) is int and 0 <= token <= _MAX_INT for token in ids):
        raise FieldError(name, f"is not a list of at most {MAX_TOKEN_IDS} token ids")
    return tuple(ids)


def parse_embed_inputs(value: object) -> tuple[str | tuple[int, ...], ...]:
    inputs = _list("inputs", value)
    if not 1 <= len(inputs) <= MAX_EMBED_INPUTS:
        raise FieldError("inputs", f"is not of 1 to {MAX_EMBED_INPUTS} texts")
    named = [(f"inputs[{index}]", each) for index, each in enumerate(inputs)]
    return tuple(
        parse_token_ids(name, each) if isinstance(each, list) else _text(name, each) for name, each in named
    )


def parse_flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise FieldError(name, "is not true or false")
    return value


def parse_sampling(value: object) -> Sampling:
    if not isinstance(value, dict):
        raise FieldError("sampling", "is not an object")
    whole = {name: _whole(name, value.get(name), *bounds) for name, bounds in _WHOLE.items()}
    numbers = {name: _number(name, value.get(name), *bounds) for name, bounds in _NUMBERS.items()}
    logprobs = value.get("logprobs")
    if logprobs is not None:
        logprobs = _whole("logprobs", logprobs, 0, MAX_LOGPROBS)
    return Sampling(
        **whole,
        **numbers,
        stop=_stop(value.get("stop")),
        logprobs=logprobs,
        logit_bias=_logit_bias(value.get("logit_bias")),
        constraint=_constraint(value.get("constraint")),
    )


def _message(index: int, value: object) -> Message:
    name = f"messages[{index}]"
    if not isinstance(value, dict):
        raise FieldError(name, "is not an object")
    role = value.get("role")
    if role not in ROLES:
        raise FieldError(f"{name}.role", f"is not one of {', '.join(ROLES)}")
    calls = _list(f"{name}.tool_calls", value.get("tool_calls", []))
    return Message(
        role,
        _text(f"{name}.content", value.get("content")),
        tuple(_tool_call(f"{name}.tool_calls[{number}]", call) for number, call in enumerate(calls)),
        _optional_text(f"{name}.tool_call_id", value.get("tool_call_id")),
        _optional_text(f"{name}.name", value.get("name")),
    )


def _tool_call(name: str, value: object) -> ToolCall:
    call = _object(name, value)
    return ToolCall(*(_text(f"{name}.{key}", call.get(key)) for key in ("id", "name", "arguments")))


def _tool(index: int, value: object) -> Tool:
    name = f"tools[{index}]"
    tool = _object(name, value)
    return Tool(
        _text(f"{name}.name", tool.get("name")),
        _object(f"{name}.parameters", tool.get("parameters")),
        _optional_text(f"{name}.description", tool.get("description")),
    )


def _logit_bias(value: object) -> dict[int, float]:
    name = "logit_bias"
    biases = _object(f"sampling.{name}", value)
    if not all(re.fullmatch(r"\d{1,10}", token) for token in biases):
        raise FieldError(f"sampling.{name}", "has a key that is not a token id")
    return {int(token): _number(name, bias, -100.0, 100.0) for token, bias in biases.items()}


def _constraint(value: object) -> Constraint | None:
    if value is None:
        return None
    fields = _object("sampling.constraint", value)
    if fields.get("type") == "json_object":
        return Constraint()
    if fields.get("type") != "json_schema":
        raise FieldError("sampling.constraint.type", "is not one of json_object, json_schema")
    return Constraint(_object("sampling.constraint.schema", fields.get("schema")))


def _stop(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_STOP_STRINGS:
        raise FieldError("sampling.stop", f"is not a list of at most {MAX_STOP_STRINGS} strings")
    texts = tuple(_text(f"sampling.stop[{index}]", text) for index, text in enumerate(value))
    if not all(1 <= len(text) <= MAX_STOP_CHARS for text in texts):
        raise FieldError("sampling.stop", f"has a string that is not of 1 to {MAX_STOP_CHARS} characters")
    return texts


def _object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FieldError(name, "is not an object")
    return value


def _list(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise FieldError(name, "is not a list")
    return value


def _optional_text(name: str, value: object) -> str | None:
    return None if value is None else _text(name, value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise FieldError(name, "is not a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise FieldError(name, "has half of a surrogate pair", "invalid_unicode") from error
    return value


def _whole(name: str, value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FieldError(f"sampling.{name}", f"is not a whole number from {low} to {high}")
    return value


def _number(name: str, value: object, low: float, high: float) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise FieldError(f"sampling.{name}", "is not a number")
    if not math.isfinite(value) or not low <= value <= high:
        raise FieldError(f"sampling.{name}", f"is not from {low:g} to {high:g}")
    return float(value)
