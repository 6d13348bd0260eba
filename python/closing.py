"""The short way to the end of an answer that a grammar holds. Knows no budget and no request."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from llguidance import LLMatcher
    from transformers import PreTrainedTokenizerFast

_LETTERS = "gkxzQ"
"""Begin no JSON value and no escape: where one of them may come, a string is being written."""
_QUOTE = 1 << 20
_BRACKET = 1 << 21
_EACH = 1 << 10


class Closer:
    """Chooses, of what is allowed, what closes most; else the longest, which forced names are made of."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerFast", token_count: int, end_ids: frozenset[int]
    ) -> None:
        self.end_id = min(end_ids, default=0)
        self._token_count = token_count
        vocabulary = {token: i for token, i in tokenizer.get_vocab().items() if i < token_count}
        self._letters = [vocabulary[letter] for letter in _LETTERS if letter in vocabulary]
        self._worth_in_string, self._worth = np.zeros((2, token_count), np.int32)
        for token, token_id in vocabulary.items():
            self._worth_in_string[token_id] = _worth_in_string(token)
            self._worth[token_id] = _worth(token)

    def path(self, matcher: "LLMatcher", most: int) -> list[int] | None:
        """The tokens to a whole answer, its end token not among them; None when `most` are not enough.

        Uses the matcher up.
        """
        path: list[int] = []
        mask = np.zeros(-(-self._token_count // 32), np.int32)
        while not matcher.is_accepting():
            if len(path) >= most or matcher.is_error():
                return None
            ids = allowed_ids(matcher, mask, self._token_count)
            if not ids.size:
                return None
            worth = self._worth_in_string if np.isin(self._letters, ids).any() else self._worth
            path.append(int(ids[worth[ids].argmax()]))
            matcher.consume_token(path[-1])
        return path


def allowed_ids(matcher: "LLMatcher", mask: np.ndarray, token_count: int) -> np.ndarray:
    """Ascending; `mask` is room for a bit per token."""
    matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little", count=token_count))


def _worth_in_string(token: str) -> int:
    if token.startswith('"') and not token.strip('"]}'):
        return _QUOTE + _EACH * len(token)
    return len(token)


def _worth(token: str) -> int:
    if token and not token.strip("]}"):
        return _BRACKET + _EACH * len(token)
    if token and not token.strip('"'):
        return _QUOTE + len(token)
    # A digit rather than the sign before it.
    return len(token) + token.isdecimal()
