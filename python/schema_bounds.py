"""Refuses JSON schemas whose grammar could take for ever to make. Knows no grammar library."""

import json
from collections.abc import Mapping
from typing import Any

from generation import RequestError

MAX_SCHEMA_CHARS = 64 * 1024
"""As JSON; the widest schemas of that size compile in half a second."""
MAX_PATTERNS = 8
"""That one value has to match together: 14 take 30 ms to intersect, 20 take 3 s, 40 never end."""

_ALL = ("allOf",)
_ONE = ("anyOf", "oneOf")


def check_schema(schema: Mapping[str, Any]) -> str:
    """The schema as JSON. Raises RequestError invalid_request or unsupported_parameter."""
    try:
        text = json.dumps(schema, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise RequestError("invalid_request", f"The JSON schema is not JSON: {error}") from error
    if len(text) > MAX_SCHEMA_CHARS:
        raise RequestError(
            "unsupported_parameter", f"The JSON schema is longer than {MAX_SCHEMA_CHARS} characters."
        )
    counter = _PatternCounter(schema)
    if max(map(counter.count, _subschemas(schema)), default=0) > MAX_PATTERNS:
        raise RequestError(
            "unsupported_parameter",
            f"The JSON schema puts more than {MAX_PATTERNS} patterns or formats on one value.",
        )
    return text


class _PatternCounter:
    """How many patterns a value has to match at most, through alternatives and references."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._counts: dict[int, int] = {}

    def count(self, schema: object) -> int:
        if not isinstance(schema, Mapping):
            return 0
        if id(schema) not in self._counts:
            # A reference to itself adds nothing.
            self._counts[id(schema)] = 0
            self._counts[id(schema)] = self._count(schema)
        return self._counts[id(schema)]

    def _count(self, schema: Mapping[str, Any]) -> int:
        own = ("pattern" in schema) + ("format" in schema) + len(_mapping(schema, "patternProperties"))
        every = sum(sum(map(self.count, _list(schema, name))) for name in _ALL)
        one = sum(max(map(self.count, _list(schema, name)), default=0) for name in _ONE)
        return own + every + one + self.count(_resolve(schema.get("$ref"), self._root))


def _subschemas(value: object) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    rest = [value]
    while rest:
        each = rest.pop()
        if isinstance(each, Mapping):
            found.append(each)
            rest += each.values()
        elif isinstance(each, list):
            rest += each
    return found


def _resolve(reference: object, root: Mapping[str, Any]) -> object:
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: object = root
    for name in reference.split("/")[1:]:
        name = name.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = found[int(name)] if name.isdecimal() and int(name) < len(found) else None
        else:
            found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _mapping(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = schema.get(name)
    return value if isinstance(value, Mapping) else {}


def _list(schema: Mapping[str, Any], name: str) -> list[Any]:
    value = schema.get(name)
    return value if isinstance(value, list) else []
