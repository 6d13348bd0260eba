"""Messages or a raw prompt to the token ids that the model reads. Knows no engine, no limits and no answer.

What a client wrote never becomes a control token: `<|im_end|>` typed by a user is encoded as ten characters.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from generation import GenerationInput, Message, RequestError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PLAIN_SEPARATOR = "\n"
"""Between the messages of a conversation when the model has no chat template."""


def encode_input(tokenizer: "PreTrainedTokenizerFast", source: GenerationInput) -> list[int]:
    """The prompt's ids; for harmless text exactly those of `apply_chat_template` or of the tokenizer itself.

    Messages go through the chat template, ready for the assistant's turn; without a template their contents
    are joined plainly. A raw prompt gets what the tokenizer adds by its own rule (a begin token, or nothing).
    Raises RequestError invalid_request when the template refuses the messages or nothing is left to read.
    """
    if source.messages is None:
        ids = _encode_plain(tokenizer, source.prompt or "")
    elif tokenizer.chat_template is None:
        ids = _encode_plain(tokenizer, PLAIN_SEPARATOR.join(message.content for message in source.messages))
    else:
        ids = _encode_chat(tokenizer, source.messages)
    if not ids:
        raise RequestError("invalid_request", "The prompt is empty: it has no tokens.")
    return ids


def _encode_plain(tokenizer: "PreTrainedTokenizerFast", text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=True, split_special_tokens=True)


def _encode_chat(tokenizer: "PreTrainedTokenizerFast", messages: Sequence[Message]) -> list[int]:
    try:
        return _apply_template(tokenizer, messages)
    except TemplateError as error:
        folded = _fold_system_message(messages)
        if folded is None:
            raise _refusal(error) from error
    try:
        return _apply_template(tokenizer, folded)
    except TemplateError as error:
        raise _refusal(error) from error


def _apply_template(tokenizer: "PreTrainedTokenizerFast", messages: Sequence[Message]) -> list[int]:
    # Control tokens in user text are marked before rendering and encoded as text after it.
    return tokenizer.apply_chat_template(
        [{"role": message.role, "content": message.content} for message in messages],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=False,
        sanitize_control_tokens=True,
    )


def _fold_system_message(messages: Sequence[Message]) -> list[Message] | None:
    """Puts a leading system message before the first user text: some templates (Gemma's) refuse that role."""
    if len(messages) < 2 or messages[0].role != "system" or messages[1].role != "user":
        return None
    return [Message("user", f"{messages[0].content}\n\n{messages[1].content}"), *messages[2:]]


def _refusal(error: TemplateError) -> RequestError:
    return RequestError("invalid_request", f"The model's chat template refuses these messages: {error}")
