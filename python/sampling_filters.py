"""Which tokens may be drawn: transformers' warpers, computed on no more tokens than can matter.

Each function keeps exactly what the warper of its name keeps. Sorting a whole vocabulary costs 4.6 ms a token
on two cores, what is done here some tenths of one. Knows no request and no generator.
"""

from typing import NamedTuple

import numpy as np
import torch

_FEW = 512
"""Sorted without further thought."""
_BLOCK = 64
_MARGIN = 1e-4
"""Far more than what adding up probabilities in another order can change."""


class Candidates(NamedTuple):
    """Tokens that may still be drawn, at least one."""

    ids: torch.Tensor | None
    """Ascending; None for the whole vocabulary."""
    scores: torch.Tensor
    """One for each of them."""

    def keep(self, places: torch.Tensor) -> "Candidates":
        """`places` are ascending indices."""
        ids = places if self.ids is None else self.ids.index_select(0, places)
        return Candidates(ids, self.scores.index_select(0, places))


def keep_top_k(candidates: Candidates, count: int) -> Candidates:
    """The `count` best, and all that are as good as the last of them."""
    scores = candidates.scores
    if count >= scores.numel():
        return candidates
    blocks = scores.numel() // _BLOCK
    if blocks > count:
        # Each of so many blocks has one that is as good as its best, so no worse ones can be among the best.
        best = scores[: blocks * _BLOCK].view(blocks, _BLOCK).amax(dim=1)
        candidates = candidates.keep(_places(scores >= best.topk(count, sorted=False).values.min()))
        scores = candidates.scores
    least = scores.topk(count, sorted=False).values.min()
    return candidates.keep(_places(scores >= least))


def keep_top_p(candidates: Candidates, mass: float) -> Candidates:
    """The fewest best that have `mass` together: what goes is a tail of 1 - mass or less."""
    places, probabilities = _without_tail(torch.softmax(candidates.scores, dim=-1), 1 - mass)
    if places is not None:
        candidates = candidates.keep(places)
    order = candidates.scores.sort(stable=True).indices
    sorted_probabilities = probabilities[order].double()
    tails = sorted_probabilities.cumsum(0) + (1 - sorted_probabilities.sum())
    removed = min(int((tails <= 1 - mass).sum()), tails.numel() - 1)
    return candidates.keep(order[removed:].sort().values)


def keep_min_p(candidates: Candidates, share: float) -> Candidates:
    """All that have at least this share of the best one's probability."""
    probabilities = torch.softmax(candidates.scores, dim=-1)
    return candidates.keep(_places(probabilities >= share * probabilities.max()))


def keep_typical(candidates: Candidates, mass: float) -> Candidates:
    """Those whose surprise is nearest to the expected one, until they have `mass` together."""
    logprobs = torch.log_softmax(candidates.scores, dim=-1)
    probabilities = logprobs.exp()
    entropy = -(logprobs * probabilities).nansum()
    distances, order = (-logprobs - entropy).abs().sort()
    last = int((probabilities[order].cumsum(0) < mass).sum())
    # NaN is what a token that was impossible before makes of this; it stays out.
    return candidates.keep(_places((-logprobs - entropy).abs() <= distances[min(last, order.numel() - 1)]))


def _without_tail(probabilities: torch.Tensor, tail: float) -> tuple[torch.Tensor | None, torch.Tensor]:
    """Leaves out tokens that have less than `tail` together, so that what `tail` cuts is among the others.

    Returns the indices of the others, None for all, and their probabilities.
    """
    places = None
    count = probabilities.numel()
    # So few tokens of so little each cannot have `tail` together; from there up as long as it is sure.
    least = tail / count
    while probabilities.numel() > _FEW:
        kept = _places(probabilities >= least)
        if 1 - float(probabilities[kept].sum(dtype=torch.float64)) > tail - _MARGIN:
            break
        places = kept if places is None else places[kept]
        probabilities = probabilities[kept]
        least *= 4
    return places, probabilities


def _places(mask: torch.Tensor) -> torch.Tensor:
    if mask.device.type != "cpu":
        return mask.nonzero()[:, 0]
    # Five times as fast as nonzero.
    return torch.from_numpy(np.flatnonzero(mask.numpy()))
