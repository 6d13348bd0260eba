"""The filters keep what transformers' warpers keep, and the draw is multinomial's, on a real vocabulary."""

from collections.abc import Callable

import pytest
import torch
from transformers.generation.logits_process import (
    LogitsProcessor,
    MinPLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from sampling import draw_place
from sampling_filters import Candidates, keep_min_p, keep_top_k, keep_top_p, keep_typical

VOCABULARY = 49152
SPREADS = [0.0, 0.3, 1.0, 3.0, 9.0]
"""From all tokens alike to one that has nearly everything."""

Filter = Callable[[Candidates], Candidates]


def logits(spread: float, seed: int = 1, vocabulary: int = VOCABULARY) -> torch.Tensor:
    return spread * torch.randn(vocabulary, generator=torch.Generator().manual_seed(seed))


def kept_by(warper: LogitsProcessor, scores: torch.Tensor) -> list[int]:
    return torch.isfinite(warper(None, scores[None].clone())[0]).nonzero()[:, 0].tolist()


def kept(candidates: Candidates) -> list[int]:
    return candidates.ids.tolist() if candidates.ids is not None else list(range(candidates.scores.numel()))


CASES = [
    *((f"top_k {k}", TopKLogitsWarper(k), lambda c, k=k: keep_top_k(c, k)) for k in (1, 50, 60_000)),
    *((f"top_p {p}", TopPLogitsWarper(p), lambda c, p=p: keep_top_p(c, p)) for p in (0.0, 0.5, 0.9, 0.999)),
    *((f"min_p {p}", MinPLogitsWarper(p), lambda c, p=p: keep_min_p(c, p)) for p in (0.05, 1.0)),
    *((f"typical {p}", TypicalLogitsWarper(p), lambda c, p=p: keep_typical(c, p)) for p in (0.2, 0.95)),
]


@pytest.mark.parametrize(("warper", "keep"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("spread", SPREADS[1:])
def test_a_filter_keeps_what_the_warper_keeps(warper: LogitsProcessor, keep: Filter, spread: float):
    for seed in range(3):
        scores = logits(spread, seed)
        differing = set(kept(keep(Candidates(None, scores)))) ^ set(kept_by(warper, scores))
        # Within rounding of the border, sums in another order may decide otherwise.
        assert float(scores.softmax(-1)[list(differing)].sum()) < 2e-5


@pytest.mark.parametrize(("warper", "keep"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_filter_after_another_keeps_what_the_warper_keeps(warper: LogitsProcessor, keep: Filter):
    scores = logits(3.0)
    first = keep_top_k(Candidates(None, scores), 200)
    warped = TopKLogitsWarper(200)(None, scores[None].clone())[0]
    after = keep(first)
    assert kept(after) == kept_by(warper, warped)
    assert torch.equal(after.scores, scores[after.ids])


def test_equals_of_the_last_are_kept_with_it():
    scores = torch.tensor([1.0, 2.0, 1.0, 0.0, 2.0, 1.0])
    assert kept(keep_top_k(Candidates(None, scores), 3)) == kept_by(TopKLogitsWarper(3), scores)
    for mass in (0.3, 0.5, 0.7, 0.9):
        assert kept(keep_top_p(Candidates(None, scores), mass)) == kept_by(TopPLogitsWarper(mass), scores)


def test_tokens_without_any_probability_are_never_kept():
    scores = logits(3.0)
    scores[::2] = float("-inf")
    for name, _, keep in CASES[1:]:
        if name != "top_k 60000":
            assert all(token % 2 for token in kept(keep(Candidates(None, scores)))), name


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("vocabulary", [7, 259, VOCABULARY])
def test_a_draw_is_multinomials_and_leaves_the_generator_where_it_does(spread: float, vocabulary: int):
    scores = logits(spread, vocabulary=vocabulary)
    ours, theirs = (torch.Generator().manual_seed(5) for _ in range(2))
    for step in range(8):
        candidates = keep_top_k(Candidates(None, scores), 5 if step % 2 else vocabulary)
        dense = torch.full_like(scores, float("-inf"))
        ids = torch.arange(vocabulary) if candidates.ids is None else candidates.ids
        dense[ids] = candidates.scores
        expected = torch.multinomial(dense.softmax(-1), num_samples=1, generator=theirs)
        assert ids[draw_place(candidates, vocabulary, ours)] == expected
        assert torch.equal(ours.get_state(), theirs.get_state())
