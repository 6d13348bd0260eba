"""The streamer engine in this process: what generate would say, token by token, and every request ends."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_models
import torch
from engine_driver import before_forward, logits_of, run, steps
from safetensors.torch import load_file, save_file

from decoding import AnswerText
from engines.base import ModelUnavailableError, StepOutput
from engines.streamer import StreamerEngine
from generation import GenerateRequest, GenerationInput, Message, RequestError, Sampling

SAMPLED = Sampling(20, 1.0, 1.0, 0, 0.0, 1.0, 0.0, 0.0, 3, (), None)
GREEDY = replace(SAMPLED, temperature=0.0)
FILTERED = replace(SAMPLED, temperature=0.7, top_k=30, top_p=0.9)
LONG = "word " * 200
CHUNK_TOKENS = 64


def started(folder: Path) -> StreamerEngine:
    engine = StreamerEngine(str(folder), str(folder.parent))
    engine.load(lambda stage, done, total: None)
    return engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def gpt2(folder: Path) -> StreamerEngine:
    return started(tiny_models.make_gpt2(folder / "gpt2"))


@pytest.fixture(scope="module")
def llama(folder: Path) -> StreamerEngine:
    return started(tiny_models.make_llama(folder / "llama"))


@pytest.fixture(scope="module")
def gemma(folder: Path) -> StreamerEngine:
    return started(tiny_models.make_gemma(folder / "gemma"))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.generate_call.prefill_chunk_tokens", lambda device: CHUNK_TOKENS)


def raw(prompt: str, sampling: Sampling = GREEDY, name: str = "r") -> GenerateRequest:
    return GenerateRequest(name, GenerationInput(prompt=prompt), sampling)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gemma"])
@pytest.mark.parametrize(
    "sampling", [GREEDY, replace(SAMPLED, temperature=0.7, top_k=30, top_p=0.9)], ids=["greedy", "sampled"]
)
def test_it_answers_what_generate_answers(name: str, sampling: Sampling, request: pytest.FixtureRequest):
    engine: StreamerEngine = request.getfixturevalue(name)
    loaded = engine._loaded
    prompt = torch.tensor([loaded.tokenizer.encode("What is it?")])
    torch.manual_seed(sampling.seed)
    settings = (
        {"temperature": 0.7, "top_k": 30, "top_p": 0.9, "do_sample": True} if sampling.temperature else {}
    )
    expected = loaded.model.generate(
        prompt, max_new_tokens=20, eos_token_id=sorted(loaded.end_ids), pad_token_id=0, **settings
    )[0, prompt.shape[1] :].tolist()
    ids, last = run(engine, raw("What is it?", sampling))
    ended = expected[-1] in loaded.end_ids
    assert ids == (expected[:-1] if ended else expected)
    assert last.finish == ("stop" if ended else "length")


@pytest.mark.parametrize("name", ["llama", "gemma"])
@pytest.mark.usefixtures("small_chunks")
def test_a_prompt_read_in_chunks_is_answered_as_one_read_whole(name: str, request: pytest.FixtureRequest):
    engine: StreamerEngine = request.getfixturevalue(name)
    loaded = engine._loaded
    prompt = torch.tensor([loaded.tokenizer.encode(LONG[:700])])
    whole = loaded.model.generate(prompt, max_new_tokens=20, do_sample=False, pad_token_id=0)
    chunks: list[int] = []
    with before_forward(engine, chunks.append):
        ids, _ = run(engine, raw(LONG[:700]))
    assert ids == whole[0, prompt.shape[1] :].tolist()
    assert max(chunks) == CHUNK_TOKENS
    assert sum(size for size in chunks if size > 1) == prompt.shape[1]


def test_messages_go_through_the_chat_template(llama: StreamerEngine):
    source = GenerationInput((Message("user", "Hi"),))
    admitted = llama.admit(GenerateRequest("r", source, GREEDY))
    list(steps(llama))
    assert admitted.prompt_tokens == len("user\nHi\nassistant\n") + 3
    assert llama.count_tokens(source) == admitted.prompt_tokens


def test_an_answer_ends_at_the_models_end_token_with_all_its_characters(folder: Path):
    answer = "🎉日本語 👩‍👩‍👧 ok"
    engine = started(tiny_models.make_reciting_gpt2(folder / "reciting", answer))
    text = AnswerText(engine.admit(raw("x", replace(GREEDY, max_tokens=100))).detokenizer)
    pieces = []
    for output in steps(engine):
        piece = text.push(output.token_ids)
        pieces += [piece[0]] if piece else []
    assert output.finish == "stop"
    assert "".join(pieces) == answer
    assert "\ufffd" not in "".join(pieces)
    assert len(pieces) == len(answer)


def test_the_contexts_end_ends_an_answer(gpt2: StreamerEngine):
    ids, last = run(gpt2, raw("y" * 60, replace(GREEDY, max_tokens=1000)))
    assert (len(ids), last.finish) == (4, "length")


@pytest.mark.parametrize("length", [63, 64, 65, 5000])
def test_a_prompt_that_fills_the_context_is_refused_with_both_numbers(gpt2: StreamerEngine, length: int):
    if length < 64:
        assert len(run(gpt2, raw("y" * length))[0]) == 1
        return
    with pytest.raises(RequestError, match=f"{length} tokens; the model's context holds 64") as raised:
        gpt2.admit(raw("y" * length))
    assert raised.value.code == "context_length_exceeded"


def test_a_blank_prompt_is_answered_and_an_empty_one_refused(gpt2: StreamerEngine):
    assert run(gpt2, raw(" "))[1].finish is not None
    with pytest.raises(RequestError, match="empty"):
        gpt2.admit(raw(""))
    assert run(gpt2, raw("next"))[1].finish is not None


def test_an_exception_in_generate_ends_its_request_and_no_other(gpt2: StreamerEngine):
    def explode(_new_tokens: int) -> None:
        raise MemoryError("no room")

    with before_forward(gpt2, explode):
        ids, last = run(gpt2, raw("boom"))
    assert (ids, type(last.error), last.finish) == ([], MemoryError, None)
    assert run(gpt2, raw("next"))[1].error is None


def test_an_exception_after_some_tokens_keeps_them(gpt2: StreamerEngine):
    passes: list[int] = []

    def explode_late(new_tokens: int) -> None:
        passes.append(new_tokens)
        if len(passes) == 4:
            raise RuntimeError("late")

    with before_forward(gpt2, explode_late):
        ids, last = run(gpt2, raw("boom"))
    assert len(ids) == 3
    assert str(last.error) == "late"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_fail_their_request_only(gpt2: StreamerEngine, value: float):
    with logits_of(gpt2, value):
        ids, last = run(gpt2, raw("boom", SAMPLED))
    assert isinstance(last.error, RequestError)
    assert (ids, last.error.code) == ([], "worker_error")
    assert run(gpt2, raw("next"))[1].error is None


def test_a_cancel_while_decoding_stops_at_the_next_token(llama: StreamerEngine):
    passes: list[int] = []

    def cancel_at_third(new_tokens: int) -> None:
        passes.append(new_tokens)
        if len(passes) == 3:
            llama.cancel("r")

    with before_forward(llama, cancel_at_third):
        ids, last = run(llama, raw("Go on", replace(GREEDY, max_tokens=500)))
    assert last.finish == "cancelled"
    assert len(ids) <= 3
    assert run(llama, raw("next"))[1].finish == "length"


@pytest.mark.usefixtures("small_chunks")
def test_a_cancel_while_a_long_prompt_is_read_stops_after_the_chunk(llama: StreamerEngine):
    reading, go_on = threading.Event(), threading.Event()
    chunks: list[int] = []

    def pause(new_tokens: int) -> None:
        chunks.append(new_tokens)
        reading.set()
        go_on.wait(10)

    with before_forward(llama, pause):
        llama.admit(raw(LONG))
        assert reading.wait(10)
        llama.cancel("r")
        go_on.set()
        outputs = list(steps(llama))
    assert outputs == [StepOutput("r", finish="cancelled")]
    assert chunks == [CHUNK_TOKENS]


def test_a_cancel_within_a_forward_pass_keeps_the_next_layer_from_running(llama: StreamerEngine):
    first, second = llama._loaded.model.model.layers
    reached: list[str] = []
    hooks = [
        first.register_forward_hook(lambda *_: llama.cancel("r")),
        second.register_forward_hook(lambda *_: reached.append("second")),
    ]
    try:
        ids, last = run(llama, raw("Hello"))
    finally:
        for hook in hooks:
            hook.remove()
    assert (ids, last.finish, reached) == ([], "cancelled", [])


def test_a_cancel_of_another_request_is_ignored(llama: StreamerEngine):
    llama.cancel("nobody")
    llama.admit(raw("one"))
    llama.cancel("nobody")
    assert list(steps(llama))[-1].finish != "cancelled"
    llama.cancel("r")
    assert run(llama, raw("two"))[1].finish != "cancelled"


def test_a_seed_repeats_its_answer_and_the_global_generator_plays_no_part(llama: StreamerEngine):
    before = torch.get_rng_state()
    torch.manual_seed(1)
    first = run(llama, raw("Dice", SAMPLED))[0]
    torch.manual_seed(2)
    assert run(llama, raw("Dice", SAMPLED))[0] == first
    assert run(llama, raw("Dice", replace(SAMPLED, seed=4)))[0] != first
    torch.set_rng_state(before)


def test_log_probabilities_come_with_their_tokens(llama: StreamerEngine):
    llama.admit(raw("Odds", replace(SAMPLED, logprobs=3)))
    reported = [output for output in steps(llama) if output.token_ids]
    assert len(reported) == 20
    for output in reported:
        (logprob,) = output.logprobs
        assert logprob.token_id == output.token_ids[0]
        assert len(logprob.top) == 3


def test_a_model_whose_weights_are_not_numbers_is_refused_while_it_loads(folder: Path):
    broken = tiny_models.make_gpt2(folder / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["transformer.ln_f.weight"].fill_(float("nan"))
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelUnavailableError, match="was loaded but cannot answer: The model computed NaN"):
        started(broken)


def test_nothing_to_report_is_an_empty_step(llama: StreamerEngine):
    assert llama.step() == ()
