"""Schemas whose patterns would take for ever to intersect are refused, others pass as they are."""

import json
from typing import Any

import pytest

from generation import RequestError
from schema_bounds import MAX_PATTERNS, check_schema

MANY = MAX_PATTERNS + 1
PATTERN = {"type": "string", "pattern": "a"}


def chain(length: int, name: str) -> dict[str, Any]:
    """Each level has a pattern and puts the next one on the same value."""
    schema: dict[str, Any] = {}
    for _ in range(length):
        schema = {**PATTERN, name: [schema]}
    return schema


def references(length: int) -> dict[str, Any]:
    defs = {f"p{i}": {**PATTERN, "$ref": f"#/$defs/p{i + 1}"} for i in range(length)}
    return {"$defs": {**defs, f"p{length}": {}}, "$ref": "#/$defs/p0"}


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [PATTERN] * MANY},
        {"properties": {"deep": {"items": {"allOf": [{"format": "date"}] * MANY}}}},
        {"patternProperties": {f"^{i}": {} for i in range(MANY)}},
        *(chain(MANY, name) for name in ("allOf", "anyOf", "oneOf")),
        references(MANY),
        {"$defs": {"a/b": chain(MANY, "allOf")}, "items": [{"$ref": "#/$defs/a~1b"}]},
    ],
    ids=lambda schema: json.dumps(schema)[:60],
)
def test_too_many_patterns_on_one_value_are_refused(schema: dict[str, Any]):
    with pytest.raises(RequestError, match="patterns") as raised:
        check_schema(schema)
    assert raised.value.code == "unsupported_parameter"


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {f"p{i}": PATTERN for i in range(50)}},
        {"anyOf": [PATTERN] * 50},
        {"allOf": [PATTERN] * MAX_PATTERNS},
        references(MAX_PATTERNS - 1),
        {"$defs": {"node": {**PATTERN, "anyOf": [{"$ref": "#/$defs/node"}, {"$ref": "#"}]}}},
        {"$ref": "#/nowhere/0", "items": [{"$ref": "#/items/7"}, {"$ref": 7}], "pattern": 7, "allOf": 7},
    ],
    ids=lambda schema: json.dumps(schema)[:60],
)
def test_other_schemas_pass_as_json(schema: dict[str, Any]):
    assert json.loads(check_schema(schema)) == schema
