"""One admitted request of the batched engine: its tokens, how far the cache has them, and what it emits.

Knows no other request and no model; the engine gives it logits or a token already chosen.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from engines.base import StepOutput, TokenLogprob
from engines.kv_blocks import BlockPool, blocks_for, name_block
from engines.step_model import BLOCK_TOKENS, Segment
from generation import FinishReason, Sampling
from sampling import Sampler, TokenRule, wants_best_only

if TYPE_CHECKING:
    from engines.kv_blocks import BlockName


class BatchRow:
    def __init__(
        self,
        request_id: str,
        prompt_ids: Sequence[int],
        room: int,
        sampling: Sampling,
        device: torch.device,
        rule: TokenRule | None = None,
    ) -> None:
        self.id = request_id
        self.is_cancelled = False
        self.sampler = None if wants_best_only(sampling) else Sampler(sampling, device, rule)
        self._ids = torch.empty(len(prompt_ids) + room, dtype=torch.long)
        self._ids[: len(prompt_ids)] = torch.tensor(prompt_ids)
        self._known = list(prompt_ids)
        self._blocks: list[int] = []
        self._table = np.empty(0, np.int32)
        self._cached = 0
        self._name: BlockName = b""

    @property
    def pending(self) -> int:
        """Tokens that the cache lacks: one while it generates, more while the prompt enters."""
        return len(self._known) - self._cached

    @property
    def context_ids(self) -> torch.Tensor:
        return self._ids[None, : len(self._known)]

    def start(self, pool: BlockPool) -> int | None:
        """Reserves all blocks it may ever need; returns its cached prompt tokens, None without room."""
        shared = pool.match(self._known)
        held = pool.hold(shared, blocks_for(len(self._ids)) - len(shared))
        if held is None:
            return None
        self._blocks = held
        self._table = np.array(held, np.int32)
        for index in range(len(shared)):
            self._name = name_block(self._name, self._block_ids(index))
        self._cached = len(shared) * BLOCK_TOKENS
        return self._cached

    def segment(self, most: int) -> Segment:
        """The next tokens for the model, at most so many."""
        end = min(len(self._known), self._cached + most)
        return Segment(self._known[self._cached : end], self._cached, self._table, end == len(self._known))

    def advance(self, pool: BlockPool, tokens: int) -> None:
        """So many more tokens are in the cache."""
        before = self._cached // BLOCK_TOKENS
        self._cached += tokens
        for index in range(before, self._cached // BLOCK_TOKENS):
            self._name = name_block(self._name, self._block_ids(index))
            pool.name(self._blocks[index], self._name)

    def accept(self, token_id: int, logprob: TokenLogprob | None, end_ids: frozenset[int]) -> StepOutput:
        if token_id in end_ids:
            return StepOutput(self.id, finish="stop" if self.sampler is None else self.sampler.end_reason)
        self._ids[len(self._known)] = token_id
        self._known.append(token_id)
        finish: FinishReason | None = "length" if len(self._known) == len(self._ids) else None
        return StepOutput(self.id, (token_id,), None if logprob is None else (logprob,), finish)

    def release(self, pool: BlockPool, *, is_sound: bool) -> None:
        """Gives its blocks back; sound ones stay known until their room is needed."""
        if not is_sound:
            pool.forget(self._blocks)
        pool.release(self._blocks)
        self._blocks = []

    def _block_ids(self, index: int) -> list[int]:
        return self._known[index * BLOCK_TOKENS : (index + 1) * BLOCK_TOKENS]
