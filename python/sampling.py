"""Logits to the next token of one request, drawn from that request's own generator.

Knows no engine, no text and no other request. Everything happens in `generate`'s order.
"""

from typing import NamedTuple, Protocol

import torch

from engines.base import TokenLogprob
from generation import FinishReason, RequestError, Sampling
from sampling_filters import Candidates, keep_min_p, keep_top_k, keep_top_p, keep_typical
from sampling_penalties import LogitBias, OccurrencePenalty, RepetitionPenalty

LOWEST_LOGPROB = -9999.0
"""Stands for minus infinity, which JSON cannot write."""
GREEDY_BELOW = 1e-5
"""A lower temperature divides a gap of 0.001 into e^-100; much lower ones overflow float32."""
_UNIFORM_BITS = 53


class Draw(NamedTuple):
    token_id: int
    logprob: TokenLogprob | None


class TokenRule(Protocol):
    """What the answer may go on with. constraints.py has the real one."""

    def allowed(self) -> torch.Tensor:
        """Ids, ascending, at least one. Raises RequestError."""
        ...

    def accept(self, token_id: int) -> int:
        """It was drawn; returns it, or what is to take its place."""
        ...

    is_cut_short: bool
    """The answer was brought to its end because its room was."""


def wants_best_only(sampling: Sampling) -> bool:
    """Whether the most probable token is all that it wants of the logits."""
    return (
        sampling.temperature < GREEDY_BELOW
        and sampling.repetition_penalty == 1
        and sampling.presence_penalty == sampling.frequency_penalty == 0
        and sampling.logprobs is None
        and not sampling.logit_bias
        and sampling.constraint is None
    )


class Sampler:
    """Draws the tokens of one request, one call after the other.

    With a temperature it gives the ids that `generate(do_sample=True)` gives after `torch.manual_seed(seed)`.
    The presence and frequency penalties, which `generate` lacks, count generated tokens only and come right
    after the repetition penalty, which counts the prompt too; a rule comes after all penalties.
    """

    def __init__(self, sampling: Sampling, device: torch.device, rule: TokenRule | None = None) -> None:
        self._sampling = sampling
        self._rule = rule
        self._generator = torch.Generator(device=device)
        self._generator.manual_seed(sampling.seed)
        self._greedy = sampling.temperature < GREEDY_BELOW
        self._bias = LogitBias(sampling.logit_bias, device)
        self._repetition = RepetitionPenalty(sampling.repetition_penalty, sampling.repetition_window)
        self._occurrences = OccurrencePenalty(sampling.presence_penalty, sampling.frequency_penalty)

    @property
    def end_reason(self) -> FinishReason:
        """What an end token means: `length` where the limit had the rule bring it about."""
        return "length" if self._rule is not None and self._rule.is_cut_short else "stop"

    def draw(self, context_ids: torch.Tensor, logits: torch.Tensor) -> Draw:
        """The next token after `context_ids` (1 x length: the prompt and all drawn so far).

        `logits` (1 x vocabulary) are the model's own. The log-probabilities are those of the model's raw
        distribution, before bias, penalties, rule, temperature and filters, so the drawn token need not lead
        its list. Raises what the rule raises, and RequestError worker_error for logits that are not finite.
        """
        logits = logits[0].float()
        # max carries a NaN along; minus infinity elsewhere is a model's way to mask padding entries.
        if not torch.isfinite(logits.max()):
            raise RequestError("worker_error", "The model computed NaN or infinity.")
        # The penalties write in place, and the raw distribution is still needed.
        scores = logits.clone()
        self._bias.apply(scores)
        self._repetition.apply(scores, context_ids[0])
        self._occurrences.apply(scores)
        token_id = self._choose(scores)
        if self._rule is not None:
            token_id = self._rule.accept(token_id)
        self._occurrences.count(token_id)
        return Draw(token_id, self._logprob(logits, token_id))

    def _choose(self, scores: torch.Tensor) -> int:
        candidates = Candidates(None, scores)
        if self._rule is not None:
            candidates = candidates.keep(self._rule.allowed().to(scores.device))
            if candidates.scores.numel() == 1:
                return int(candidates.ids[0])
        if self._greedy:
            place = int(candidates.scores.argmax())
        else:
            candidates = self._narrow(candidates)
            place = draw_place(candidates, scores.numel(), self._generator)
        return place if candidates.ids is None else int(candidates.ids[place])

    def _narrow(self, candidates: Candidates) -> Candidates:
        sampling = self._sampling
        if sampling.temperature != 1:
            candidates = candidates._replace(scores=candidates.scores / sampling.temperature)
        if sampling.top_k != 0:
            candidates = keep_top_k(candidates, sampling.top_k)
        if sampling.top_p < 1:
            candidates = keep_top_p(candidates, sampling.top_p)
        if sampling.min_p > 0:
            candidates = keep_min_p(candidates, sampling.min_p)
        if sampling.typical_p < 1:
            candidates = keep_typical(candidates, sampling.typical_p)
        return candidates

    def _logprob(self, logits: torch.Tensor, token_id: int) -> TokenLogprob | None:
        alternatives = self._sampling.logprobs
        if alternatives is None:
            return None
        logprobs = torch.nn.functional.log_softmax(logits, dim=-1).clamp_(min=LOWEST_LOGPROB)
        values, ids = logprobs.topk(min(alternatives, logprobs.shape[0]))
        top = list(zip(ids.tolist(), values.tolist(), strict=True))
        return TokenLogprob(token_id, float(logprobs[token_id]), top)


def draw_place(candidates: Candidates, vocabulary: int, generator: torch.Generator) -> int:
    """The index among the candidates of what `torch.multinomial` draws when nothing else has a probability.

    multinomial divides every probability by an exponential variate of its own and takes the largest quotient.
    Drawing the random bits of all variates, and computing those of the candidates only, leaves the generator
    where multinomial leaves it, at a fifth of the cost.
    """
    probabilities = torch.softmax(candidates.scores, dim=-1)
    if probabilities.device.type != "cpu":
        dense = probabilities
        if candidates.ids is not None:
            dense = probabilities.new_zeros(vocabulary).scatter_(0, candidates.ids, probabilities)
        token_id = torch.multinomial(dense, num_samples=1, generator=generator)
        return int(token_id if candidates.ids is None else torch.searchsorted(candidates.ids, token_id))
    bits = torch.empty(vocabulary, dtype=torch.int64).random_(generator=generator)
    if candidates.ids is not None:
        bits = bits.index_select(0, candidates.ids)
    uniform = (bits & (2**_UNIFORM_BITS - 1)).double() * 2.0**-_UNIFORM_BITS
    return int((probabilities / -torch.log1p(-uniform).float()).argmax())
