"""The fake engine's embedder: a word is a token, a text's vector comes from its hash. Knows no torch.

A rule of the plan whose `match` is in a text plays its fault there; `embed_ms` is the time one text takes.
"""

import hashlib
import math
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from embedding import EmbedInput
from engines.base import EmbedderInfo
from engines.fake_faults import Faults, FaultyInbox, FaultyStream
from engines.fake_plan import Plan, parse_plan
from generation import RequestError

DIMENSIONS = 8
CONTEXT_LENGTH = 256
VOCABULARY = 30_000


class FakeEmbedder:
    def __init__(self, name: str, plan: Plan, faults: Faults) -> None:
        self.info = EmbedderInfo(
            name, DIMENSIONS, CONTEXT_LENGTH, "fake", "sha256:" + "0" * 64, 0, "2026-01-01T00:00:00.000Z"
        )
        self._plan = plan
        self._faults = faults

    def load(self) -> None:
        pass

    def encode(self, source: EmbedInput) -> list[int]:
        if not isinstance(source, str):
            if max(source, default=0) >= VOCABULARY:
                raise RequestError("invalid_request", f"{max(source)} is no token of the embedder.")
            return list(source)
        for rule in self._plan.rules:
            if rule.match and rule.match in source and rule.do is not None and rule.claim():
                self._faults.play(rule.do, "")
        return [int.from_bytes(_hash(word)[:4], "big") % VOCABULARY for word in source.split()]

    def cut(self, ids: list[int]) -> list[int]:
        return ids[:CONTEXT_LENGTH]

    def embed(self, rows: Sequence[Sequence[int]]) -> list[bytes]:
        time.sleep(self._plan.embed_ms * len(rows) / 1000)
        return [_vector(row) for row in rows]


def create_fake_embedder(reference: str, plan: str, stream: FaultyStream, inbox: FaultyInbox) -> FakeEmbedder:
    """Goes by the name of the embedder that it stands for; the plan has been parsed before."""
    return FakeEmbedder(Path(reference).name, parse_plan(plan), Faults(stream, inbox))


def _vector(ids: Sequence[int]) -> bytes:
    numbers = [byte - 127.5 for byte in _hash(repr(list(ids)))[:DIMENSIONS]]
    length = math.hypot(*numbers)
    return struct.pack(f"<{DIMENSIONS}f", *(number / length for number in numbers))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
