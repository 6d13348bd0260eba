"""The batched engine, unrounded, draws what transformers' `generate` draws: alone and in company.

In float32: in bfloat16 two tokens may tie, and the company decides how the sum is rounded.
"""

import os
from pathlib import Path

import pytest
import torch
from batch_driver import CONTEXT, CPU, alone, new_loop, sampling, tiny_gpt2, tiny_llama, together
from transformers import AutoModelForCausalLM
from transformers.generation.logits_process import LogitsProcessor, LogitsProcessorList

from engines.batch_row import BatchRow
from engines.torch_step import ATTENTION, TorchStep

DATA_DIR = Path(os.environ.get("MINIVAULT_DATA_DIR") or Path(__file__).parents[2] / "data").expanduser()
PROMPT = list(range(10, 60))
TOKENS = 10
COMPANY = {
    "greedy": ([7, 8, 9], sampling(10)),
    "same beginning": ([*PROMPT[:40], 99], sampling(6, 1.3, 4, top_k=3)),
    "penalised": (list(range(150, 70, -1)), sampling(12, 0.9, 9, repetition_penalty=1.4)),
}
CASES = {
    "greedy": {},
    "temperature": {"temperature": 0.7},
    "hot": {"temperature": 1.8},
    "top_k": {"temperature": 1.0, "top_k": 4},
    "top_p": {"temperature": 1.0, "top_p": 0.7},
    "min_p": {"temperature": 1.0, "min_p": 0.15},
    "repetition, greedy": {"repetition_penalty": 1.5},
    "repetition": {"temperature": 1.0, "repetition_penalty": 1.5},
    "presence": {"temperature": 0.8, "presence_penalty": 1.7},
    "frequency": {"temperature": 0.8, "frequency_penalty": 1.1},
    "both, greedy": {"presence_penalty": 0.6, "frequency_penalty": -0.4},
    "all": {
        "temperature": 0.9,
        "top_k": 30,
        "top_p": 0.95,
        "min_p": 0.02,
        "repetition_penalty": 1.2,
        "presence_penalty": 0.3,
        "frequency_penalty": 0.2,
    },
}


class Occurrences(LogitsProcessor):
    """What OpenAI's reference says of the two penalties, in one line a token."""

    def __init__(self, presence, frequency):
        self.presence, self.frequency = presence, frequency

    def __call__(self, input_ids, scores):
        times = torch.bincount(input_ids[0, len(PROMPT) :], minlength=scores.shape[-1])
        return scores - self.frequency * times - self.presence * (times > 0)


def generate(step, case, seed):
    """Its tokens without the end token, and the raw logits before each of them."""
    model = step._model
    model.set_attn_implementation("sdpa")
    settings = dict(case)
    occurrences = Occurrences(settings.pop("presence_penalty", 0), settings.pop("frequency_penalty", 0))
    if "temperature" in settings:
        settings = {"do_sample": True, "top_k": 0, "top_p": 1.0, **settings}
    try:
        torch.manual_seed(seed)
        done = model.generate(
            torch.tensor([PROMPT]), attention_mask=torch.ones(1, len(PROMPT)), max_new_tokens=TOKENS,
            pad_token_id=0, eos_token_id=3, return_dict_in_generate=True, output_logits=True,
            logits_processor=LogitsProcessorList([occurrences]), **settings,
        )  # fmt: skip
    finally:
        model.set_attn_implementation(ATTENTION)
    return [token for token in done.sequences[0, len(PROMPT) :].tolist() if token != 3], done.logits


@pytest.fixture(scope="module", params=["llama", "gpt2", pytest.param("packaged", marks=pytest.mark.model)])
def step(request, one_thread):
    if request.param == "packaged":
        folder = DATA_DIR / "models" / "smollm2-135m-instruct"
        return TorchStep(
            AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), 40, CONTEXT
        )
    return TorchStep(tiny_llama() if request.param == "llama" else tiny_gpt2(), 40, CONTEXT)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_request_gets_what_generate_gives_with_its_parameters_alone_and_in_company(step, case):
    wish = sampling(TOKENS, seed=5, **{"temperature": 0.0, **case})
    expected, _ = generate(step, case, 5)
    assert alone(step, PROMPT, wish)[0] == expected
    tokens, _ = together(step, {**COMPANY, "it": (PROMPT, wish)})
    assert tokens["it"] == expected


def test_another_seed_draws_something_else(step):
    answers = [alone(step, PROMPT, sampling(TOKENS, 1.0, seed))[0] for seed in (5, 5, 6)]
    assert answers[0] == answers[1] != answers[2]


def test_log_probabilities_are_those_of_the_raw_distribution(step):
    case = {"temperature": 0.8, "repetition_penalty": 1.3}
    _, logits = generate(step, case, 5)
    loop = new_loop(step)
    loop.add(BatchRow("x", PROMPT, TOKENS, sampling(TOKENS, seed=5, logprobs=3, **case), CPU))
    outputs = []
    while not outputs or outputs[-1].finish is None:
        outputs += loop.step()
    told = [logprob for output in outputs for logprob in output.logprobs or ()]
    assert len(told) == sum(len(output.token_ids) for output in outputs) > 0
    for one, raw in zip(told, logits, strict=False):
        expected = torch.log_softmax(raw[0].float(), dim=-1)
        assert one.logprob == pytest.approx(float(expected[one.token_id]), abs=1e-3)
        assert [token for token, _ in one.top] == expected.topk(3).indices.tolist()
        assert [value for _, value in one.top] == pytest.approx(expected.topk(3).values.tolist(), abs=1e-3)
