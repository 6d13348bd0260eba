"""GGUF files to folders that load quickly: safetensors, tokenizer and chat template, made once and checked.

Knows no engine. Safe to interrupt and to run twice at once: a folder appears by one rename, whole.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from engines.base import ModelUnavailableError, Report
from loading_progress import report_bars, report_stage
from model_folder import MARKER, digest_file, digest_folder, one_line, read_object

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_QUANTIZED = "bfloat16"
"""Weights of eight bits and fewer lose nothing that counts in it, and it is half the size of float32."""
_UNQUANTIZED = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}

FORMAT = 1
"""Raised when what is written changes, so that older folders are made anew."""


def is_converted(folder: Path, source: Path) -> bool:
    """Whether the folder is whole, of this format and made from this very file. Reads both to the end."""
    if not (folder / MARKER).is_file():
        return False
    try:
        marker = read_object(folder / MARKER)
    except ModelUnavailableError:
        return False
    if marker.get("format") != FORMAT or marker.get("digest") != digest_folder(folder):
        return False
    return marker.get("source_sha256") == digest_file(source)


def convert_gguf(source: Path, folder: Path, report: Report) -> bool:
    """Makes `folder` from a GGUF file; False when it was there already.

    Raises ModelUnavailableError when the file cannot be converted. A damaged or outdated folder is replaced.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if is_converted(folder, source):
                return False
            with _replacing(folder) as draft:
                _write(source, draft, report)
    except OSError as error:
        raise ModelUnavailableError(
            f"{source} cannot be converted into {folder}: {error}. Check permissions and free space there."
        ) from error
    return True


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """A folder to fill, put in the place of `folder` if the body succeeds. The caller holds the lock."""
    prefix = f".{folder.name}.draft-"
    for abandoned in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(abandoned)
    drafts = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        draft = drafts / "new"
        draft.mkdir()
        yield draft
        if folder.exists():
            folder.rename(drafts / "old")
        draft.rename(folder)
    finally:
        shutil.rmtree(drafts, ignore_errors=True)


def _write(source: Path, draft: Path, report: Report) -> None:
    with report_stage(report, "libraries"):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    where: dict[str, Any] = {
        "pretrained_model_name_or_path": source.parent,
        "gguf_file": source.name,
        "local_files_only": True,
        "trust_remote_code": False,
    }
    try:
        file_type = _file_type(source)
        with report_bars(report, "tokenizer"):
            tokenizer = AutoTokenizer.from_pretrained(**where)
        with report_bars(report, "converting"):
            dtype = getattr(torch, _UNQUANTIZED.get(file_type, _QUANTIZED))
            model = AutoModelForCausalLM.from_pretrained(**where, dtype=dtype)
    except Exception as error:
        raise ModelUnavailableError(
            f"{source} cannot be converted: {one_line(error)}. Set MINIVAULT_MODEL to another model."
        ) from error
    # transformers will not save a model that came from GGUF, although its weights are plain tensors by now.
    model.hf_quantizer.remove_quantization_config(model)
    with report_bars(report, "saving"):
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
    with report_stage(report, "checking"):
        _check_saved(draft, model)
        marker = {
            "format": FORMAT,
            "digest": digest_folder(draft),
            "source": source.name,
            "source_sha256": digest_file(source),
            "quantization": "none" if file_type in _UNQUANTIZED else file_type,
        }
        (draft / MARKER).write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")


def _file_type(source: Path) -> str:
    from gguf import LlamaFileType
    from transformers.integrations.gguf.reader import read_gguf_metadata

    metadata, _ = read_gguf_metadata(str(source))
    number = metadata.get("general.file_type")
    if number is None:
        return "unknown"
    name = LlamaFileType(number).name
    return name.removeprefix("MOSTLY_").removeprefix("ALL_")


def _check_saved(folder: Path, model: "PreTrainedModel") -> None:
    import torch
    from safetensors import safe_open

    expected = model.state_dict()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as saved:
            for name in saved.keys():  # noqa: SIM118 -- not a mapping
                if not torch.equal(saved.get_tensor(name), expected[name]):
                    raise OSError(f"{file.name} does not hold what was written ({name})")
