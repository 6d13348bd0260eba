"""Logits to the next token of one request, drawn from that request's own generator.

Knows no engine, no text and no other request. The filters are transformers' own, in `generate`'s order.
"""

from typing import NamedTuple

import torch
from transformers.generation.logits_process import (
    LogitsProcessor,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from engines.base import TokenLogprob
from generation import RequestError, Sampling

LOWEST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON cannot write."""
GREEDY_BELOW = 1e-5
"""A lower temperature divides a gap of 0.001 into e^-100; much lower ones overflow float32."""


class Draw(NamedTuple):
    token_id: int
    logprob: TokenLogprob | None


class Sampler:
    """Draws the tokens of one request, one call after the other.

    With a temperature it gives the ids that `generate(do_sample=True)` gives after `torch.manual_seed(seed)`.
    The presence and frequency penalties, which `generate` lacks, count generated tokens only and come right
    after the repetition penalty, which counts the prompt too.
    """

    def __init__(self, sampling: Sampling, device: torch.device) -> None:
        self._sampling = sampling
        self._generator = torch.Generator(device=device)
        self._generator.manual_seed(sampling.seed)
        self._greedy = sampling.temperature < GREEDY_BELOW
        self._occurrences = _OccurrencePenalty(sampling.presence_penalty, sampling.frequency_penalty)
        self._filters = LogitsProcessorList([*self._penalties(), *([] if self._greedy else self._warpers())])

    def draw(self, context_ids: torch.Tensor, logits: torch.Tensor) -> Draw:
        """The next token after `context_ids` (1 x length: the prompt and all drawn so far).

        `logits` (1 x vocabulary) are the model's own. The log-probabilities are those of the model's raw
        distribution, before penalties, temperature and filters, so the drawn token need not lead its list.
        Raises RequestError worker_error when the logits hold a NaN or an infinity.
        """
        logits = logits.float()
        # max carries a NaN along; minus infinity elsewhere is a model's way to mask padding entries.
        if not torch.isfinite(logits.max()):
            raise RequestError("worker_error", "The model computed NaN or infinity.")
        # The warpers may write in place, and the raw distribution is still needed.
        scores = self._filters(context_ids, logits.clone())
        if self._greedy:
            token_id = int(scores.argmax(dim=-1))
        else:
            probabilities = torch.nn.functional.softmax(scores, dim=-1)
            token_id = int(torch.multinomial(probabilities, num_samples=1, generator=self._generator))
        self._occurrences.count(token_id)
        return Draw(token_id, self._logprob(logits[0], token_id))

    def _penalties(self) -> list[LogitsProcessor]:
        penalties: list[LogitsProcessor] = []
        if self._sampling.repetition_penalty != 1:
            penalties.append(RepetitionPenaltyLogitsProcessor(float(self._sampling.repetition_penalty)))
        if self._occurrences.is_active:
            penalties.append(self._occurrences)
        return penalties

    def _warpers(self) -> list[LogitsProcessor]:
        sampling = self._sampling
        warpers: list[LogitsProcessor] = []
        if sampling.temperature != 1:
            warpers.append(TemperatureLogitsWarper(float(sampling.temperature)))
        if sampling.top_k != 0:
            warpers.append(TopKLogitsWarper(sampling.top_k))
        if sampling.top_p < 1:
            warpers.append(TopPLogitsWarper(float(sampling.top_p)))
        if sampling.min_p > 0:
            warpers.append(MinPLogitsWarper(sampling.min_p))
        return warpers

    def _logprob(self, logits: torch.Tensor, token_id: int) -> TokenLogprob | None:
        alternatives = self._sampling.logprobs
        if alternatives is None:
            return None
        logprobs = torch.nn.functional.log_softmax(logits, dim=-1).clamp_(min=LOWEST_LOGPROB)
        values, ids = logprobs.topk(min(alternatives, logprobs.shape[0]))
        top = list(zip(ids.tolist(), values.tolist(), strict=True))
        return TokenLogprob(token_id, float(logprobs[token_id]), top)


class _OccurrencePenalty(LogitsProcessor):
    """OpenAI's: score - presence * (has occurred) - frequency * (times it has occurred)."""

    def __init__(self, presence: float, frequency: float) -> None:
        self._presence = presence
        self._frequency = frequency
        self._counts: dict[int, int] = {}
        self.is_active = presence != 0 or frequency != 0

    def count(self, token_id: int) -> None:
        self._counts[token_id] = self._counts.get(token_id, 0) + 1

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if not self._counts:
            return scores
        ids = torch.tensor(list(self._counts), device=scores.device)
        counts = torch.tensor(list(self._counts.values()), device=scores.device, dtype=scores.dtype)
        scores[:, ids] -= self._presence + self._frequency * counts
        return scores
