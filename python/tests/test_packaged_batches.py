"""The packaged model in batches, in this process: what a second turn and what a long prompt cost."""

import os
import random
import statistics
import time
from pathlib import Path

import pytest

from engines.batched import BatchedEngine
from generation import GenerateRequest, GenerationInput, Message, Sampling
from models import PACKAGED_ID

pytestmark = pytest.mark.model
DATA_DIR = Path(os.environ.get("MINIVAULT_DATA_DIR") or Path(__file__).parents[2] / "data").expanduser()


@pytest.fixture(scope="module")
def loaded():
    engine = BatchedEngine(PACKAGED_ID, str(DATA_DIR))
    return engine, engine.load(lambda *_: None)


def admit(engine, name, messages, max_tokens):
    wish = Sampling(max_tokens, 0.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, 0, (), None)
    return engine.admit(GenerateRequest(name, GenerationInput(messages=tuple(messages)), wish))


def words(count, seed):
    chance = random.Random(seed)
    return " ".join(
        chance.choice(("river", "stone", "cloud", "seven", "paper", "music")) for _ in range(count)
    )


def run(engine, name):
    """To the end of that request; its answer's ids."""
    ids = []
    while True:
        for output in engine.step():
            if output.request_id == name:
                ids += output.token_ids
                if output.finish is not None:
                    return ids


def test_it_tells_what_rounding_costs(loaded):
    engine, info = loaded
    if engine.numerics != "int8":
        pytest.skip("without the compiled step nothing is rounded")
    assert info.quantization.endswith("int8")
    assert 1 <= info.perplexity.quantized / info.perplexity.unquantized < 1.03


def test_a_second_turn_reads_only_what_is_new(loaded):
    engine, _ = loaded
    turns = [Message("user", words(900, 1))]
    first = admit(engine, "first", turns, 40)
    answer = engine.detokenize(run(engine, "first"))
    assert (first.prompt_tokens > 900, first.cached_tokens < 64) == (True, True)
    turns += [Message("assistant", answer), Message("user", "And now in French?")]
    second = admit(engine, "second", turns, 4)
    # All whole blocks of the first turn's prompt, at the least.
    assert second.cached_tokens >= first.prompt_tokens // 32 * 32 - 32
    assert second.cached_tokens % 32 == 0
    engine.cancel("second")
    engine.step()


def test_a_long_prompt_that_enters_costs_a_running_stream_less_than_four_steps(loaded):
    engine, _ = loaded
    if engine.numerics != "int8":
        pytest.skip("through torch, a piece of a prompt costs what the CPU makes of it")

    def timed_step():
        begun = time.perf_counter()
        outputs = engine.step()
        return time.perf_counter() - begun, outputs

    admit(engine, "running", [Message("user", "Write a long story.")], 2000)
    ordinary = [timed_step()[0] for _ in range(60)][20:]
    long = admit(engine, "long", [Message("user", words(1470, 2))], 2)
    assert long.prompt_tokens > 1490
    assert long.cached_tokens < 64
    gaps, entered = [], False
    while not entered:
        gap, outputs = timed_step()
        gaps.append(gap)
        assert any(output.request_id == "running" and output.token_ids for output in outputs)
        entered = any(output.request_id == "long" for output in outputs)
    # The median: other processes of a test run add to single steps of either kind.
    assert statistics.median(gaps) < 4 * statistics.median(ordinary)
    engine.cancel("running")
    engine.cancel("long")
    engine.step()
