"""A loaded model's tokenizer as every engine uses it: requests to ids, ids to text. Knows no engine."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chat_template import tool_format_of
from decoding import StreamDetokenizer
from generation import GenerationInput, RequestError, Sampling
from prompting import encode_input
from tool_calling import MARKUP

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

DECODING_CONTEXT_TOKENS = 8
"""Tail of what an answer continues, shown to the detokenizer, so that the first word keeps its space."""


class ModelText:
    def __init__(self, tokenizer: "PreTrainedTokenizerFast", token_count: int) -> None:
        """`token_count`: how many tokens the model knows, which need not be what the tokenizer has."""
        self._tokenizer = tokenizer
        self._token_count = token_count
        controls = frozenset(i for i, token in tokenizer.added_tokens_decoder.items() if token.special)
        markup = {
            tokenizer.convert_tokens_to_ids(token) for token in MARKUP.get(tool_format_of(tokenizer), ())
        }
        self._hidden_beside_tools = controls - markup if controls & markup else None

    def encode(self, source: GenerationInput) -> list[int]:
        """Raises RequestError: what `encode_input` raises, and invalid_request for an id the model lacks."""
        ids = encode_input(self._tokenizer, source)
        self._check(ids)
        return ids

    def check_bias(self, sampling: Sampling) -> None:
        """Raises RequestError invalid_request for a token that the model does not have."""
        beyond = [token_id for token_id in sampling.logit_bias if token_id >= self._token_count]
        if beyond:
            raise RequestError(
                "invalid_request",
                f"logit_bias: {beyond[0]} is no token of the model, which has {self._token_count}.",
            )

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of all of them, control tokens included. Raises RequestError invalid_request."""
        self._check(token_ids)
        return self._tokenizer.backend_tokenizer.decode(list(token_ids), skip_special_tokens=False)

    def detokenizer(self, source: GenerationInput, prompt_ids: Sequence[int]) -> StreamDetokenizer:
        """Of the answer to this request; the markup of tool calls is part of it when tools were given."""
        is_continued = source.messages is None or source.continue_final
        return StreamDetokenizer(
            self._tokenizer.backend_tokenizer,
            prompt_ids[-DECODING_CONTEXT_TOKENS:] if is_continued else (),
            self._hidden_beside_tools if source.tools else None,
        )

    def _check(self, ids: Sequence[int]) -> None:
        if ids and max(ids) >= self._token_count:
            raise RequestError("invalid_request", "The prompt has a token that the model does not know.")
