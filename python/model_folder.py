"""A model's files on disk: whether they may be loaded, and the digest that names exactly these.

Knows no torch and loads nothing. Weights are safetensors only; a folder cannot bring code of its own.
"""

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from engines.base import ModelUnavailableError

MARKER = "minivault.json"
"""Written last into folders that this program made: what from, and the digest of what it wrote."""
REMEDY = "Set MINIVAULT_MODEL to a folder with a safetensors model, a GGUF file or a hub id."

_LOADED_SUFFIXES = frozenset({".safetensors", ".json", ".jinja", ".model", ".txt"})
_PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl"})
_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "tokenizer.model", "spiece.model", "vocab.txt")
_BUFFER_BYTES = 1024 * 1024


def check_folder(folder: Path) -> None:
    """Raises ModelUnavailableError, naming the file and the remedy, unless the folder may be loaded."""
    if not folder.is_dir():
        raise ModelUnavailableError(f"No model at {folder}. {REMEDY}")
    read_config(folder)
    files = [file for file in folder.iterdir() if file.is_file()]
    if not any(file.suffix == ".safetensors" for file in files):
        raise ModelUnavailableError(_no_weights(folder, files))
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelUnavailableError(f"{folder} has no tokenizer. Put the model's tokenizer.json there.")


def read_config(folder: Path, remedy: str = REMEDY) -> dict[str, Any]:
    """config.json, without a word in it that would have code loaded. Raises ModelUnavailableError."""
    config = read_object(folder / "config.json", remedy)
    fields = sorted(_code_naming_fields(config))
    if fields:
        raise ModelUnavailableError(
            f"{folder / 'config.json'} names code to load ({', '.join(fields)}), which is never done."
            " Remove these fields if you trust the model."
        )
    return config


def digest_folder(folder: Path) -> str:
    """`sha256:` over name and content of every file at the folder's top that loading may read."""
    total = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in _LOADED_SUFFIXES and file.name != MARKER and file.is_file():
            total.update(f"{digest_file(file)}  {file.name}\n".encode())
    return f"sha256:{total.hexdigest()}"


def digest_file(file: Path) -> str:
    """Hexadecimal SHA-256 of the content."""
    # hashlib.file_digest needs Python 3.11.
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BUFFER_BYTES):
            digest.update(block)
    return digest.hexdigest()


def read_object(file: Path, remedy: str = REMEDY) -> dict[str, Any]:
    """A JSON object from a file; raises ModelUnavailableError when it is missing or something else."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelUnavailableError(
            f"{file.parent} is not a model: it has no {file.name}. {remedy}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnavailableError(
            f"{file} cannot be read ({error}). Copy the model there once more."
        ) from error
    if not isinstance(value, dict):
        raise ModelUnavailableError(f"{file} holds no JSON object. Copy the model there once more.")
    return value


def one_line(error: Exception) -> str:
    """What an exception says, on one line without its full stop; its class when it says nothing."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _code_naming_fields(value: Any) -> set[str]:
    # CVE-2026-4372 and its like: these private fields reached a kernel loader past trust_remote_code=False.
    # auto_map is not among them: with trust_remote_code=False the library uses its own class or refuses.
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.endswith("_implementation_internal") or (
                key.endswith("_implementation") and isinstance(inner, str) and "/" in inner
            ):
                found.add(key)
            found |= _code_naming_fields(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= _code_naming_fields(inner)
    return found


def _no_weights(folder: Path, files: list[Path]) -> str:
    pickles = sorted(file.name for file in files if file.suffix in _PICKLE_SUFFIXES)
    if pickles:
        return (
            f"{folder} has its weights only as {pickles[0]}, a format that can run code when it is read."
            " Save the model as safetensors (save_pretrained does) and set MINIVAULT_MODEL to that folder."
        )
    ggufs = sorted(file for file in files if file.suffix == ".gguf")
    if ggufs:
        return f"{folder} holds GGUF files. Set MINIVAULT_MODEL to one of them: {ggufs[0]}"
    return f"{folder} has no *.safetensors file. {REMEDY}"


def utc_text(seconds: float) -> str:
    """A file's time as ISO 8601."""
    return (
        datetime.fromtimestamp(seconds, timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
