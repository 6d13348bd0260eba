"""Sampling gives transformers' own results from its own generator, and lets no broken number through."""

from dataclasses import replace

import pytest
import tiny_models
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from generation import RequestError, Sampling
from sampling import LOWEST_LOGPROB, Sampler

PLAIN = Sampling(24, 1.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, 11, (), None)
GREEDY = replace(PLAIN, temperature=0.0)
CPU = torch.device("cpu")
PROMPT = torch.tensor([[72, 101, 108, 108, 111, 72, 101]])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    folder = tiny_models.make_llama(tmp_path_factory.mktemp("llama"))
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    # Random weights give nearly equal logits; spread them so that every filter has something to cut.
    model.lm_head.weight.data.mul_(60)
    model.generation_config.eos_token_id = None
    return model


def draw_ids(model: PreTrainedModel, sampling: Sampling) -> list[int]:
    sampler = Sampler(sampling, CPU)
    context = PROMPT
    with torch.no_grad():
        for _ in range(sampling.max_tokens):
            draw = sampler.draw(context, model(context).logits[:, -1])
            context = torch.cat([context, torch.tensor([[draw.token_id]])], dim=1)
    return context[0, PROMPT.shape[1] :].tolist()


def generate_ids(model: PreTrainedModel, **settings: object) -> list[int]:
    torch.manual_seed(PLAIN.seed)
    off = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "do_sample": True}
    output = model.generate(PROMPT, max_new_tokens=PLAIN.max_tokens, use_cache=False, **{**off, **settings})
    return output[0, PROMPT.shape[1] :].tolist()


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 1.0},
        {"temperature": 0.3},
        {"top_k": 5},
        {"top_p": 0.6},
        {"min_p": 0.2},
        {"typical_p": 0.7},
        {"repetition_penalty": 1.4},
        {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1},
    ],
    ids=str,
)
def test_draws_what_generate_draws_after_the_same_seed(model: PreTrainedModel, settings: dict):
    assert draw_ids(model, replace(PLAIN, **settings)) == generate_ids(model, **settings)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.3}, {"top_k": 5}, {"top_p": 0.6}, {"min_p": 0.2}, {"seed": 12}], ids=str
)
def test_every_setting_changes_what_is_drawn(model: PreTrainedModel, settings: dict):
    assert draw_ids(model, replace(PLAIN, **settings)) != draw_ids(model, PLAIN)


def test_a_logit_bias_is_generates_sequence_bias(model: PreTrainedModel):
    bias = {first: 3.0 * (-1) ** first for first in range(40, 120)}
    expected = generate_ids(model, sequence_bias={(token_id,): value for token_id, value in bias.items()})
    assert draw_ids(model, replace(PLAIN, logit_bias=bias)) == expected
    assert expected != draw_ids(model, PLAIN)


@pytest.mark.parametrize("value", [-100.0, 100.0])
def test_a_logit_bias_can_forbid_a_token_and_force_one(value: float):
    logits = torch.tensor([[0.0, 2.0, 1.0]])
    drawn = Sampler(replace(GREEDY, logit_bias={1: value}), CPU).draw(torch.tensor([[0]]), logits)
    assert drawn.token_id == (1 if value > 0 else 2)


def test_the_repetition_penalty_sees_only_the_tokens_of_its_window():
    # Of the tokens 0, 1 and 2, each is best where it has not been of late.
    logits = torch.tensor([[3.0, 2.9, 2.8]])

    def best(window: int) -> int:
        sampling = replace(GREEDY, repetition_penalty=1.5, repetition_window=window)
        return Sampler(sampling, CPU).draw(torch.tensor([[2, 1, 0]]), logits).token_id

    assert [best(window) for window in (1, 2, 3, 0, 9)] == [1, 2, 0, 0, 0]


@pytest.mark.parametrize("penalty", [1.0, 1.3])
def test_temperature_zero_is_greedy_search(model: PreTrainedModel, penalty: float):
    expected = generate_ids(model, do_sample=False, repetition_penalty=penalty)
    assert draw_ids(model, replace(GREEDY, repetition_penalty=penalty)) == expected


def test_a_temperature_too_small_to_divide_by_is_greedy(model: PreTrainedModel):
    assert draw_ids(model, replace(PLAIN, temperature=1e-300)) == draw_ids(model, GREEDY)


def test_requests_that_take_turns_draw_what_each_draws_alone():
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(1))
    settings = [replace(PLAIN, seed=seed) for seed in (1, 2)]
    samplers = [Sampler(one, CPU) for one in settings]
    alone = [[sampler.draw(PROMPT, logits).token_id for _ in range(20)] for sampler in samplers]
    samplers = [Sampler(one, CPU) for one in settings]
    turns = [[sampler.draw(PROMPT, logits).token_id for sampler in samplers] for _ in range(20)]
    assert [list(drawn) for drawn in zip(*turns, strict=True)] == alone
    assert alone[0] != alone[1]


def test_the_global_generator_is_neither_seeded_nor_used():
    before = torch.get_rng_state()
    Sampler(PLAIN, CPU).draw(PROMPT, torch.randn(1, 50, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(torch.get_rng_state(), before)


def test_occurrence_penalties_count_generated_tokens_and_not_the_prompt():
    # Token 3 leads by 1 and is in the prompt; 5 comes next.
    logits = torch.tensor([[0.0, 0.0, 0.0, 4.0, 0.0, 3.0]])
    prompt = torch.tensor([[3, 3, 3]])
    frequent = Sampler(replace(GREEDY, frequency_penalty=0.6), CPU)
    assert [frequent.draw(prompt, logits).token_id for _ in range(6)] == [3, 3, 5, 3, 5, 3]
    present = Sampler(replace(GREEDY, presence_penalty=1.5), CPU)
    # Once both have occurred both are 1.5 lower, and 3 leads again for good.
    assert [present.draw(prompt, logits).token_id for _ in range(4)] == [3, 5, 3, 3]


def test_a_negative_occurrence_penalty_invites_repetition():
    logits = torch.tensor([[1.0, 1.5]])
    sampler = Sampler(replace(GREEDY, presence_penalty=-2.0), CPU)
    sampler.draw(PROMPT, torch.tensor([[9.0, 0.0]]))
    assert sampler.draw(PROMPT, logits).token_id == 0


def test_logprobs_are_those_of_the_raw_distribution():
    logits = torch.tensor([[1.0, 3.0, 2.0]])
    raw = torch.log_softmax(logits[0], dim=-1)
    sampler = Sampler(replace(PLAIN, temperature=0.01, top_k=1, repetition_penalty=9.0, logprobs=2), CPU)
    # The repetition penalty takes the lead from token 1, the log-probabilities do not show it.
    logprob = sampler.draw(torch.tensor([[1]]), logits).logprob
    assert logprob.token_id == 2
    assert logprob.logprob == pytest.approx(float(raw[2]))
    assert [token_id for token_id, _ in logprob.top] == [1, 2]
    assert [value for _, value in logprob.top] == pytest.approx([float(raw[1]), float(raw[2])])


def test_logprobs_of_zero_alternatives_name_the_drawn_token_alone():
    logprob = Sampler(replace(GREEDY, logprobs=0), CPU).draw(PROMPT, torch.tensor([[0.0, 2.0]])).logprob
    assert (logprob.token_id, list(logprob.top)) == (1, [])


def test_a_masked_token_has_a_finite_logprob():
    logits = torch.tensor([[0.0, float("-inf")]])
    logprob = Sampler(replace(PLAIN, logprobs=2), CPU).draw(PROMPT, logits).logprob
    assert logprob.token_id == 0
    assert list(logprob.top) == [(0, 0.0), (1, LOWEST_LOGPROB)]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_fail_the_request(value: float, temperature: float):
    logits = torch.zeros(1, 8)
    logits[0, 3] = value
    with pytest.raises(RequestError) as raised:
        Sampler(replace(PLAIN, temperature=temperature), CPU).draw(PROMPT, logits)
    assert raised.value.code == "worker_error"


def test_the_models_logits_are_left_as_they_were():
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(1))
    before = logits.clone()
    sampler = Sampler(replace(PLAIN, frequency_penalty=1.0, repetition_penalty=2.0, top_k=3), CPU)
    for _ in range(3):
        sampler.draw(PROMPT, logits)
    assert torch.equal(logits, before)


def test_a_half_precision_model_is_sampled_in_float32():
    logits = torch.randn(1, 50, generator=torch.Generator().manual_seed(1)).bfloat16()
    drawn = [
        [sampler.draw(PROMPT, given).token_id for _ in range(20)]
        for sampler, given in ((Sampler(PLAIN, CPU), logits), (Sampler(PLAIN, CPU), logits.float()))
    ]
    assert drawn[0] == drawn[1]
