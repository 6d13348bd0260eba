"""embed_thread.py with an embedder that is a counter, and through the fake worker."""

import base64
import json
import os
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from child_worker import Start, wait_for

from embed_thread import CHUNK_TEXTS, CHUNK_TOKENS, EmbedThread
from embedding import EmbedInput
from engines.base import EmbedderInfo, ModelUnavailableError
from protocol import Embed
from protocol_stream import ProtocolStream


class Collected(ProtocolStream):
    def __init__(self) -> None:
        super().__init__(os.open(os.devnull, os.O_WRONLY))
        self.answers: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []

    def send(self, data: bytes) -> None:
        (line,) = data.splitlines()
        answer = json.loads(line)
        assert answer["id"] not in self.answers, "answered twice"
        self.order.append(answer["id"])
        self.answers[answer["id"]] = answer


REST = ("none", "sha256:00", 0, "2026-01-01T00:00:00.000Z")


class Lengths:
    """A text's vector is its number of characters, which are its tokens; ten fit."""

    info = EmbedderInfo("lengths", 1, 10, *REST)

    def __init__(self, before: Callable[[Sequence[Sequence[int]]], None] = lambda _: None) -> None:
        self.before = before
        self.loads = 0
        self.chunks: list[int] = []

    def load(self) -> None:
        self.loads += 1

    def encode(self, source: EmbedInput) -> list[int]:
        if source == "broken":
            raise KeyError("secret")
        return list(source.encode()) if isinstance(source, str) else list(source)

    def cut(self, ids: list[int]) -> list[int]:
        return ids[:10]

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        self.before(rows)
        self.chunks.append(len(rows))
        return [struct.pack("<f", len(row)) for row in rows]


def vectors_of(answer: dict[str, Any]) -> tuple[float, ...]:
    data = base64.b64decode(answer["vectors"])
    return struct.unpack(f"<{len(data) // 4}f", data)


def run(embedder: Lengths, *requests: Embed) -> Collected:
    stream = Collected()
    embeds = EmbedThread(embedder, stream)
    for request in requests:
        embeds.submit(request)
    wait_for(lambda: len(stream.answers) == len(requests))
    return stream


def test_vectors_come_in_the_order_of_the_texts_with_their_tokens():
    texts = ("four", "a", "seventy", "", "0123456789+")
    answer = run(Lengths(), Embed("e", texts, truncate=True)).answers["e"]
    assert vectors_of(answer) == (4, 1, 7, 0, 10)
    assert answer["tokens"] == [4, 1, 7, 0, 10]
    assert answer["truncated"] == [False, False, False, False, True]
    assert answer["dimensions"] == 1


def test_no_forward_pass_is_larger_than_a_chunk():
    embedder = Lengths()
    run(embedder, Embed("e", ("word",) * (CHUNK_TEXTS + 1), truncate=True))
    assert embedder.chunks == [CHUNK_TEXTS, 1]
    embedder = Lengths()
    embedder.info = EmbedderInfo("lengths", 1, CHUNK_TOKENS, *REST)
    run(embedder, Embed("e", ("x" * CHUNK_TOKENS,) * 3, truncate=True))
    assert embedder.chunks == [1, 1, 1]


def test_a_text_that_is_too_long_is_refused_with_both_numbers_when_it_may_not_be_cut():
    answer = run(Lengths(), Embed("e", ("fits", "does not fit"), truncate=False)).answers["e"]
    assert (answer["type"], answer["code"]) == ("error", "context_length_exceeded")
    assert "12" in answer["message"]
    assert "10" in answer["message"]


def test_a_fault_ends_its_own_request_and_no_other(capfd: pytest.CaptureFixture[str]):
    stream = run(Lengths(), Embed("a", ("broken",), truncate=True), Embed("b", ("fine",), truncate=True))
    assert (stream.answers["a"]["code"], vectors_of(stream.answers["b"])) == ("worker_error", (4,))
    assert "secret" not in json.dumps(stream.answers)
    assert "secret" in json.loads(capfd.readouterr().err)["traceback"]


def test_a_short_request_does_not_wait_for_a_long_one_to_end():
    together = threading.Event()
    embedder = Lengths(lambda _: together.wait() and None)
    stream = Collected()
    embeds = EmbedThread(embedder, stream)
    embeds.submit(Embed("long", ("text",) * 100, truncate=True))
    embeds.submit(Embed("short", ("text",), truncate=True))
    together.set()
    wait_for(lambda: len(stream.answers) == 2)
    assert stream.order == ["short", "long"]
    assert embedder.loads == 1


def test_a_cancel_ends_a_request_before_its_next_chunk():
    stream = Collected()
    embedder = Lengths(lambda _: embeds.cancel("e"))
    embeds = EmbedThread(embedder, stream)
    embeds.cancel("e")
    embeds.submit(Embed("e", ("text",) * 100, truncate=True))
    wait_for(lambda: "e" in stream.answers)
    assert stream.answers["e"]["code"] == "cancelled"
    assert embedder.chunks == [CHUNK_TEXTS]
    embedder.before = lambda _: None
    embeds.submit(Embed("again", ("text",), truncate=True))
    wait_for(lambda: "again" in stream.answers)
    assert vectors_of(stream.answers["again"]) == (4,)


def test_an_embedder_that_cannot_be_loaded_is_tried_again_at_the_next_request():
    class Fails(Lengths):
        def load(self) -> None:
            super().load()
            if self.loads == 1:
                raise ModelUnavailableError("The embedder is on a disk that is away.")

    embedder = Fails()
    stream = run(embedder, Embed("a", ("x",), truncate=True), Embed("b", ("x",), truncate=True))
    assert stream.answers["a"]["code"] == "model_unavailable"
    assert "disk that is away" in stream.answers["a"]["message"]
    assert vectors_of(stream.answers["b"]) == (1,)


def test_a_worker_without_an_embedder_says_why():
    stream = Collected()
    embeds = EmbedThread(ModelUnavailableError("It is not installed."), stream)
    assert embeds.info is None
    embeds.submit(Embed("e", ("x",), truncate=True))
    wait_for(lambda: "e" in stream.answers)
    answer = stream.answers["e"]
    assert (answer["code"], answer["message"]) == ("model_unavailable", "It is not installed.")


def test_the_fake_worker_embeds_while_it_streams(start: Start):
    worker = start({"tokens": 1000, "gap_ms": 1, "embed_ms": 5})
    assert worker.until("ready")["embedder"] == {
        "id": "all-minilm-l6-v2",
        "dimensions": 8,
        "context_length": 256,
        "family": "fake",
        "digest": "sha256:" + "0" * 64,
        "size_bytes": 0,
        "modified_at": "2026-01-01T00:00:00.000Z",
        "tokenizer": None,
    }
    worker.generate("g", "one two")
    worker.until("tokens", "g")
    worker.send({"type": "embed", "id": "e", "inputs": ["one two", "three", [1, 2, 3]], "truncate": True})
    answer = worker.until("embeddings", "e")
    assert answer["tokens"] == [2, 1, 3]
    vectors = [vectors_of(answer)[at : at + 8] for at in (0, 8, 16)]
    assert [sum(number * number for number in vector) for vector in vectors] == pytest.approx([1, 1, 1])
    assert worker.ends("g") == []
    worker.send({"type": "embed", "id": "f", "inputs": ["one two"], "truncate": True})
    assert vectors_of(worker.until("embeddings", "f")) == vectors[0]


def test_a_running_embed_of_the_fake_worker_can_be_cancelled(start: Start):
    worker = start({"embed_ms": 50, "rules": [{"match": "POISON", "do": "raise"}]})
    worker.send({"type": "embed", "id": "e", "inputs": ["word"] * 256, "truncate": True})
    worker.send({"type": "embed", "id": "p", "inputs": ["POISON"], "truncate": True})
    assert worker.until("error", "p")["code"] == "worker_error"
    worker.send({"type": "cancel", "id": "e"})
    assert worker.until("error", "e")["code"] == "cancelled"
