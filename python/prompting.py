"""What a request gives the model to read, as token ids. Knows no engine, no limits and no answer.

What a client wrote never becomes a control token: `<|im_end|>` typed by a user is encoded as ten characters.
Only who sends token ids can send control tokens.
"""

from typing import TYPE_CHECKING

from chat_template import encode_chat
from generation import GenerationInput, RequestError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PLAIN_SEPARATOR = "\n"
"""Between the messages of a conversation when the model has no chat template."""


def encode_input(tokenizer: "PreTrainedTokenizerFast", source: GenerationInput) -> list[int]:
    """The prompt's ids; for harmless text exactly those of `apply_chat_template` or of the tokenizer itself.

    Messages go through the chat template; without one their contents are joined plainly. A raw prompt gets
    what the tokenizer adds by its own rule (a begin token, or nothing), token ids get nothing. Raises
    RequestError: what `encode_chat` raises, and invalid_request when nothing is left to read.
    """
    ids = [*source.context_ids, *_without_begin(tokenizer, source, _encode_new(tokenizer, source))]
    if not ids:
        raise RequestError("invalid_request", "The prompt is empty: it has no tokens.")
    return ids


def _encode_new(tokenizer: "PreTrainedTokenizerFast", source: GenerationInput) -> list[int]:
    if source.token_ids is not None:
        return list(source.token_ids)
    if source.messages is None:
        return _encode_plain(tokenizer, source.prompt or "")
    if tokenizer.chat_template is not None:
        return encode_chat(tokenizer, source, source.messages)
    if source.tools:
        raise RequestError("unsupported_parameter", "tools: the model has no chat template.")
    return _encode_plain(tokenizer, PLAIN_SEPARATOR.join(message.content for message in source.messages))


def _encode_plain(tokenizer: "PreTrainedTokenizerFast", text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=True, split_special_tokens=True)


def _without_begin(
    tokenizer: "PreTrainedTokenizerFast", source: GenerationInput, ids: list[int]
) -> list[int]:
    """A begin token belongs before an earlier exchange, not after it."""
    if source.context_ids and ids and ids[0] == tokenizer.bos_token_id and ids[0] == source.context_ids[0]:
        return ids[1:]
    return ids
