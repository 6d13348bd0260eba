"""What changes the logits of single tokens before any is chosen. Each works in place on one row of scores.

Knows no filter and no generator.
"""

from collections.abc import Mapping

import torch


class LogitBias:
    """Adds to each token's logit what the request says of it."""

    def __init__(self, bias: Mapping[int, float], device: torch.device) -> None:
        self._ids = torch.tensor(list(bias), dtype=torch.long, device=device)
        self._values = torch.tensor(list(bias.values()), dtype=torch.float32, device=device)

    def apply(self, scores: torch.Tensor) -> None:
        if self._ids.numel():
            scores[self._ids] += self._values


class RepetitionPenalty:
    """transformers' own, of the prompt and the answer or of the last tokens of both."""

    def __init__(self, penalty: float, window: int) -> None:
        self._penalty = penalty
        self._window = window

    def apply(self, scores: torch.Tensor, context_ids: torch.Tensor) -> None:
        if self._penalty == 1:
            return
        # A window of 0 is all of them.
        ids = context_ids[-self._window :].to(scores.device)
        # A model may read tokens that it cannot write.
        ids = ids[ids < scores.numel()]
        values = scores.gather(0, ids)
        penalised = torch.where(values < 0, values * self._penalty, values / self._penalty)
        scores.scatter_(0, ids, penalised)


class OccurrencePenalty:
    """OpenAI's: score - presence * (has occurred) - frequency * (times it has occurred), in the answer."""

    def __init__(self, presence: float, frequency: float) -> None:
        self._presence = presence
        self._frequency = frequency
        self._counts: dict[int, int] = {}

    def count(self, token_id: int) -> None:
        self._counts[token_id] = self._counts.get(token_id, 0) + 1

    def apply(self, scores: torch.Tensor) -> None:
        if not self._counts or self._presence == self._frequency == 0:
            return
        ids = torch.tensor(list(self._counts), device=scores.device)
        counts = torch.tensor(list(self._counts.values()), device=scores.device, dtype=scores.dtype)
        scores[ids] -= self._presence + self._frequency * counts
