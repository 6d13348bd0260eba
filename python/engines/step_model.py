"""What the batched engine asks of a model: one forward pass over tokens of many requests, with a paged cache.

Knows no request, no sampling and no text.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch

BLOCK_TOKENS = 32
"""Tokens in one block of the cache; native/attention.h has the same."""


class UnsupportedModelError(Exception):
    """Why this model cannot run in batches, in one line."""


class Segment(NamedTuple):
    """Successive tokens of one request. Everything before `start` is in the cache already."""

    token_ids: Sequence[int]
    start: int
    blocks: "np.ndarray"
    """int32, contiguous: the request's blocks in order; they hold at least the last of these tokens."""
    wants_logits: bool
    """Of the last of these tokens."""


class StepModel(Protocol):
    numerics: str
    """What the weights were rounded to: int8, bfloat16, float32."""
    max_tokens: int
    """Most tokens that one `forward` takes, all segments together."""

    def entering_tokens(self, generating: int) -> int:
        """Prompt tokens that may join a step beside so many generating requests without stalling them."""
        ...

    def forward(self, segments: Sequence[Segment]) -> "torch.Tensor":
        """Writes the tokens' keys and values into their blocks; float32 logits, one row a wanting segment.

        The tensor is overwritten by the next call.
        """
        ...
