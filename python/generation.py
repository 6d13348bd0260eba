"""The words every Python part shares about one generation, as on the wire (server/domain/generation.ts).

Knows no protocol, no engine and no model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is the JSON text of an object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """`parameters` is a JSON schema."""

    name: str
    parameters: Mapping[str, Any]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """What the answer's text must be; `schema` None stands for any JSON object."""

    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class GenerationInput:
    """Exactly one of the first three is set.

    `messages` (at least one) go through the chat template, `prompt` is taken raw, `token_ids` as they are.
    """

    messages: tuple[Message, ...] | None = None
    prompt: str | None = None
    token_ids: tuple[int, ...] | None = None
    tools: tuple[Tool, ...] = ()
    """Rendered by the chat template, with `messages` only."""
    continue_final: bool = False
    """The last message is the assistant's and the answer goes on from its end."""
    context_ids: tuple[int, ...] = ()
    """Tokens of an earlier exchange that stand before everything else."""

    def last_user_text(self) -> str:
        """The prompt, or the newest user message; empty when there is none."""
        if self.prompt is not None:
            return self.prompt
        return next((m.content for m in reversed(self.messages or ()) if m.role == "user"), "")


@dataclass(frozen=True, slots=True)
class Sampling:
    """Fully resolved parameters, already within the bounds that protocol.py checks."""

    max_tokens: int
    temperature: float
    """0 is greedy."""
    top_p: float
    top_k: int
    """0 switches the filter off."""
    min_p: float
    repetition_penalty: float
    """1 switches the penalty off."""
    presence_penalty: float
    frequency_penalty: float
    seed: int
    stop: tuple[str, ...]
    """No empty strings."""
    logprobs: int | None
    """Alternatives reported per token, 0 for the chosen token alone; None for no log-probabilities."""
    typical_p: float = 1.0
    """1 switches the filter off."""
    repetition_window: int = 0
    """How many of the last tokens, prompt included, the repetition penalty looks at; 0 is all of them."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    """Token id to what is added to its logit."""
    constraint: Constraint | None = None


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    id: str
    input: GenerationInput
    sampling: Sampling
    wants_context: bool = False
    """`done` is to carry the ids of prompt and answer."""
    trace: str | None = None
    """Id of the trace it is a part of, for our own lines on stderr."""


class RequestError(Exception):
    """Ends one request and no other. `code` is one of server/errors.ts; `message` is shown to the client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
