"""The real worker process with either engine and models made on disk."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tiny_models
from child_worker import LOADING_S, PYTHON, SAMPLING, ChildWorker

GREETING = [{"role": "user", "content": "Hello there"}]


@contextmanager
def worker_with(engine: str, model: Path, data_dir: Path) -> Iterator[ChildWorker]:
    words = ["--engine", engine, "--model", str(model), "--data-dir", str(data_dir)]
    worker = ChildWorker(python=["-u", str(PYTHON / "worker.py"), *words])
    try:
        yield worker
    finally:
        worker.kill()


@pytest.mark.parametrize("engine", ["batched", "streamer"])
@pytest.mark.parametrize(
    ("make", "architecture", "has_template"),
    [
        (tiny_models.make_gpt2, "GPT2LMHeadModel", False),
        (tiny_models.make_llama, "LlamaForCausalLM", True),
        (tiny_models.make_gemma, "Gemma3ForCausalLM", True),
    ],
)
def test_a_checkpoint_on_disk_loads_and_streams(
    tmp_path: Path, engine: str, make: Callable[[Path], Path], architecture: str, has_template: bool
):
    with worker_with(engine, make(tmp_path / "model"), tmp_path) as worker:
        ready = worker.until("ready", within_s=LOADING_S)
        assert ready["engine"] == engine
        assert (ready["slots"] > 1) is (engine == "batched")
        assert ready["model"]["architecture"] == architecture
        assert ready["model"]["chat_template"] is has_template
        loading = [message["stage"] for message in worker.messages() if message["type"] == "loading"]
        prepared = ["preparing the engine"] if engine == "batched" else []
        stages = ["libraries", "tokenizer", "weights", *prepared, "vocabulary", "warming up"]
        assert list(dict.fromkeys(loading))[-len(stages) :] == stages

        worker.generate("raw", "Hello there", max_tokens=12)
        first = worker.until("done", "raw")
        assert first["usage"]["completion_tokens"] <= 12
        worker.generate("again", "Hello there", max_tokens=12)
        assert worker.until("done", "again")["usage"] == first["usage"]
        assert worker.answer("again") == worker.answer("raw")

        sampling = {**SAMPLING, "max_tokens": 12}
        worker.send({"type": "generate", "id": "chat", "messages": GREETING, "sampling": sampling})
        assert worker.until("done", "chat")["reason"] in ("stop", "length")
        worker.generate("too long", "y" * 2000)
        assert worker.until("error", "too long")["code"] == "context_length_exceeded"
        worker.generate("empty", "", max_tokens=2)
        worker.generate("after", "x", max_tokens=2)
        assert worker.until("done", "after")["reason"] in ("stop", "length")
        assert len(worker.ends("empty")) == 1
        assert worker.shut_down() == 0


@pytest.mark.parametrize("engine", ["batched", "streamer"])
def test_an_answer_has_whole_characters_and_ends_before_a_stop_string(tmp_path: Path, engine: str):
    answer = "🎉日本語 👩‍👩‍👧 STOP more"
    model = tiny_models.make_reciting_gpt2(tmp_path / "model", answer)
    with worker_with(engine, model, tmp_path) as worker:
        worker.until("ready", within_s=LOADING_S)
        worker.generate("whole", "x")
        assert worker.until("done", "whole")["reason"] == "stop"
        assert worker.answer("whole") == answer
        worker.generate("stopped", "x", stop=["STOP"])
        assert worker.until("done", "stopped")["stop_sequence"] == "STOP"
        assert worker.answer("stopped") == answer.split("STOP")[0]
        assert worker.shut_down() == 0


def test_a_model_that_batches_cannot_hold_is_streamed_and_the_log_says_so(tmp_path: Path):
    model = tiny_models.make_gemma(tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"attn_logit_softcapping": 50.0}))
    with worker_with("batched", model, tmp_path) as worker:
        ready = worker.until("ready", within_s=LOADING_S)
        assert (ready["engine"], ready["slots"]) == ("streamer", 1)
        worker.generate("a", "Hello there", max_tokens=4)
        assert worker.until("done", "a")["reason"] in ("stop", "length")
        assert worker.shut_down() == 0
    (said,) = [line for line in worker.stderr.splitlines() if b"batching_unavailable" in line]
    assert b"attn_logit_softcapping" in said


@pytest.mark.parametrize("engine", ["batched", "streamer"])
def test_a_model_that_cannot_be_loaded_is_a_permanent_fault_with_its_remedy(tmp_path: Path, engine: str):
    model = tiny_models.make_gpt2(tmp_path / "model")
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with worker_with(engine, model, tmp_path) as worker:
        error = worker.until("error", within_s=LOADING_S)
        assert (error["id"], error["code"]) == (None, "model_unavailable")
        assert "pytorch_model.bin" in error["message"]
        assert worker.wait_exit() == 78
