"""Every way to name a model, every way it can be wrong; nothing in a model's files is run as code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_models
import torch

from engines.base import ModelUnavailableError
from model_folder import MARKER
from model_loading import load_model
from models import PACKAGED_ID, ModelPlace, locate_model

PYTHON = Path(__file__).parents[1]


def ignore(stage: str, done: float, total: float) -> None:
    pass


@pytest.fixture
def gpt2(tmp_path: Path) -> Path:
    return tiny_models.make_gpt2(tmp_path / "tiny-gpt2")


def load(reference: object, data_dir: Path):
    return load_model(locate_model(str(reference), data_dir, ignore), ignore)


def edit(file: Path, **fields: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def fault_of(reference: object, data_dir: Path) -> str:
    with pytest.raises(ModelUnavailableError) as raised:
        load(reference, data_dir)
    message = str(raised.value)
    assert "\n" not in message
    return message


def test_a_folder_is_loaded_and_described(gpt2: Path, tmp_path: Path):
    loaded = load(gpt2, tmp_path)
    info = loaded.info
    assert (info.id, info.architecture, info.context_length) == ("tiny-gpt2", "GPT2LMHeadModel", 64)
    assert info.parameters == sum(parameter.numel() for parameter in loaded.model.parameters())
    assert (info.dtype, info.quantization, info.chat_template) == ("float32", "none", False)
    assert info.device == ("cuda:0" if torch.cuda.is_available() else "cpu")
    assert loaded.end_ids == {loaded.tokenizer.eos_token_id}


def test_the_network_is_out_of_reach_for_all_but_a_hub_id(gpt2: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    locate_model(str(gpt2), tmp_path, ignore)
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_the_digest_follows_every_file_that_is_loaded_and_no_other(gpt2: Path, tmp_path: Path):
    first = load(gpt2, tmp_path).info.digest
    (gpt2 / "README.md").write_text("about")
    assert load(gpt2, tmp_path).info.digest == first
    edit(gpt2 / "generation_config.json", temperature=0.1)
    second = load(gpt2, tmp_path).info.digest
    assert second != first
    assert second.startswith("sha256:")


def test_progress_names_each_stage_and_counts_the_weights(gpt2: Path):
    reported: list[tuple[str, float, float]] = []
    loaded = load_model(ModelPlace("m", gpt2), lambda *progress: reported.append(progress))
    tensors = len(list(loaded.model.parameters()))
    assert list(dict.fromkeys(stage for stage, _, _ in reported)) == ["libraries", "tokenizer", "weights"]
    assert ("weights", tensors, tensors) in reported


def test_sampling_that_the_authors_suggest_is_not_added_to_a_requests_own(gpt2: Path, tmp_path: Path):
    edit(gpt2 / "generation_config.json", temperature=0.1, do_sample=True, eos_token_id=[5, 7])
    loaded = load(gpt2, tmp_path)
    assert loaded.model.generation_config.temperature is None
    assert loaded.end_ids == {5, 7, loaded.tokenizer.eos_token_id}


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("/nowhere/model", "No model at /nowhere/model. Set MINIVAULT_MODEL to a folder"),
        ("./model.gguf", "No model at ./model.gguf. Set MINIVAULT_MODEL to a folder"),
        ("a/b/c", "No model at a/b/c. Set MINIVAULT_MODEL to a folder"),
        (str(Path(__file__)), "is not a GGUF file. Set MINIVAULT_MODEL"),
        (PACKAGED_ID, "Run: python python/prepare_model.py --data-dir"),
    ],
)
def test_a_model_that_is_not_there_is_named_with_the_remedy(reference: str, expected: str, tmp_path: Path):
    assert expected in fault_of(reference, tmp_path)


def test_a_hub_id_that_cannot_be_had_says_what_was_tried(tmp_path: Path):
    program = (
        "import sys; from pathlib import Path; from models import locate_model;"
        "locate_model('some-owner/some-model', Path(sys.argv[1]), lambda *_: None)"
    )
    # A closed port: the library reads these variables once, so it needs a process of its own.
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=PYTHON,
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert "some-owner/some-model is no folder and no GGUF file here, and the hub did not give it" in last
    assert "Set MINIVAULT_MODEL to" in last


def test_a_hub_model_in_the_cache_is_found_without_the_hub(tmp_path: Path):
    repository = tmp_path / "hub" / "models--some-owner--some-model"
    snapshot = repository / "snapshots" / ("0" * 40)
    tiny_models.make_gpt2(snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    program = (
        "import sys; from pathlib import Path; from models import locate_model;"
        "place = locate_model('some-owner/some-model', Path(sys.argv[1]), lambda *_: None);"
        "print(place.id, place.folder)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=PYTHON,
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.split() == ["some-owner/some-model", str(snapshot)]


def test_pickled_weights_are_refused_by_name(gpt2: Path, tmp_path: Path):
    (gpt2 / "model.safetensors").rename(gpt2 / "pytorch_model.bin")
    message = fault_of(gpt2, tmp_path)
    assert "pytorch_model.bin" in message
    assert "Save the model as safetensors" in message


def test_pickled_weights_beside_safetensors_are_never_read(gpt2: Path, tmp_path: Path):
    (gpt2 / "pytorch_model.bin").write_bytes(b"not even a pickle")
    assert load(gpt2, tmp_path).info.parameters > 0


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda folder: (folder / "config.json").unlink(), "is not a model: it has no config.json"),
        (lambda folder: (folder / "config.json").write_text("[1]"), "holds no JSON object"),
        (lambda folder: (folder / "config.json").write_text('{"a":'), "cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[" * 100_000), "cannot be read"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer. Put the model's"),
        (lambda folder: (folder / "model.safetensors").unlink(), "has no *.safetensors file"),
        (
            lambda folder: (folder / "model.safetensors").rename(folder / "model.gguf"),
            "Set MINIVAULT_MODEL to one of them",
        ),
        (lambda folder: (folder / "model.safetensors").write_bytes(bytes(100)), "cannot be loaded"),
        (lambda folder: edit(folder / "config.json", n_layer=3), "The weights in"),
        (lambda folder: edit(folder / "config.json", n_embd=64), "cannot be loaded"),
        (lambda folder: edit(folder / "config.json", model_type="no-such-type"), "cannot be loaded"),
    ],
    ids=[
        "no config",
        "config not an object",
        "config torn",
        "config too deep",
        "no tokenizer",
        "no weights",
        "gguf inside",
        "weights torn",
        "weights missing",
        "weights of another shape",
        "unknown architecture",
    ],
)
def test_a_broken_folder_is_refused_with_what_is_wrong(
    gpt2: Path, tmp_path: Path, harm: Callable[[Path], object], expected: str
):
    harm(gpt2)
    message = fault_of(gpt2, tmp_path)
    assert expected in message
    assert str(gpt2) in message


@pytest.mark.parametrize(
    "fields",
    [
        {"_attn_implementation_internal": "someone/kernel"},
        {"text_config": {"_experts_implementation_internal": "x"}},
        {"layers": [{"attn_implementation": "someone/kernel"}]},
    ],
    ids=str,
)
def test_a_config_that_names_code_to_load_is_refused(gpt2: Path, tmp_path: Path, fields: dict):
    edit(gpt2 / "config.json", **fields)
    assert "names code to load" in fault_of(gpt2, tmp_path)


@pytest.mark.parametrize("model_type", ["gpt2", "no-such-type"])
def test_code_in_a_models_folder_is_never_run(gpt2: Path, tmp_path: Path, model_type: str):
    proof = tmp_path / "code-was-run"
    (gpt2 / "own_code.py").write_text(f"open({str(proof)!r}, 'w')\nclass Own: pass\n")
    classes = ("AutoConfig", "AutoModelForCausalLM")
    own = dict.fromkeys(classes, "own_code.Own")
    edit(gpt2 / "config.json", model_type=model_type, auto_map=own)
    edit(gpt2 / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own_code.Own", "own_code.Own"]})
    if model_type == "gpt2":
        assert load(gpt2, tmp_path).info.architecture == "GPT2LMHeadModel"
    else:
        assert "cannot be loaded" in fault_of(gpt2, tmp_path)
    assert not proof.exists()


def test_files_that_are_not_what_was_written_are_damaged(gpt2: Path, tmp_path: Path):
    (gpt2 / MARKER).write_text(json.dumps({"format": 1, "digest": "sha256:0", "quantization": "Q4_1"}))
    assert "are damaged. Remove that folder" in fault_of(gpt2, tmp_path)


def test_a_converted_folder_says_what_its_weights_went_through(gpt2: Path, tmp_path: Path):
    digest = load(gpt2, tmp_path).info.digest
    (gpt2 / MARKER).write_text(json.dumps({"format": 1, "digest": digest, "quantization": "Q4_1"}))
    assert load(gpt2, tmp_path).info.quantization == "Q4_1"


def test_no_source_file_reads_pickles_or_trusts_remote_code():
    sources = {file: file.read_text() for file in PYTHON.rglob("*.py") if "tests" not in file.parts}
    assert len(sources) > 10
    for file, text in sources.items():
        for banned in ("torch.load", "pickle", "trust_remote_code=True", "weights_only=False"):
            assert banned not in text.replace("_PICKLE_SUFFIXES", "").replace("pickles", ""), (file, banned)
