"""embedding.py with tiny random weights: what a folder of one's own may hold, and what it may not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel

from embedder_folder import locate_embedder
from embedding import BertEmbedder
from engines.base import ModelUnavailableError

WORDS = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "cat": 5, "sleeps": 6}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=12,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    tokenizer = Tokenizer(WordLevel(WORDS, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_truncation(4)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def load(folder: Path, pooling: str = "mean") -> BertEmbedder:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": pooling}))
    embedder = BertEmbedder(locate_embedder(str(folder)))
    embedder.load()
    return embedder


def states(folder: Path, ids: list[int]) -> np.ndarray:
    model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.inference_mode():
        return model(torch.tensor([ids])).last_hidden_state[0].numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_tokens_are_pooled_as_the_folder_says_and_padding_counts_for_nothing(folder: Path, pooling: str):
    embedder = load(folder, pooling)
    short, long = embedder.encode("a cat"), embedder.encode("a cat sleeps a cat sleeps")
    both = [np.frombuffer(vector, "<f4") for vector in embedder.embed([short, long])]
    for ids, vector in zip((short, long), both, strict=True):
        pooled = states(folder, ids).mean(0) if pooling == "mean" else states(folder, ids)[0]
        assert np.abs(vector - pooled / np.linalg.norm(pooled)).max() < 1e-5


def test_the_tokenizer_s_own_limit_gives_way_to_the_model_s(folder: Path):
    embedder = load(folder)
    ids = embedder.encode("a cat sleeps " * 10)
    assert len(ids) == 32
    assert embedder.cut(ids) == [*ids[:11], WORDS["[SEP]"]]


def test_weights_that_are_incomplete_are_refused_by_name(folder: Path):
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelUnavailableError, match=r"encoder\.layer\.1\.output\.dense\.weight is missing"):
        load(folder)


def test_weights_that_are_none_are_refused_in_one_line(folder: Path):
    (folder / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnavailableError, match="cannot be loaded") as refused:
        load(folder)
    assert "\n" not in str(refused.value)
