"""Answers that are JSON of a given schema: which tokens may come next, by llguidance. Knows no logits."""

import re
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from llguidance import LLMatcher, LLParserLimits
from llguidance.hf import from_tokenizer

from closing import Closer, allowed_ids
from fault_log import report_fault
from generation import Constraint, RequestError
from model_folder import one_line
from schema_bounds import check_schema

if TYPE_CHECKING:
    from llguidance import LLTokenizer
    from transformers import PreTrainedTokenizerFast

MAX_KEPT = 32
"""Compiled grammars that are kept for the next request with the same schema."""
_ANY_OBJECT = {"type": "object"}
_OPTIONS: dict[str, Any] = {
    # Small models, once they may, write white space for ever.
    "whitespace_pattern": "[ ]?",
    # What a schema says of these itself (x-guidance) would have keywords ignored.
    "whitespace_flexible": True,
    "lenient": False,
    "coerce_one_of": False,
}
_LIMITS = {"initial_lexer_fuel": 300_000, "max_lexer_states": 20_000, "verbose_errors": False}
"""The others are the library's: a step is bounded to some 20 ms."""
_SPARE = 16
_LONGEST_WAY_OUT = 256
"""Looked for in 20 to 30 ms at worst."""
_CLIENTS_FAULT = re.compile(r"Unsatisfiable|Invalid|does not exist|parse error|NoExtension")


class _Grammar(NamedTuple):
    matcher: LLMatcher
    """At the beginning of an answer; to be copied."""
    way_out: list[int] | None
    """The shortest answer, as far as Closer knows."""


class Grammars:
    """Compiles schemas in a thread of its own, since a big one takes half a second."""

    def __init__(
        self, tokenizer: "PreTrainedTokenizerFast", token_count: int, end_ids: frozenset[int]
    ) -> None:
        self._token_count = token_count
        self._tokenizer = _read_tokenizer(tokenizer, token_count, end_ids)
        self._closer = Closer(tokenizer, token_count, end_ids)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="grammars")
        self._compiled: OrderedDict[str, Future[_Grammar]] = OrderedDict()

    def prepare(self, constraint: Constraint | None, when_ready: Callable[[], None]) -> bool:
        """True when `rule` will answer at once; else `when_ready` is called once it will, from any thread.

        What is wrong with the constraint is raised by `rule`.
        """
        if constraint is None:
            return True
        try:
            compiling = self._compile(constraint)
        except RequestError:
            return True
        if compiling.done():
            return True
        compiling.add_done_callback(lambda _: when_ready())
        return False

    def rule(self, constraint: Constraint | None, room: int) -> "GrammarRule | None":
        """Of one answer of at most `room` tokens; None without a constraint.

        Raises RequestError for what cannot be held.
        """
        if constraint is None:
            return None
        return GrammarRule(self._compile(constraint).result(), self._closer, self._token_count, room)

    def _compile(self, constraint: Constraint) -> "Future[_Grammar]":
        text = check_schema(_ANY_OBJECT if constraint.schema is None else constraint.schema)
        if text not in self._compiled:
            self._compiled[text] = self._thread.submit(self._make_grammar, text)
            if len(self._compiled) > MAX_KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(text)
        return self._compiled[text]

    def _make_grammar(self, schema: str) -> _Grammar:
        if self._tokenizer is None:
            raise RequestError("unsupported_parameter", "This model cannot be held to a JSON schema.")
        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, overrides=_OPTIONS)
        except ValueError as error:
            raise _refusal(str(error)) from error
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=LLParserLimits(**_LIMITS))
        # The first step finds what no answer can satisfy, and is the slowest.
        found = _Grammar(matcher, self._closer.path(matcher.deep_copy(), _LONGEST_WAY_OUT))
        GrammarRule(found, self._closer, self._token_count, 0).allowed()
        return found


class GrammarRule:
    """The course of one answer through its grammar; `sampling.TokenRule`.

    With room for a whole answer from the start there is a whole one in the end: when the room that is left
    is what closing takes, closing begins.
    """

    def __init__(self, grammar: _Grammar, closer: Closer, token_count: int, room: int) -> None:
        self._matcher = grammar.matcher.deep_copy()
        self._closer = closer
        self._token_count = token_count
        self._mask = np.zeros(-(-token_count // 32), np.int32)
        self._room = room
        self._least = len(grammar.way_out or ())
        # Where there is none at first, there will be none.
        has_way_out = grammar.way_out is not None and self._least <= room
        self._unchecked = self._tokens_without_check(self._least) if has_way_out else room
        self._forced: list[int] = []
        self.is_cut_short = False

    def allowed(self) -> torch.Tensor:
        """End tokens are among them only where the JSON may end. Raises RequestError."""
        if self._forced:
            return torch.tensor(self._forced[:1])
        if self._matcher.is_error():
            raise _refusal(self._matcher.get_error())
        ids = allowed_ids(self._matcher, self._mask, self._token_count)
        if self._matcher.is_error() or not ids.size:
            raise _refusal(self._matcher.get_error() or "no token can go on")
        return torch.from_numpy(ids)

    def accept(self, token_id: int) -> int:
        """The token that was drawn, or the first of the way out when that would be too long after it."""
        if self._forced:
            self._forced.pop(0)
        elif self._unchecked > 0:
            self._unchecked -= 1
        else:
            token_id = self._check(token_id)
        self._matcher.consume_token(token_id)
        self._room -= 1
        return token_id

    def _check(self, token_id: int) -> int:
        after = self._matcher.deep_copy()
        after.consume_token(token_id)
        if after.is_stopped():
            return token_id
        way_out = self._find_way_out(after, self._room - 1)
        if way_out is not None:
            self._unchecked = self._tokens_without_check(len(way_out))
            return token_id
        way_out = self._find_way_out(self._matcher, self._room)
        if way_out is None:
            self._unchecked = _SPARE
            return token_id
        first, *self._forced = [*way_out, self._closer.end_id]
        self.is_cut_short = True
        return first

    def _find_way_out(self, matcher: LLMatcher, room: int) -> list[int] | None:
        return self._closer.path(matcher.deep_copy(), min(room, _LONGEST_WAY_OUT))

    def _tokens_without_check(self, way_out: int) -> int:
        """How many tokens leave room enough for sure: each may open what four close, and then some."""
        return max(0, (self._room - way_out - self._least - _SPARE) // 4)


def _read_tokenizer(
    tokenizer: "PreTrainedTokenizerFast", token_count: int, end_ids: frozenset[int]
) -> "LLTokenizer | None":
    """None, and said in the log, for a tokenizer or a model that no grammar can be held with."""
    why = "the model has no end token"
    if end_ids:
        try:
            return from_tokenizer(tokenizer, n_vocab=token_count, eos_token=sorted(end_ids))
        except Exception as error:  # noqa: BLE001 -- the model answers all else as well without
            why = one_line(error)
    report_fault("constraints_unavailable", level="warn", message=f"No JSON schemas: {why}.")
    return None


def _refusal(why: str) -> RequestError:
    # A fault of a pattern has its reason on the last line, below the pattern.
    lines = [line.strip() for line in why.strip().splitlines() if line.strip()]
    first_line = " ".join(dict.fromkeys((lines[0], lines[-1])))[:300].rstrip(".")
    code = "invalid_request" if _CLIENTS_FAULT.search(why) else "unsupported_parameter"
    return RequestError(code, f"The JSON schema cannot be held: {first_line}.")
