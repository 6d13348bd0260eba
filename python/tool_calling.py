"""How a chat template has tools called: the forms that the gateway can read; tools as templates take them.

Knows no tokenizer and no request's course; server/generation reads the calls out of the answer's text.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generation import Message, RequestError, Tool

MARKUP = {
    "hermes": ("<tool_call>", "</tool_call>"),
    "llama3": ("<|python_tag|>",),
    "mistral": ("[TOOL_CALLS]",),
}
"""What stands around calls, by form; some tokenizers have it as control tokens."""


def detect_tool_format(template: str | None) -> str | None:
    """A key of MARKUP; None for a template without tools, or with a form that is none of these."""
    if template is None or not re.search(r"\btools\b", template):
        return None
    # Qwen3-Coder and GLM put XML between the same tags, newer Mistral models `name[ARGS]{…}`.
    if "<tool_call>" in template:
        return None if re.search(r"<function=|<arg_key>", template) else "hermes"
    if "[TOOL_CALLS]" in template:
        return None if re.search(r"\[(ARGS|CALL_ID)\]", template) else "mistral"
    if "<|start_header_id|>" in template and re.search(r'"parameters":', template):
        return "llama3"
    return None


def to_template_tools(tools: Sequence[Tool]) -> list[dict[str, Any]] | None:
    if not tools:
        return None
    return [{"type": "function", "function": _function(tool)} for tool in tools]


def to_template_message(index: int, message: Message) -> dict[str, Any]:
    """Raises RequestError invalid_request for arguments that are not a JSON object."""
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        fields["tool_calls"] = [
            {
                "type": "function",
                "id": call.id,
                "function": {"name": call.name, "arguments": _arguments(index, call.arguments)},
            }
            for call in message.tool_calls
        ]
    optional = {"tool_call_id": message.tool_call_id, "name": message.name}
    return fields | {name: value for name, value in optional.items() if value is not None}


def check_keys(values: object, control_tokens: Sequence[str]) -> None:
    """Templates write keys as they are: a control token in one raises RequestError invalid_request."""
    for key in _keys(values):
        if any(token in key for token in control_tokens):
            raise RequestError("invalid_request", "tools: a name in them holds a control token of the model.")


def _function(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description or "", "parameters": dict(tool.parameters)}


def _arguments(index: int, text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        raise RequestError(
            "invalid_request", f"messages.{index}.tool_calls: arguments are not a JSON object."
        )
    return arguments


def _keys(values: object) -> Iterator[str]:
    if isinstance(values, Mapping):
        yield from values
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from _keys(value)
