"""GGUF files become folders that hold the same model, once, whole, whatever interrupts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_gguf
import torch

from conversion import convert_gguf, is_converted
from engines.base import ModelUnavailableError
from model_folder import MARKER
from model_loading import load_model
from models import locate_model

PYTHON = Path(__file__).parents[1]


def ignore(stage: str, done: float, total: float) -> None:
    pass


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory):
    source = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return source, *tiny_gguf.write_gguf(source)


@pytest.fixture(scope="module")
def converted(original, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    stages: list[tuple[str, float, float]] = []
    assert convert_gguf(original[0], folder, lambda *progress: stages.append(progress))
    return folder, stages


def test_a_gguf_file_named_as_the_model_is_converted_and_loaded(original, tmp_path: Path):
    source, model, tokenizer = original
    loaded = load_model(locate_model(str(source), tmp_path, ignore), ignore)
    ids = torch.tensor([tokenizer.encode("Hello, what is this?")])
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, model(ids).logits)
    assert loaded.info.id == "tiny"
    assert loaded.info.context_length == 128
    assert loaded.info.chat_template
    assert (loaded.info.dtype, loaded.info.quantization) == ("float32", "none")


def test_its_tokenizer_and_template_are_those_of_the_file(original, converted):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(converted[0])
    text = "Grüße 👋 <|im_end|>"
    assert tokenizer.encode(text) == original[2].encode(text)
    assert tokenizer.chat_template == original[2].chat_template


def test_progress_counts_the_tensors(converted):
    stages = converted[1]
    names = list(dict.fromkeys(stage for stage, _, _ in stages))
    assert names == ["libraries", "tokenizer", "converting", "saving", "checking"]
    assert ("converting", 20, 20) in stages


def test_a_second_conversion_changes_nothing(original, converted):
    folder = converted[0]
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert not convert_gguf(original[0], folder, ignore)
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / MARKER).unlink(),
        lambda folder: (folder / MARKER).write_text("{"),
        lambda folder: (folder / "tokenizer.json").unlink(),
        lambda folder: (folder / "model.safetensors").write_bytes(b"torn"),
        lambda folder: (folder / MARKER).write_text(
            json.dumps({**json.loads((folder / MARKER).read_text()), "format": 0})
        ),
    ],
    ids=["no marker", "torn marker", "missing file", "changed file", "older format"],
)
def test_a_damaged_folder_is_made_anew(original, tmp_path: Path, harm):
    folder = tmp_path / "tiny"
    assert convert_gguf(original[0], folder, ignore)
    harm(folder)
    assert not is_converted(folder, original[0])
    assert convert_gguf(original[0], folder, ignore)
    assert is_converted(folder, original[0])
    assert [file.name for file in tmp_path.iterdir() if "draft" in file.name] == []


def test_an_interrupted_conversion_leaves_no_folder_and_its_remains_are_swept(original, tmp_path: Path):
    def interrupt(stage: str, done: float, total: float) -> None:
        if stage == "checking":
            raise KeyboardInterrupt

    folder = tmp_path / "tiny"
    with pytest.raises(KeyboardInterrupt):
        convert_gguf(original[0], folder, interrupt)
    assert not folder.exists()
    abandoned = tmp_path / ".tiny.draft-killed"
    abandoned.mkdir()
    assert convert_gguf(original[0], folder, ignore)
    assert not abandoned.exists()


def test_two_conversions_at_once_make_one_whole_folder(original, tmp_path: Path):
    folder = tmp_path / "tiny"
    program = (
        "import sys; from pathlib import Path; from conversion import convert_gguf;"
        "print(convert_gguf(Path(sys.argv[1]), Path(sys.argv[2]), lambda *_: None))"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(original[0]), str(folder)],
            cwd=PYTHON,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [child.communicate(timeout=60)[0].strip() for child in children]
    assert sorted(said) == ["False", "True"]
    assert is_converted(folder, original[0])


def test_a_file_that_is_no_gguf_is_refused_with_its_name(tmp_path: Path):
    source = tmp_path / "broken.gguf"
    source.write_bytes(b"GGUF" + bytes(60))
    with pytest.raises(ModelUnavailableError, match=r"broken\.gguf cannot be converted: .* Set "):
        convert_gguf(source, tmp_path / "models" / "broken", ignore)
    assert list((tmp_path / "models").glob("*")) == [tmp_path / "models" / ".broken.lock"]


def test_a_place_that_cannot_be_written_is_named(original, tmp_path: Path):
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailableError, match="Check permissions and free space"):
        convert_gguf(original[0], tmp_path / "models" / "tiny", ignore)
