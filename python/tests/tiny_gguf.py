"""A small GGUF file: a Llama of random weights as llama.cpp would have written it."""

from pathlib import Path

import tiny_models
import torch
from gguf import GGUFWriter, LlamaFileType, TokenType
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HEADS = 4
MERGE = ("\u0100", "\u0100")
"""Two bytes 0, in no text: the format has no way to write that nothing is merged."""
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def write_gguf(file: Path) -> tuple[LlamaForCausalLM, PreTrainedTokenizerFast]:
    """Writes the file and returns the model and the tokenizer that it holds."""
    tokenizer = tiny_models.byte_tokenizer(tiny_models.CHAT_TOKENS, tiny_models.CHAT_TEMPLATE)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 1,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=128,
        tie_word_embeddings=True,
    )
    torch.manual_seed(7)
    model = LlamaForCausalLM(config)
    writer = GGUFWriter(file, "llama")
    writer.add_name("tiny")
    writer.add_file_type(LlamaFileType.ALL_F32)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // HEADS)
    writer.add_rope_freq_base(10000.0)
    _add_tokenizer(writer, tokenizer)
    _add_tensors(writer, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model, tokenizer


def _add_tokenizer(writer: GGUFWriter, tokenizer: PreTrainedTokenizerFast) -> None:
    specials = tokenizer.added_tokens_decoder
    words = [*tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))), "".join(MERGE)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types(
        [TokenType.CONTROL if i in specials else TokenType.NORMAL for i in range(len(words))]
    )
    writer.add_token_merges([" ".join(MERGE)])
    writer.add_bos_token_id(tokenizer.eos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_chat_template(tokenizer.chat_template)


def _add_tensors(writer: GGUFWriter, model: LlamaForCausalLM) -> None:
    state = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    writer.add_tensor("token_embd.weight", state["model.embed_tokens.weight"].numpy())
    writer.add_tensor("output_norm.weight", state["model.norm.weight"].numpy())
    for layer in range(model.config.num_hidden_layers):
        for short, long in LAYER_NAMES.items():
            weight = state[f"model.layers.{layer}.{long}.weight"]
            if short in ("attn_q", "attn_k"):
                weight = _interleave_halves(weight)
            writer.add_tensor(f"blk.{layer}.{short}.weight", weight.contiguous().numpy())


def _interleave_halves(weight: torch.Tensor) -> torch.Tensor:
    """llama.cpp rotates neighbouring rows of a head, transformers its two halves."""
    rows, columns = weight.shape
    return weight.reshape(HEADS, 2, rows // HEADS // 2, columns).transpose(1, 2).reshape(rows, columns)
