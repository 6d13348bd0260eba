"""The batched engine's iteration around a step: small models for it, and requests run alone or together."""

from itertools import count

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from engines.batch_loop import BatchLoop
from engines.batch_row import BatchRow
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


def together(step_model, requests):
    """requests: name to (prompt, wish); all are there from the first step."""
    loop, tokens, ends = new_loop(step_model), {name: [] for name in requests}, {}
    for name, (prompt, wish) in requests.items():
        loop.add(BatchRow(name, prompt, wish.max_tokens, wish, CPU))
    drain(loop, set(requests), tokens, ends)
    return tokens, ends
