"""The fields of the gateway's messages and their bounds: wide enough for any use, too narrow for harm.

The gateway has checked what a client may send; this guards the worker against the gateway's own mistakes.
"""

import math
from typing import Any

from generation import GenerationInput, Message, Sampling

MAX_ID_CHARS = 200
MAX_STOP_STRINGS = 64
MAX_STOP_CHARS = 1000
ROLES = ("system", "user", "assistant")

_MAX_INT = 2**31 - 1
_WHOLE = {
    "max_tokens": (1, _MAX_INT),
    "top_k": (0, _MAX_INT),
    "seed": (0, 2**64 - 1),
}
_NUMBERS = {
    "temperature": (0.0, 100.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.01, 100.0),
    "presence_penalty": (-100.0, 100.0),
    "frequency_penalty": (-100.0, 100.0),
}
MAX_LOGPROBS = 100


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


def parse_input(fields: dict[str, Any]) -> GenerationInput:
    messages, prompt = fields.get("messages"), fields.get("prompt")
    if (messages is None) == (prompt is None):
        raise FieldError("messages, prompt", "must be given one without the other")
    if prompt is not None:
        return GenerationInput(prompt=_text("prompt", prompt))
    if not isinstance(messages, list) or not messages:
        raise FieldError("messages", "is not a list of at least one message")
    return GenerationInput(messages=tuple(_message(index, message) for index, message in enumerate(messages)))


def parse_sampling(value: object) -> Sampling:
    if not isinstance(value, dict):
        raise FieldError("sampling", "is not an object")
    whole = {name: _whole(name, value.get(name), *bounds) for name, bounds in _WHOLE.items()}
    numbers = {name: _number(name, value.get(name), *bounds) for name, bounds in _NUMBERS.items()}
    logprobs = value.get("logprobs")
    if logprobs is not None:
        logprobs = _whole("logprobs", logprobs, 0, MAX_LOGPROBS)
    return Sampling(**whole, **numbers, stop=_stop(value.get("stop")), logprobs=logprobs)


def _message(index: int, value: object) -> Message:
    name = f"messages[{index}]"
    if not isinstance(value, dict):
        raise FieldError(name, "is not an object")
    role = value.get("role")
    if role not in ROLES:
        raise FieldError(f"{name}.role", f"is not one of {', '.join(ROLES)}")
    return Message(role, _text(f"{name}.content", value.get("content")))


def _stop(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_STOP_STRINGS:
        raise FieldError("sampling.stop", f"is not a list of at most {MAX_STOP_STRINGS} strings")
    texts = tuple(_text(f"sampling.stop[{index}]", text) for index, text in enumerate(value))
    if not all(1 <= len(text) <= MAX_STOP_CHARS for text in texts):
        raise FieldError("sampling.stop", f"has a string that is not of 1 to {MAX_STOP_CHARS} characters")
    return texts


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
