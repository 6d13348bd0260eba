"""The batched engine's iteration on tiny random models: an answer never depends on its company."""

import random

import pytest
from batch_driver import (
    BLOCKS,
    CONTEXT,
    CPU,
    END_IDS,
    alone,
    collect,
    drain,
    new_loop,
    sampling,
    tiny_gpt2,
    tiny_llama,
)

from engines.batch_loop import BatchLoop
from engines.batch_row import BatchRow
from engines.native_build import load_library
from engines.native_step import NativeStep
from engines.torch_step import TorchStep


@pytest.fixture(scope="module", params=["native", "torch llama", "torch gpt2"])
def step_model(request, one_thread):
    if request.param == "native":
        library = load_library(request.getfixturevalue("compiled"))
        return NativeStep(library, tiny_llama(), BLOCKS, CONTEXT, threads=2)
    return TorchStep(tiny_llama() if request.param == "torch llama" else tiny_gpt2(), BLOCKS, CONTEXT)


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
