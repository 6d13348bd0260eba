"""The batched engine from a folder on disk: which step it takes, what it answers, when it hands over."""

import dataclasses
import json
import random
import shutil

import pytest
import torch
from tiny_models import byte_tokenizer, make_gemma, make_gpt2, make_llama
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from engines.base import ModelUnavailableError
from engines.batch_settings import BatchSettings, choose_capacity, read_batch_settings
from engines.batched import BatchedEngine
from engines.batched_or_streamer import BatchedOrStreamer
from generation import GenerateRequest, GenerationInput, RequestError, Sampling
from heartbeat import rss_bytes

GREEDY = Sampling(6, 0.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, 0, (), None)


@pytest.fixture
def roundable(compiled, tmp_path):
    """A folder with a model that the compiled step can hold, beside the compiled step itself."""
    shutil.copytree(compiled / "native", tmp_path / "native")
    tokenizer = byte_tokenizer()
    torch.manual_seed(6)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, max_position_embeddings=1024,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def silent(*_):
    pass


def answer(engine, text, sampling=GREEDY):
    engine.admit(GenerateRequest("a", GenerationInput(prompt=text), sampling))
    ids, outputs = [], []
    while not outputs or (outputs[-1].finish is None and outputs[-1].error is None):
        outputs += engine.step()
        ids = [token_id for output in outputs for token_id in output.token_ids]
    return ids, outputs


def generate(folder, text, tokens):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([tokenizer.encode(text)])
    mask = torch.ones_like(ids)
    whole = model.generate(ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=0)
    return whole[0, ids.shape[1] :].tolist()


@pytest.mark.parametrize("make", [make_llama, make_gpt2, make_gemma])
def test_unrounded_it_answers_what_generate_answers(make, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIVAULT_QUANTIZATION", "none")
    folder = make(tmp_path / "model")
    engine = BatchedEngine(str(folder), str(tmp_path))
    info = engine.load(silent)
    assert info.dtype == "float32"
    ids, _ = answer(engine, "one two three")
    expected = generate(folder, "one two three", 6)
    assert ids == expected[: len(ids)]
    assert len(ids) == 6 or len(expected) == len(ids) + 1


def test_asked_for_log_probabilities_it_gives_one_for_each_token(tmp_path):
    engine = BatchedEngine(str(make_gpt2(tmp_path / "model")), str(tmp_path))
    engine.load(silent)
    _, outputs = answer(engine, "one two", dataclasses.replace(GREEDY, logprobs=2))
    for output in outputs:
        if output.token_ids:
            assert output.logprobs[0].top[0][0] == output.token_ids[0]


def test_a_prompt_without_room_for_an_answer_is_refused_and_the_slot_stays_free(tmp_path):
    engine = BatchedEngine(str(make_gpt2(tmp_path / "model")), str(tmp_path))
    engine.load(silent)
    with pytest.raises(RequestError, match="context"):
        engine.admit(GenerateRequest("long", GenerationInput(prompt="word " * 100), GREEDY))
    assert answer(engine, "one two")[0]


def test_a_model_it_cannot_hold_is_answered_by_the_streamer_and_said_once(tmp_path, capfd):
    folder = make_gemma(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"attn_logit_softcapping": 50.0}))
    engine = BatchedOrStreamer(str(folder), str(tmp_path))
    engine.load(silent)
    assert (engine.name, engine.slots) == ("streamer", 1)
    assert capfd.readouterr().err.count("batching_unavailable") == 1


def test_without_a_compiler_it_goes_on_through_torch_and_says_so_once(
    roundable, tmp_path, monkeypatch, capfd
):
    shutil.rmtree(tmp_path / "native")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    engine = BatchedEngine(str(roundable), str(tmp_path))
    assert engine.load(silent).dtype == "float32"
    assert answer(engine, "one two")[0]
    assert capfd.readouterr().err.count("no C++ compiler") == 1


def test_on_a_cpu_without_its_instructions_it_goes_on_through_torch_and_says_so_once(
    roundable, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr("engines.native_build.read_cpu_flags", lambda: "fpu sse2 avx2")
    engine = BatchedOrStreamer(str(roundable), str(tmp_path))
    assert engine.load(silent).dtype == "float32"
    assert engine.name == "batched"
    assert answer(engine, "one two")[0]
    assert capfd.readouterr().err.count("lacks abm, avx,") == 1


def test_a_prompt_with_a_token_beyond_the_model_is_refused_and_harms_no_other(roundable, tmp_path):
    tokenizer = AutoTokenizer.from_pretrained(roundable)
    tokenizer.add_tokens(["beyond"])
    tokenizer.save_pretrained(roundable)
    engine = BatchedEngine(str(roundable), str(tmp_path))
    engine.load(silent)
    with pytest.raises(RequestError, match="does not know"):
        engine.admit(GenerateRequest("bad", GenerationInput(prompt="one beyond"), GREEDY))
    assert answer(engine, "one two")[0]


def test_its_slots_and_threads_are_those_asked_for(roundable, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIVAULT_SLOTS", "3")
    monkeypatch.setenv("MINIVAULT_THREADS", "1")
    engine = BatchedEngine(str(roundable), str(tmp_path))
    engine.load(silent)
    assert engine.slots == 3
    assert engine._loop._model.threads == 1


@pytest.mark.parametrize("name", ["MINIVAULT_QUANTIZATION", "MINIVAULT_SLOTS", "MINIVAULT_THREADS"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "٣"])
def test_a_setting_that_cannot_be_used_is_refused_by_name(name, value):
    with pytest.raises(ModelUnavailableError, match=name):
        read_batch_settings({name: value})


def test_the_cache_holds_one_full_context_however_little_memory_is_free():
    capacity = choose_capacity(BatchSettings("auto", None, None), 8192, 23040, 1000)
    assert capacity.cache_tokens == 8192
    assert capacity.slots >= 1


def test_what_rounding_costs_is_measured_once_kept_and_told(roundable, tmp_path):
    info = BatchedEngine(str(roundable), str(tmp_path)).load(silent)
    assert (info.dtype, info.quantization) == ("int8", "int8")
    assert abs(info.perplexity.quantized / info.perplexity.unquantized - 1) < 0.03
    (kept,) = (tmp_path / "native").glob("rounding-*.json")
    assert json.loads(kept.read_text()) == dataclasses.asdict(info.perplexity)
    kept.write_text('{"unquantized": 10, "quantized": 10.5}')
    refused = BatchedEngine(str(roundable), str(tmp_path)).load(silent)
    assert (refused.dtype, refused.quantization, refused.perplexity) == ("float32", "none", None)


def test_a_model_that_rounding_harms_is_rounded_only_when_asked(roundable, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr("engines.rounding_check.MOST_LOSS", -1.0)
    assert BatchedEngine(str(roundable), str(tmp_path)).load(silent).dtype == "float32"
    assert capfd.readouterr().err.count("perplexity") == 1
    monkeypatch.setenv("MINIVAULT_QUANTIZATION", "int8")
    assert BatchedEngine(str(roundable), str(tmp_path)).load(silent).dtype == "int8"


def test_two_thousand_requests_leave_no_memory_behind(roundable, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIVAULT_SLOTS", "8")
    # A cache of one context, soon full of what is kept for others.
    monkeypatch.setattr("engines.batched.free_memory_bytes", lambda: 1)
    engine = BatchedEngine(str(roundable), str(tmp_path))
    engine.load(silent)
    chance, running, ended, resident = random.Random(3), set(), 0, []
    while ended < 2000:
        while len(running) < engine.slots:
            prompt = "".join(chance.choices("abcdefgh ", k=chance.randrange(1, 90)))
            wish = dataclasses.replace(GREEDY, max_tokens=chance.randrange(1, 6), seed=ended)
            wish = dataclasses.replace(wish, temperature=chance.choice((0.0, 1.0)))
            name = f"{ended}-{len(running)}-{chance.random()}"
            if engine.admit(GenerateRequest(name, GenerationInput(prompt=prompt), wish)) is None:
                break
            running.add(name)
        if chance.random() < 0.05:
            engine.cancel(chance.choice(sorted(running)))
        for output in engine.step():
            if output.finish is not None:
                running.remove(output.request_id)
                ended += 1
                if ended in (200, 2000):
                    resident.append(rss_bytes())
    for name in running:
        engine.cancel(name)
    engine.step()
    assert engine._loop._pool.available == engine._loop._pool.size
    assert resident[1] - resident[0] < 8 << 20
