"""Token ids to the text of an answer: whole characters only, stop strings cut off, nothing lost.

Knows no engine and no protocol; `tokenizers` is imported only when a real tokenizer comes along.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engines.base import Detokenizer, TokenLogprob

if TYPE_CHECKING:
    from tokenizers import Tokenizer

REPLACEMENT = "\ufffd"

WireLogprob = tuple[str, float, list[tuple[str, float]]]
"""(token text, logprob, [(alternative text, logprob), …]), as on the wire."""


class StreamDetokenizer:
    """The incremental decoder of a `tokenizers.Tokenizer`, one per request.

    `prompt_ids`, the tail of a raw prompt, keep the space a SentencePiece model puts before a first word.
    Bytes that never become a character read U+FFFD within the text, as in `Tokenizer.decode`, and are dropped
    at its end. Control tokens have no text; with `hidden`, only those in it have none.
    """

    def __init__(
        self,
        tokenizer: "Tokenizer",
        prompt_ids: Sequence[int] = (),
        hidden: frozenset[int] | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._hidden = hidden or frozenset()
        self._skip_special_tokens = hidden is None
        self._unfinished: list[int] = []
        self._restart(prompt_ids)

    def push(self, token_ids: Sequence[int]) -> str:
        return "".join([self._step(token_id) for token_id in token_ids if token_id not in self._hidden])

    def flush(self) -> str:
        text: str = self._tokenizer.decode(self._unfinished, skip_special_tokens=self._skip_special_tokens)
        self._unfinished.clear()
        return text.rstrip(REPLACEMENT)

    def text_of(self, token_id: int) -> str:
        return self._tokenizer.decode([token_id], skip_special_tokens=False)

    def _step(self, token_id: int) -> str:
        try:
            text = self._stream.step(self._tokenizer, token_id)
        except Exception:  # noqa: BLE001 -- tokenizers raises bare Exception("Invalid prefix encountered …")
            # A decoder that rewrites text already sent; going on from what was not sent yet is what remains.
            self._restart(())
            text = self._stream.step(self._tokenizer, [*self._unfinished, token_id])
        if text is None:
            self._unfinished.append(token_id)
            return ""
        self._unfinished.clear()
        return text

    def _restart(self, prompt_ids: Sequence[int]) -> None:
        from tokenizers.decoders import DecodeStream

        self._stream = DecodeStream(ids=list(prompt_ids), skip_special_tokens=self._skip_special_tokens)


Piece = tuple[str, int] | tuple[str, int, list[WireLogprob]]
"""Text that may be sent, never empty, and the number of tokens that begin in it or that it had to wait for.

With log-probabilities, theirs. A bare tuple, since one is made for every token of every answer.
"""


class _Token:
    """A token whose text is not all sent yet."""

    __slots__ = ("count", "length", "logprob")

    def __init__(self, length: int, logprob: WireLogprob | None) -> None:
        self.length = length
        self.logprob = logprob
        self.count = 1


class AnswerText:
    """The text of one answer as its tokens arrive.

    A stop string ends it at the character that completes it, however the text is cut into tokens; what may be
    the beginning of one is held back. When two are complete at the same character, the longer one counts.
    """

    def __init__(self, detokenizer: Detokenizer, stop: Sequence[str] = ()) -> None:
        self._detokenizer = detokenizer
        self._stop = tuple(stop)
        self._stop_starts = frozenset(text[0] for text in stop)
        self._longest_stop = max(map(len, stop), default=0)
        self._held = ""
        self._pending: list[_Token] = []
        self._uncounted = 0
        self.tokens = 0
        """Tokens taken, those of a stop string included; later ones are not looked at."""
        self.stop_sequence: str | None = None

    def push(self, token_ids: Sequence[int], logprobs: Sequence[TokenLogprob] | None = None) -> Piece | None:
        """Takes tokens in order; None while there is no text that may be sent."""
        if logprobs is not None or self._stop or self._pending:
            return self._push_each(token_ids, logprobs)
        count = len(token_ids)
        self.tokens += count
        self._uncounted += count
        text = self._detokenizer.push(token_ids)
        if not text:
            return None
        count, self._uncounted = self._uncounted, 0
        return (text, count)

    def finish(self) -> Piece | None:
        """No token will follow: gives out what was held back; nothing after a stop string."""
        if self.stop_sequence is not None:
            return None
        self._held += self._detokenizer.flush()
        return self._cut_at_stop() or self._release(len(self._held))

    def _push_each(self, token_ids: Sequence[int], logprobs: Sequence[TokenLogprob] | None) -> Piece | None:
        for index, token_id in enumerate(token_ids):
            if self.stop_sequence is not None:
                return None
            self.tokens += 1
            text = self._detokenizer.push((token_id,))
            logprob = self._to_wire(logprobs[index]) if logprobs is not None else None
            self._pending.append(_Token(len(text), logprob))
            self._held += text
            piece = self._cut_at_stop()
            if self.stop_sequence is not None:
                return piece
        return self._release(self._sendable())

    def _to_wire(self, logprob: TokenLogprob) -> WireLogprob:
        text_of = self._detokenizer.text_of
        top = [(text_of(token_id), value) for token_id, value in logprob.top]
        return (text_of(logprob.token_id), logprob.logprob, top)

    def _cut_at_stop(self) -> Piece | None:
        found = [
            (self._held.find(text) + len(text), -len(text), text) for text in self._stop if text in self._held
        ]
        if not found:
            return None
        end, _, self.stop_sequence = min(found)
        piece = self._release(end - len(self.stop_sequence))
        self._held = ""
        self._pending.clear()
        return piece

    def _sendable(self) -> int:
        """How much of the held text cannot be the beginning of a stop string."""
        held = self._held
        for start in range(max(0, len(held) - self._longest_stop + 1), len(held)):
            if held[start] in self._stop_starts:
                tail = held[start:]
                if any(text.startswith(tail) for text in self._stop):
                    return start
        return len(held)

    def _release(self, size: int) -> Piece | None:
        if size == 0:
            return None
        text, self._held = self._held[:size], self._held[size:]
        count, self._uncounted = self._uncounted, 0
        logprobs: list[WireLogprob] = []
        while self._pending and size > 0:
            token = self._pending[0]
            count += token.count
            if token.logprob is not None:
                logprobs.append(token.logprob)
            if token.length <= size:
                self._pending.pop(0)
            else:
                token.count, token.logprob = 0, None
            covered = min(token.length, size)
            token.length -= covered
            size -= covered
        return (text, count, logprobs) if logprobs else (text, count)
