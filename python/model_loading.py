"""A model's folder to weights and tokenizer in memory, and what the gateway is told about them.

Knows no engine and no request. torch and transformers are imported here, while the files' digest is computed.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chat_template import tool_format_of
from cpu_threads import use_one_interop_thread
from engines.base import ModelInfo, ModelUnavailableError, Report
from loading_progress import report_bars, report_stage
from model_details import describe_details
from model_folder import check_folder, digest_folder, one_line
from models import ModelPlace

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

UNNAMED_CONTEXT_LENGTH = 4096
"""For the rare model whose configuration names no limit."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerFast"
    end_ids: frozenset[int]
    """Tokens that end an answer: what the generation config, the model config or the tokenizer names."""
    info: ModelInfo


def load_model(place: ModelPlace, report: Report) -> LoadedModel:
    """Loads for inference, on the GPU if there is one.

    Raises ModelUnavailableError for whatever is wrong with the files, ImportError for a missing package.
    """
    check_folder(place.folder)
    with ThreadPoolExecutor(max_workers=1) as beside:
        digest = beside.submit(digest_folder, place.folder)
        try:
            model, tokenizer = _load_parts(place, report)
        except (ModelUnavailableError, ImportError):
            raise
        except Exception as error:
            raise ModelUnavailableError(
                f"The model at {place.folder} cannot be loaded: {one_line(error)}."
                " Mend the folder or set MINIVAULT_MODEL to another model."
            ) from error
        info = _describe(place, model, tokenizer, digest.result())
    if place.expected_digest not in (None, info.digest):
        raise ModelUnavailableError(
            f"The files in {place.folder} are damaged. Remove that folder and start again to renew it."
        )
    end_ids = _end_ids(model, tokenizer)
    # What the authors suggest (temperature, penalties, suppressed tokens) must not add to a request's own.
    model.generation_config = type(model.generation_config)()
    return LoadedModel(model, tokenizer, end_ids, info)


def _load_parts(place: ModelPlace, report: Report) -> "tuple[PreTrainedModel, PreTrainedTokenizerFast]":
    with report_stage(report, "libraries"):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils.logging import set_verbosity_error

        set_verbosity_error()
        use_one_interop_thread()
    safety: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with report_stage(report, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(place.folder, **safety)
    if not tokenizer.is_fast:
        raise ModelUnavailableError(f"{place.folder} has no tokenizer.json. Put the model's own one there.")
    with report_bars(report, "weights"):
        model, loaded = AutoModelForCausalLM.from_pretrained(
            place.folder, **safety, use_safetensors=True, dtype="auto", output_loading_info=True
        )
    if loaded["missing_keys"]:
        # transformers only warns, and would answer with random weights.
        raise ModelUnavailableError(
            f"The weights in {place.folder} are incomplete ({min(loaded['missing_keys'])} is missing)."
            " Copy the model there once more."
        )
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = _usable_dtype(model.dtype, device)
    if dtype != model.dtype:
        model = model.to(dtype)
    return model.to(device).eval(), tokenizer


def _usable_dtype(stored: "torch.dtype", device: "torch.device") -> "torch.dtype":
    import torch

    if device.type != "cpu" or stored not in (torch.bfloat16, torch.float16):
        return stored
    # Measured, SmolLM2-135M, ms a token: with oneDNN's bfloat16 kernels bfloat16 57, float32 75, float16 211;
    # without them (AVX2) bfloat16 860, float32 630.
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return torch.bfloat16 if supported is not None and supported() else torch.float32


def _describe(
    place: ModelPlace, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast", digest: str
) -> ModelInfo:
    quantization = getattr(model.config, "quantization_config", None) or {}
    method = quantization.get("quant_method") if isinstance(quantization, dict) else quantization.quant_method
    return ModelInfo(
        id=place.id,
        digest=digest,
        architecture=type(model).__name__,
        parameters=model.num_parameters(),
        context_length=_context_length(model, tokenizer),
        dtype=str(model.dtype).removeprefix("torch."),
        quantization=place.quantization or str(getattr(method, "value", method or "none")),
        device=str(model.device),
        chat_template=tokenizer.chat_template is not None,
        tool_format=tool_format_of(tokenizer),
        details=describe_details(place.folder, model.config, tokenizer),
    )


def _context_length(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast") -> int:
    configured = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    if isinstance(configured, int) and configured > 0:
        return configured
    # A tokenizer without a limit says 10^30.
    limit = tokenizer.model_max_length
    return int(limit) if 0 < limit < 2**31 else UNNAMED_CONTEXT_LENGTH


def _end_ids(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerFast") -> frozenset[int]:
    ids: set[int] = set()
    for namer in (model.generation_config, model.config, tokenizer):
        value = getattr(namer, "eos_token_id", None)
        if value is not None:
            ids.update(value if isinstance(value, list) else [value])
    return frozenset(ids)
