"""The packaged embedder: the vectors that sentence-transformers makes, and streams that do not notice."""

import base64
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from child_worker import PYTHON, SAMPLING, ChildWorker, wait_for
from test_packaged_model import DATA_DIR

from embedder_folder import locate_embedder
from embedding import BertEmbedder
from generation import RequestError

pytestmark = pytest.mark.model
MADE_ELSEWHERE = json.loads((Path(__file__).parent / "minilm_vectors.json").read_text(encoding="utf-8"))
"""Of sentence-transformers, one text at a time; the last text is longer than the context."""
LONG = "Embedding a long text beside a running stream must not be noticed by those who read the stream. " * 20
STALL_S = 0.1
"""What an embedding may add to the longest gap that a stream has anyway."""
TRIES = 3
STREAM_TOKENS = 100


@pytest.fixture(scope="module")
def embedder() -> BertEmbedder:
    embedder = BertEmbedder(locate_embedder("all-minilm-l6-v2"))
    embedder.load()
    return embedder


def embed(embedder: BertEmbedder, *texts: str) -> np.ndarray:
    rows = [embedder.encode(text) for text in texts]
    cut = [embedder.cut(row) if len(row) > embedder.info.context_length else row for row in rows]
    return np.stack([np.frombuffer(vector, "<f4") for vector in embedder.embed(cut)])


def test_it_describes_itself_from_its_files(embedder: BertEmbedder):
    assert (embedder.info.dimensions, embedder.info.context_length) == (384, 256)


def test_vectors_equal_those_of_sentence_transformers(embedder: BertEmbedder):
    texts = [each["text"] for each in MADE_ELSEWHERE["vectors"]]
    expected = np.stack(
        [np.frombuffer(base64.b64decode(e["vector"]), "<f4") for e in MADE_ELSEWHERE["vectors"]]
    )
    alone = np.concatenate([embed(embedder, text) for text in texts])
    assert np.abs(alone - expected).max() < 1e-5
    assert np.abs(embed(embedder, *texts) - expected).max() < 1e-5
    assert np.abs(np.linalg.norm(alone, axis=1) - 1).max() < 1e-6


def test_what_means_the_same_is_near(embedder: BertEmbedder):
    cat, kitten, tax = embed(embedder, "A cat sleeps.", "A kitten is napping.", "The tax is due in May.")
    assert cat @ kitten > 0.6 > 0.3 > cat @ tax


def test_ids_are_the_text_that_they_stand_for(embedder: BertEmbedder):
    ids = tuple(embedder.encode("A cat sleeps."))
    assert embedder.encode(ids) == embedder.encode(ids[1:-1]) == list(ids)
    with pytest.raises(RequestError, match="30522"):
        embedder.encode((30522,))


@pytest.mark.parametrize("quantization", ["auto", "none"])
def test_running_streams_never_wait_for_an_embedding(quantization: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINIVAULT_QUANTIZATION", quantization)
    # What other processes do can only add to a gap: one try without them tells, what is ours shows in all.
    tries = (longest_gaps() for _ in range(TRIES))
    assert any(beside < alone + STALL_S for alone, beside in tries)


def longest_gaps() -> tuple[float, float]:
    """Of a stream alone and of one beside 256 long texts, for which the embedder is loaded first; seconds."""
    words = ["--engine", "batched", "--model", "smollm2-135m-instruct", "--data-dir", str(DATA_DIR)]
    worker = ChildWorker(python=["-u", str(PYTHON / "worker.py"), *words])
    try:
        wait_for(lambda: any(line.startswith(b'{"type":"ready"') for line in worker.lines), 60)
        stream(worker, "warm", 20)
        alone = gaps(worker, "alone")
        for number in range(4):
            worker.send({"type": "embed", "id": f"e{number}", "inputs": [LONG] * 64, "truncate": True})
        beside = gaps(worker, "beside")
        assert len([line for line in worker.lines if line.startswith(b'{"type":"embeddings"')]) < 4
    finally:
        worker.kill()
    return max(alone), max(beside)


def stream(worker: ChildWorker, name: str, tokens: int) -> list[float]:
    """Seconds at which each line of tokens came."""
    messages = [{"role": "user", "content": "Write a long story about the sea."}]
    settings = {**SAMPLING, "max_tokens": tokens, "logit_bias": {}}
    worker.send({"type": "generate", "id": name, "messages": messages, "sampling": settings})
    times = []
    while not worker.ends(name):
        line = worker.next_line()
        assert line is not None
        if line.startswith(b'{"type":"tokens"'):
            times.append(time.perf_counter())
    return times


def gaps(worker: ChildWorker, name: str) -> list[float]:
    times = stream(worker, name, STREAM_TOKENS)
    return [after - before for before, after in pairwise(times)]
