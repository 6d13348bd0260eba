"""The batched engine's iteration on tiny random models: an answer never depends on its company."""

import random
from itertools import count

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from engines.batch_loop import BatchLoop
from engines.batch_row import BatchRow
from engines.native_build import load_library
from engines.native_step import NativeStep
from engines.torch_step import TorchStep
from generation import Sampling

CONTEXT = 256
BLOCKS = 40
END_IDS = frozenset({3})
CPU = torch.device("cpu")


def sampling(max_tokens=12, temperature=0.0, seed=0, **others):
    fields = {"top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "presence_penalty": 0.0}
    fields |= {"frequency_penalty": 0.0, "stop": (), "logprobs": None} | others
    return Sampling(max_tokens=max_tokens, temperature=temperature, seed=seed, **fields)


def tiny_llama():
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=211, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=CONTEXT, initializer_range=0.3,
        eos_token_id=3, tie_word_embeddings=True,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def tiny_gpt2():
    torch.manual_seed(2)
    config = GPT2Config(
        vocab_size=211, n_embd=64, n_layer=2, n_head=4, n_positions=CONTEXT, initializer_range=0.3,
        bos_token_id=1, eos_token_id=3,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Models so small are slower on two, and on a busy machine much slower."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engines.torch_step.use_threads", lambda _: None)
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["native", "torch llama", "torch gpt2"])
def step_model(request):
    if request.param == "native":
        library = load_library(request.getfixturevalue("compiled"))
        return NativeStep(library, tiny_llama(), BLOCKS, CONTEXT, threads=2)
    return TorchStep(tiny_llama() if request.param == "torch llama" else tiny_gpt2(), BLOCKS, CONTEXT)


def new_loop(step_model, blocks=BLOCKS):
    return BatchLoop(step_model, blocks, END_IDS)


def drain(loop, running, tokens, ends):
    """Steps until nobody runs; collects tokens and ends by id."""
    for _ in count():
        if not running:
            return
        collect(loop.step(), running, tokens, ends)


def collect(outputs, running, tokens, ends):
    for output in outputs:
        assert output.request_id in running, "an output of a request that does not run"
        tokens[output.request_id] += output.token_ids
        if output.finish is not None or output.error is not None:
            running.remove(output.request_id)
            ends[output.request_id] = output.error or output.finish


def alone(step_model, prompt, wish):
    loop, tokens, ends = new_loop(step_model), {"x": []}, {}
    loop.add(BatchRow("x", prompt, wish.max_tokens, wish, CPU))
    drain(loop, {"x"}, tokens, ends)
    return tokens["x"], ends["x"]


def test_a_request_gets_in_any_company_what_it_gets_alone(step_model):
    chance = random.Random(7)
    beginnings = [[chance.randrange(4, 211) for _ in range(length)] for length in (40, 70)]
    requests = []
    for _ in range(24):
        prompt = [chance.randrange(4, 211) for _ in range(chance.choice((1, 5, 31, 32, 33)))]
        if chance.random() < 0.5:
            prompt = chance.choice(beginnings) + prompt
        wish = sampling(chance.randrange(1, 8), chance.choice((0.0, 0.0, 1.0)), chance.randrange(100))
        requests.append((prompt, wish, alone(step_model, prompt, wish)))
    reused = 0
    for _ in range(200):
        loop = new_loop(step_model)
        running, tokens, ends, chosen = set(), {}, {}, {}
        waiting = chance.sample(requests, chance.randrange(2, 6))
        while waiting or running:
            if waiting and (not running or chance.random() < 0.5):
                name = str(len(chosen))
                chosen[name] = waiting.pop()
                prompt, wish, _ = chosen[name]
                tokens[name] = []
                running.add(name)
                reused += loop.add(BatchRow(name, prompt, wish.max_tokens, wish, CPU)) > 0
            collect(loop.step(), running, tokens, ends)
        assert loop._pool.available == BLOCKS
        for name, (_, _, expected) in chosen.items():
            assert (tokens[name], ends[name]) == expected
    assert reused > 20


def test_a_seeded_request_gets_what_generate_gives(step_model):
    if isinstance(step_model, NativeStep):
        pytest.skip("generate has no int8 weights")
    step_model._model.set_attn_implementation("sdpa")
    prompt = list(range(10, 60))
    try:
        torch.manual_seed(5)
        whole = step_model._model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, 50), do_sample=True, max_new_tokens=20,
            top_k=0, temperature=0.8, top_p=0.9, pad_token_id=0, eos_token_id=3,
        )  # fmt: skip
    finally:
        step_model._model.set_attn_implementation("minivault_blocks")
    expected = [token for token in whole[0, 50:].tolist() if token != 3]
    assert alone(step_model, prompt, sampling(20, 0.8, 5, top_p=0.9))[0] == expected


@pytest.mark.parametrize("after", range(8))
def test_a_cancel_after_any_step_ends_that_request_in_the_next_and_no_other(step_model, after):
    prompts = {"a": list(range(4, 150)), "b": [9, 8, 7]}
    wish = sampling(10)
    loop, tokens, ends = new_loop(step_model), {"a": [], "b": []}, {}
    running = set(prompts)
    for name, prompt in prompts.items():
        loop.add(BatchRow(name, prompt, 10, wish, CPU))
    for _ in range(after):
        collect(loop.step(), running, tokens, ends)
    was_running = "a" in running
    loop.cancel("a")
    collect(loop.step(), running, tokens, ends)
    assert "a" not in running
    if was_running:
        assert ends["a"] == "cancelled"
    drain(loop, running, tokens, ends)
    assert loop._pool.available == BLOCKS
    assert (tokens["b"], ends["b"]) == alone(step_model, prompts["b"], wish)


def test_a_second_turn_prefills_only_what_is_new(step_model):
    loop, tokens, ends = new_loop(step_model), {"a": [], "b": []}, {}
    prompt, wish = list(range(4, 104)), sampling(8)
    assert loop.add(BatchRow("a", prompt, 8, wish, CPU)) == 0
    drain(loop, {"a"}, tokens, ends)
    longer = [*prompt, *tokens["a"], *range(20, 60)]
    assert loop.add(BatchRow("b", longer, 8, wish, CPU)) == 96
    drain(loop, {"b"}, tokens, ends)
    assert (tokens["b"], ends["b"]) == alone(step_model, longer, wish)


def test_a_request_is_not_taken_while_the_cache_has_no_room_and_is_right_after_it(step_model):
    loop = new_loop(step_model, blocks=5)
    wish, tokens, ends, running = sampling(20), {}, {}, set()
    prompts = {name: [seed * 7 % 200 + 4] * 50 for seed, name in enumerate("abcd", 1)}
    waiting, refusals = list(prompts), 0
    while waiting or running:
        if waiting and loop.add(BatchRow(waiting[0], prompts[waiting[0]], 20, wish, CPU)) is not None:
            tokens[waiting[0]] = []
            running.add(waiting.pop(0))
        elif waiting:
            refusals += 1
        collect(loop.step(), running, tokens, ends)
    assert refusals > 20
    assert loop._pool.available == 5
    for name, prompt in prompts.items():
        assert (tokens[name], ends[name]) == alone(step_model, prompt, wish)


def test_not_a_number_ends_its_request_only_and_is_never_reused(step_model):
    wish, prompt = sampling(6), list(range(4, 80))
    expected = alone(step_model, prompt, wish)

    class Poisoned:
        numerics, max_tokens = step_model.numerics, step_model.max_tokens
        entering_tokens = staticmethod(step_model.entering_tokens)

        def forward(self, segments):
            logits = step_model.forward(segments).clone()
            wanting = [segment for segment in segments if segment.wants_logits]
            for row, segment in enumerate(wanting):
                if 200 in segment.token_ids:
                    logits[row] = float("nan")
            return logits

    loop, tokens, ends = BatchLoop(Poisoned(), BLOCKS, END_IDS), {"bad": [], "good": []}, {}
    loop.add(BatchRow("bad", [*prompt, 200], 6, wish, CPU))
    loop.add(BatchRow("good", prompt, 6, wish, CPU))
    drain(loop, {"bad", "good"}, tokens, ends)
    assert isinstance(ends["bad"], Exception)
    assert (tokens["good"], ends["good"]) == expected
    assert loop.add(BatchRow("again", [*prompt, 200], 6, wish, CPU)) in (0, 64)
