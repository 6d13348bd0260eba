"""Which folders are embedders, and what is told about them; no weights are read."""

import json
from pathlib import Path
from typing import Any

import pytest
from child_worker import PYTHON, ChildWorker

from embedder_folder import locate_embedder
from engines.base import EmbedderInfo, ModelUnavailableError
from model_folder import digest_folder

CONFIG = {"model_type": "bert", "hidden_size": 32, "max_position_embeddings": 512}
MODULES = [
    {"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
    {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"},
]


def write(folder: Path, **files: Any) -> Path:
    (folder / "1_Pooling").mkdir(exist_ok=True)
    named = {"config": CONFIG, "modules": MODULES, "sentence_bert_config": {"max_seq_length": 256}, **files}
    for name, value in named.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    for name in ("tokenizer.json", "model.safetensors"):
        (folder / name).touch()
    return folder


def test_a_folder_tells_its_size_and_limit(tmp_path: Path):
    place = locate_embedder(str(write(tmp_path)))
    family = CONFIG.get("model_type", "unknown")
    assert place.info == EmbedderInfo(
        tmp_path.name,
        32,
        256,
        family,
        digest_folder(tmp_path),
        0,
        place.info.modified_at,
        str(tmp_path / "tokenizer.json"),
    )
    assert place.info.modified_at.endswith("Z")
    assert place.pooling == "mean"


@pytest.mark.parametrize(
    ("pooling", "mode"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls"}, "cls"),
        ({}, "mean"),
    ],
)
def test_both_spellings_of_the_pooling_are_read(tmp_path: Path, pooling: dict[str, Any], mode: str):
    write(tmp_path)
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    assert locate_embedder(str(tmp_path)).pooling == mode


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"config": {**CONFIG, "attn_implementation_internal": "x"}}, "names code to load"),
        ({"config": {"model_type": "bert"}}, "does not say how large"),
        ({"config": []}, "no JSON object"),
        ({"modules": [*MODULES, {"type": "x.Dense", "path": "3_Dense"}]}, "Dense"),
        ({"modules": {}}, "does not hold what it should"),
    ],
)
def test_a_folder_that_cannot_be_served_is_refused_with_the_reason(
    tmp_path: Path, files: dict[str, Any], told: str
):
    with pytest.raises(ModelUnavailableError, match=told):
        locate_embedder(str(write(tmp_path, **files)))


@pytest.mark.parametrize(
    "pooling",
    [{"pooling_mode": "lasttoken"}, {"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}],
)
def test_another_pooling_is_refused(tmp_path: Path, pooling: dict[str, Any]):
    write(tmp_path)
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    with pytest.raises(ModelUnavailableError, match="pools by"):
        locate_embedder(str(tmp_path))


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors", "config.json"])
def test_a_missing_file_is_named_with_the_setting(tmp_path: Path, name: str):
    (write(tmp_path) / name).unlink()
    with pytest.raises(ModelUnavailableError, match=rf"{name}.*EMBEDDING_MODEL"):
        locate_embedder(str(tmp_path))


def test_no_folder_is_refused_with_the_setting():
    with pytest.raises(ModelUnavailableError, match="EMBEDDING_MODEL"):
        locate_embedder("/nowhere/at/all")


def test_reading_a_folder_needs_no_torch():
    program = "import sys, embedder_folder, embed_thread; print('torch' in sys.modules)"
    worker = ChildWorker(python=["-c", f"import sys; sys.path.insert(0, {str(PYTHON)!r}); {program}"])
    assert worker.next_line() == b"False\n"
    worker.kill()
