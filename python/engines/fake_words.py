"""The fake engine's tokens: words of the prompt, pieces of the answer. Knows no plan and no pace.

Token id n of a client reads `tn`; other words have ids of their own that cannot be turned back.
"""

import re
from collections.abc import Sequence
from zlib import crc32

from engines.base import TokenLogprob
from generation import GenerationInput

_WORD_IDS = 50_000


class FakeWords:
    """The detokenizer: an id is the index of a piece."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces

    def push(self, token_ids: Sequence[int]) -> str:
        if len(token_ids) == 1:
            return self._pieces[token_ids[0]]
        return "".join(map(self.text_of, token_ids))

    def flush(self) -> str:
        return ""

    def text_of(self, token_id: int) -> str:
        return self._pieces[token_id]


def words_of(token_ids: Sequence[int]) -> str:
    return " ".join(f"t{token_id}" for token_id in token_ids)


def prompt_ids(source: GenerationInput) -> list[int]:
    """An id for each word of all messages, or of the prompt; what stands before them first."""
    if source.token_ids is not None:
        return list(source.token_ids)
    texts = [source.prompt or "", *(message.content for message in source.messages or ())]
    return [*source.context_ids, *(_word_id(word) for text in texts for word in text.split())]


def said_in(source: GenerationInput) -> str:
    """What the answer repeats and rules look at."""
    return source.last_user_text() if source.token_ids is None else words_of(source.token_ids)


def repeat_pieces(words: Sequence[str]) -> list[str]:
    """The first word twice: it has a space in front from round two on."""
    return [words[0], *(f" {word}" for word in (*words[1:], words[0]))]


def text_pieces(text: str) -> list[str]:
    return re.findall(r"\s*\S+(?:\s+$)?|^\s+$", text)


def fake_logprob(index: int, pieces: int, alternatives: int) -> TokenLogprob:
    """Of piece `index`: it leads with -0.25, the pieces after it follow at a distance of 1 each."""
    top = [((index + rank) % pieces, -0.25 - rank) for rank in range(min(alternatives, pieces))]
    return TokenLogprob(index, -0.25, top)


def _word_id(word: str) -> int:
    named = re.fullmatch(r"t(\d{1,9})", word)
    return int(named[1]) if named else crc32(word.encode()) % _WORD_IDS
