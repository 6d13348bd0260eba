"""The words every Python part shares about one generation, as on the wire (server/domain/generation.ts).

Knows no protocol, no engine and no model.
"""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class Message:
    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class GenerationInput:
    """Exactly one is set: `messages` (at least one) go through the chat template, `prompt` is taken raw."""

    messages: tuple[Message, ...] | None = None
    prompt: str | None = None

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


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    id: str
    input: GenerationInput
    sampling: Sampling


class RequestError(Exception):
    """Ends one request and no other. `code` is one of server/errors.ts; `message` is shown to the client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
