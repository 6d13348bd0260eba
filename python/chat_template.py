"""A conversation through the model's chat template to token ids. Knows no engine, no limits and no answer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from generation import GenerationInput, Message, RequestError
from tool_calling import check_keys, detect_tool_format, to_template_message, to_template_tools

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def tool_format_of(tokenizer: "PreTrainedTokenizerFast") -> str | None:
    """How this model calls tools; None when its template has no form that the gateway can read."""
    if tokenizer.chat_template is None:
        return None
    try:
        return detect_tool_format(tokenizer.get_chat_template(tools=[]))
    except ValueError:
        return None


def encode_chat(
    tokenizer: "PreTrainedTokenizerFast", source: GenerationInput, messages: Sequence[Message]
) -> list[int]:
    """Ready for the assistant's turn, or in the midst of it with `continue_final`.

    Raises RequestError: unsupported_parameter for tools that the template has no known form for,
    invalid_request when it refuses the messages.
    """
    _check_tools(tokenizer, source, messages)
    try:
        return _apply_template(tokenizer, source, messages)
    except (TemplateError, ValueError, TypeError) as error:
        folded = _fold_system_message(messages)
        if folded is None:
            raise _refusal(error) from error
    try:
        return _apply_template(tokenizer, source, folded)
    except (TemplateError, ValueError, TypeError) as error:
        raise _refusal(error) from error


def _apply_template(
    tokenizer: "PreTrainedTokenizerFast", source: GenerationInput, messages: Sequence[Message]
) -> list[int]:
    # Control tokens in user text are marked before rendering and encoded as text after it.
    return tokenizer.apply_chat_template(
        [to_template_message(index, message) for index, message in enumerate(messages)],
        tools=to_template_tools(source.tools),
        add_generation_prompt=not source.continue_final,
        continue_final_message=source.continue_final,
        tokenize=True,
        return_dict=False,
        sanitize_control_tokens=True,
    )


def _check_tools(
    tokenizer: "PreTrainedTokenizerFast", source: GenerationInput, messages: Sequence[Message]
) -> None:
    mentioned = "tools" if source.tools else None
    for index, message in enumerate(messages):
        if mentioned is None and message.tool_calls:
            mentioned = f"messages.{index}.tool_calls"
        if mentioned is None and message.role == "tool":
            mentioned = f"messages.{index}.role"
    if mentioned is None:
        return
    if tool_format_of(tokenizer) is None:
        raise RequestError(
            "unsupported_parameter", f"{mentioned}: the model's chat template has no known form for tools."
        )
    control_tokens = [str(token) for token in tokenizer.added_tokens_decoder.values()]
    calls = [to_template_message(index, message).get("tool_calls") for index, message in enumerate(messages)]
    check_keys([to_template_tools(source.tools), calls], control_tokens)


def _fold_system_message(messages: Sequence[Message]) -> list[Message] | None:
    """Puts a leading system message before the first user text: some templates (Gemma's) refuse that role."""
    if len(messages) < 2 or messages[0].role != "system" or messages[1].role != "user":
        return None
    content = f"{messages[0].content}\n\n{messages[1].content}"
    return [replace(messages[1], content=content), *messages[2:]]


def _refusal(error: Exception) -> RequestError:
    return RequestError("invalid_request", f"The model's chat template refuses these messages: {error}")
