"""Small models made on disk: real files of real architectures, random or scripted weights, no download."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

END = "<|endoftext|>"
CHAT_TOKENS = ("<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ message['role'] }}\n{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def byte_tokenizer(
    specials: tuple[str, ...] = (), template: str | None = None, begin: str | None = None
) -> PreTrainedTokenizerFast:
    """One token a byte, then END and the specials; `begin` comes before raw text, as Gemma has it."""
    vocabulary = {letter: index for index, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([END, *specials])
    if begin is not None:
        backend.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, backend.token_to_id(begin))]
        )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=END, bos_token=begin)
    tokenizer.chat_template = template
    return tokenizer


def make_gpt2(folder: Path, positions: int = 64) -> Path:
    """Random weights, no chat template, as the `gpt2` of the hub."""
    tokenizer = byte_tokenizer()
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=positions, n_embd=32, n_layer=2, n_head=2, **_end(tokenizer)
    )
    return _save(folder, GPT2LMHeadModel, config, tokenizer)


def make_llama(folder: Path, template: str | None = CHAT_TEMPLATE) -> Path:
    tokenizer = byte_tokenizer(CHAT_TOKENS, template)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        **_end(tokenizer),
    )
    return _save(folder, LlamaForCausalLM, config, tokenizer)


def make_gemma(folder: Path) -> Path:
    """Gemma 3's text model: sliding windows, a template without system role, a begin token."""
    tokenizer = byte_tokenizer(("<bos>", "<start_of_turn>", "<end_of_turn>"), GEMMA_TEMPLATE, "<bos>")
    config = Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        sliding_window=16,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=1024,
        **_end(tokenizer),
    )
    return _save(folder, Gemma3ForCausalLM, config, tokenizer)


def make_reciting_gpt2(folder: Path, answer: str, positions: int = 128) -> Path:
    """Answers a prompt of one token with `answer` and the end token, whatever the prompt says.

    Its logits depend on the position alone: the blocks add nothing, and each position's embedding points at
    one token of the answer.
    """
    tokenizer = byte_tokenizer()
    script = [*tokenizer.encode(answer), tokenizer.eos_token_id]
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=positions,
        n_embd=positions,
        n_layer=1,
        n_head=1,
        tie_word_embeddings=False,
        **_end(tokenizer),
    )
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.transformer.wpe.weight.copy_(torch.eye(positions))
        model.transformer.ln_f.weight.fill_(1)
        for position in range(positions):
            model.lm_head.weight[script[position % len(script)], position] = 1
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _end(tokenizer: PreTrainedTokenizerFast) -> dict[str, int]:
    end = tokenizer.eos_token_id
    return {"bos_token_id": end, "eos_token_id": end, "pad_token_id": end}


def _save(
    folder: Path, architecture: type[PreTrainedModel], config: object, tokenizer: PreTrainedTokenizerFast
) -> Path:
    torch.manual_seed(7)
    architecture(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
