"""What the batched engine may use: requests at once, cache, threads, rounding. Chosen here, nowhere else.

Knows no model beyond its sizes. Read from the environment, which the gateway hands down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cpu_threads import count_cores
from engines.base import ModelUnavailableError

Quantization = Literal["none", "int8", "auto"]

_MOST_SLOTS = 32
_SLOTS_PER_CORE = 8
_CACHE_SHARE = 0.25
"""Of the memory that is free now."""
_LONG_REQUEST_TOKENS = 4096
"""A slot is worth having when the cache holds that much for it."""


@dataclass(frozen=True, slots=True)
class BatchSettings:
    quantization: Quantization
    slots: int | None
    threads: int | None


@dataclass(frozen=True, slots=True)
class Capacity:
    slots: int
    cache_tokens: int
    threads: int


def read_batch_settings(environment: Mapping[str, str]) -> BatchSettings:
    """Raises ModelUnavailableError for a value that cannot be used."""
    quantization = environment.get("MINIVAULT_QUANTIZATION") or "auto"
    if quantization not in ("none", "int8", "auto"):
        raise ModelUnavailableError(
            f"MINIVAULT_QUANTIZATION is {quantization!r}; set it to none, int8 or auto."
        )
    return BatchSettings(
        quantization,
        _read_count(environment, "MINIVAULT_SLOTS", 256),
        _read_count(environment, "MINIVAULT_THREADS", 64),
    )


def choose_capacity(
    settings: BatchSettings, context_length: int, token_bytes: int, free_bytes: int
) -> Capacity:
    """`token_bytes` is the cache of one token. At least one request of full context always fits."""
    cores = count_cores()
    affordable = max(context_length, int(free_bytes * _CACHE_SHARE / token_bytes))
    slots = settings.slots or max(
        1, min(_MOST_SLOTS, _SLOTS_PER_CORE * cores, affordable // min(context_length, _LONG_REQUEST_TOKENS))
    )
    return Capacity(slots, min(affordable, slots * context_length), settings.threads or cores)


def _read_count(environment: Mapping[str, str], name: str, most: int) -> int | None:
    text = environment.get(name) or ""
    if text in ("", "auto"):
        return None
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= most:
        raise ModelUnavailableError(f"{name} is {text!r}; set it to a number from 1 to {most}, or to auto.")
    return int(text)
