"""A small value that a JSON schema allows: the fake engine's answer to a constraint. Knows no grammar.

Covers what tests ask for (types, required properties, enum, const, bounds, local references, the first of
several alternatives), not every schema there is.
"""

from collections.abc import Mapping
from typing import Any

from generation import RequestError

_DEPTH = 32


def fake_instance(schema: Mapping[str, Any]) -> Any:
    """The same value each time. Raises RequestError unsupported_parameter for a schema that has no end."""
    return _value(schema, schema, 0)


def _value(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    if depth > _DEPTH:
        raise RequestError("unsupported_parameter", "The schema goes deeper than the fake engine does.")
    if not isinstance(schema, Mapping):
        return None
    if "$ref" in schema:
        return _value(_resolve(schema["$ref"], root), root, depth + 1)
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    if schema.get("enum"):
        return schema["enum"][0]
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            return _value({**_without(schema, name), **schema[name][0]}, root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else None)
    return _of_kind(kind[0] if isinstance(kind, list) else kind, schema, root, depth)


def _of_kind(kind: str | None, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    if kind == "object":
        properties = schema.get("properties", {})
        return {
            name: _value(properties.get(name, {}), root, depth + 1) for name in schema.get("required", ())
        }
    if kind == "array":
        return [_value(schema.get("items", {}), root, depth + 1)] * schema.get("minItems", 0)
    if kind == "string":
        return "a" * schema.get("minLength", 1)
    if kind in ("integer", "number"):
        return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
    return True if kind == "boolean" else None


def _resolve(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for name in reference.removeprefix("#").split("/")[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _without(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}
