"""The compiled int8 step on a tiny random Llama: near to the model, and the same bits in any company."""

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from engines.native_build import NativeUnavailableError, load_library
from engines.native_step import NativeStep, check_native, pack
from engines.patience import Patience
from engines.step_model import Segment

SIZES = {
    "vocab_size": 203, "hidden_size": 96, "intermediate_size": 160, "num_hidden_layers": 3,
    "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256,
    "initializer_range": 0.2,
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return LlamaForCausalLM(LlamaConfig(**SIZES)).eval()


@pytest.fixture(scope="module")
def library(compiled):
    return load_library(compiled)


@pytest.fixture
def step(library, model):
    made = NativeStep(library, model, 64, 256, threads=3)
    yield made
    made.close()


def blocks_of(row):
    return np.arange(row * 8 + 7, row * 8 - 1, -1, dtype=np.int32)


def test_its_logits_are_near_those_of_the_model(step, model):
    ids = torch.randint(203, (1, 150), generator=torch.Generator().manual_seed(4))
    with torch.inference_mode():
        expected = model(ids).logits[0]
    got = step.forward([Segment([token], i, blocks_of(0), True) for i, token in enumerate(ids[0].tolist())])
    nearness = torch.nn.functional.cosine_similarity(got, expected)
    assert nearness.mean() > 0.995
    assert nearness.min() > 0.97


def test_a_token_gets_the_same_bits_in_any_company_chunk_and_number_of_threads(step):
    prompts = [torch.randint(203, (70 + row,)).tolist() for row in range(6)]
    step._patience = Patience(1)
    alone = []
    for row, prompt in enumerate(prompts):
        for position, token in enumerate(prompt):
            logits = step.forward([Segment([token], position, blocks_of(row), True)])
        alone.append(logits[0].clone())
    for threads in (1, 2, 3):
        step._patience = Patience(threads)
        for size in range(1, 7):
            segments = [Segment(prompts[row], 0, blocks_of(row), True) for row in range(size)]
            for first in (1, 33, 64):
                step.forward([Segment(s.token_ids[:first], 0, s.blocks, False) for s in segments[:4]])
                rest = [Segment(s.token_ids[first:], first, s.blocks, True) for s in segments[:4]]
                together = step.forward([*rest, *segments[4:]])
                assert all(torch.equal(got, alone[row]) for row, got in enumerate(together))


def test_not_a_number_reaches_the_logits_of_its_request_and_no_others(library, model):
    damaged = LlamaForCausalLM(model.config).eval()
    damaged.load_state_dict(model.state_dict())
    with torch.no_grad():
        damaged.model.embed_tokens.weight[7, 3] = float("nan")
    step = NativeStep(library, damaged, 64, 256, threads=1)
    segments = [Segment([5, 7, 9], 0, blocks_of(0), True), Segment([5, 6, 9], 0, blocks_of(1), True)]
    logits = step.forward(segments)
    assert logits[0].isnan().all()
    assert logits[1].isfinite().all()
    step.close()


def test_models_that_it_does_not_compute_are_refused_with_the_reason():
    with pytest.raises(NativeUnavailableError, match="Qwen2ForCausalLM"):
        check_native(Qwen2ForCausalLM(Qwen2Config(**SIZES)))
    with pytest.raises(NativeUnavailableError, match="gelu"):
        check_native(LlamaForCausalLM(LlamaConfig(**SIZES, hidden_act="gelu")))


def test_rounded_weights_are_within_half_a_step_and_a_row_of_zeros_stays_zero(library):
    weight = torch.randn(20, 32)
    weight[3] = 0
    values, sums, scales = pack(library, weight)
    steps = (weight / scales[:20, None]).round().to(torch.int8)
    assert (steps * scales[:20, None] - weight).abs().le(scales[:20, None] / 2 + 1e-6).all()
    assert steps.abs().amax(1).eq(127).sum() == 19
    assert torch.equal(
        values.flatten().sort().values, torch.cat((steps, steps.new_zeros(12, 32))).flatten().sort().values
    )
    assert torch.equal(sums.sum(), steps.sum(dtype=torch.int64))
