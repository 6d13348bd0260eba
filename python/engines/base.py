"""The interface of every engine: requests in, token ids out, one call of `step` for all that run.

Knows no text deltas, no stop strings, no JSON and no clock; the worker's loop owns those. All methods are
called from one thread, the worker's main one. An engine is made without heavy work; `load` imports torch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from generation import FinishReason, GenerateRequest, GenerationInput, RequestError

Report = Callable[[str, float, float], None]
"""report(stage, done, total): progress of loading, any unit; safe from any thread."""


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Of the text that ships with the program: with the weights as given, and as rounded for speed."""

    unquantized: float
    quantized: float


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """What clients may ask about a model; a figure that its configuration does not have is None."""

    family: str
    layers: int | None
    embedding_length: int | None
    heads: int | None
    kv_heads: int | None
    vocabulary: int | None
    size_bytes: int
    """Of the weights on disk."""
    modified_at: str
    """Of the weights on disk: ISO 8601, UTC."""
    template: str | None
    """The chat template, in Jinja."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The fields of `ready.model` on the wire, spelled the same."""

    id: str
    digest: str
    architecture: str
    parameters: int
    context_length: int
    dtype: str
    quantization: str
    device: str
    chat_template: bool
    tool_format: str | None = None
    """How this model's chat template has tools called; None when it knows none that the gateway can parse."""
    perplexity: Perplexity | None = None
    details: ModelDetails | None = None


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """The fields of `ready.embedder` on the wire."""

    id: str
    dimensions: int
    context_length: int
    """Tokens of a text beyond which it is cut."""
    family: str
    digest: str
    """`sha256:` of its files."""
    size_bytes: int
    modified_at: str
    """ISO 8601, UTC."""
    tokenizer: str | None = None
    """Path of its tokenizer.json, by which the gateway measures chunks; None: a word is a token."""


class ModelUnavailableError(Exception):
    """A fault no restart can mend; the worker exits 78. One line: what is wrong and the exact remedy."""


class Detokenizer(Protocol):
    """Turns the ids of one request into text, in order. decoding.py has the real one."""

    def push(self, token_ids: Sequence[int]) -> str:
        """The text these ids complete; empty while a character is unfinished."""
        ...

    def flush(self) -> str:
        """What is left when no id will follow, without halves of characters."""
        ...

    def text_of(self, token_id: int) -> str:
        """One token's own text, for log-probabilities; a half character reads U+FFFD."""
        ...


class Admitted(NamedTuple):
    prompt_tokens: int
    cached_tokens: int
    """Prompt tokens that need no prefill because their KV cache was kept."""
    detokenizer: Detokenizer
    prompt_ids: Sequence[int] = ()
    """For `done.context`."""


class TokenLogprob(NamedTuple):
    token_id: int
    logprob: float
    """Natural logarithm, finite: a NaN or an infinity fails the request."""
    top: Sequence[tuple[int, float]]


class StepOutput(NamedTuple):
    """What one step did for one request. Its last output, and only that, has `finish` or `error`."""

    request_id: str
    token_ids: Sequence[int] = ()
    """New tokens, end-of-text tokens left out; usually one, more after a speculative step."""
    logprobs: Sequence[TokenLogprob] | None = None
    """One for each of `token_ids` when the request asked for them."""
    finish: FinishReason | None = None
    """stop: the model's own end token. length: max_tokens or the context. cancelled: after `cancel`."""
    error: Exception | None = None
    """RequestError reaches the client as it is; anything else as worker_error, its traceback on stderr."""


class Engine(Protocol):
    name: str
    numerics: str
    """What answers are computed in (`int8`, `bfloat16`, …): a seed repeats an answer only in the same."""
    slots: int
    """How many requests may be admitted at once. Final when `load` has returned."""

    def load(self, report: Report) -> ModelInfo:
        """Blocks until the model can answer. Raises ModelUnavailableError for what a restart cannot mend."""
        ...

    def prepare(self, request: GenerateRequest, when_ready: Callable[[], None]) -> bool:
        """True when `admit` can be called; else `when_ready` is called, from any thread, once it can.

        Never fails: what is wrong with the request is raised by `admit`.
        """
        ...

    def admit(self, request: GenerateRequest) -> Admitted | None:
        """Takes a request into a free slot; never called while `slots` requests run.

        None, and nothing taken: its answer has no room in the cache until a running request ends; never when
        none runs. Does what is quick (rendering, tokenising, limits) and leaves the prefill to `step`. Raises
        RequestError (context_length_exceeded through `answer_room`, invalid_request for a prompt of no
        tokens); any exception fails this request only and leaves the slot free.
        """
        ...

    def step(self) -> Sequence[StepOutput]:
        """One iteration for all admitted requests; called again and again while there are any.

        Waits at most 50 ms for something to report and may return nothing, so that cancels get through. An
        exception that concerns one request is its output's `error`. One raised from here means the engine no
        longer knows its state: the worker exits and is replaced.
        """
        ...

    def cancel(self, request_id: str) -> None:
        """Ends an admitted request at its next token or prefill chunk; ids that do not run are ignored.

        Returns at once. The slot is free when `step` reports the request's `finish` (`cancelled`, or what
        happened first).
        """
        ...

    def count_tokens(self, source: GenerationInput) -> int:
        """Prompt tokens as `admit` would count them; may be called while others run. Raises RequestError."""
        ...

    def detokenize(self, token_ids: Sequence[int]) -> str:
        """Their text, control tokens included; may be called while others run. Raises RequestError."""
        ...


def answer_room(prompt_tokens: int, context_length: int, max_tokens: int) -> int:
    """How many tokens the answer may have. Raises RequestError when the context has no room for even one."""
    room = context_length - prompt_tokens
    if room < 1:
        raise RequestError(
            "context_length_exceeded",
            f"The prompt has {prompt_tokens} tokens; the model's context holds {context_length},"
            " the answer included.",
        )
    return min(room, max_tokens)
