"""The compiled step: a Llama-like model's weights as int8 for native/llama_step.cpp, and its paged cache.

Knows no request and no sampling. Owns all memory that the library reads and writes.
"""

import ctypes
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from engines.native_build import NativeUnavailableError
from engines.patience import Patience
from engines.prompt_pace import PromptPace
from engines.step_model import BLOCK_TOKENS, Segment

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PANEL = 16
"""Outputs of a linear layer that one vector computes; native/linear.h has the same."""
MAX_TOKENS = 512
_TOKEN = np.dtype([("id", np.int32), ("position", np.int32), ("blocks", np.uint64)])


class _Linear(ctypes.Structure):
    _fields_ = (
        ("weights", ctypes.c_void_p),
        ("sums", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("inputs", ctypes.c_int32),
        ("outputs", ctypes.c_int32),
        ("group", ctypes.c_int32),
    )


class _Layer(ctypes.Structure):
    _fields_ = (
        ("input_norm", ctypes.c_void_p),
        ("mlp_norm", ctypes.c_void_p),
        ("qkv", _Linear),
        ("output", _Linear),
        ("gate_up", _Linear),
        ("down", _Linear),
        ("keys", ctypes.c_void_p),
        ("values", ctypes.c_void_p),
    )


class _Shape(ctypes.Structure):
    _fields_ = (
        *(
            (name, ctypes.c_int32)
            for name in ("layers", "hidden", "heads", "kv_heads", "dimensions", "inner")
        ),
        *((name, ctypes.c_int32) for name in ("max_tokens", "max_context", "threads")),
        ("epsilon", ctypes.c_float),
    )


class _Weights(ctypes.Structure):
    _fields_ = (
        ("embedding", ctypes.c_void_p),
        ("cosines", ctypes.c_void_p),
        ("sines", ctypes.c_void_p),
        ("final_norm", ctypes.c_void_p),
        ("head", _Linear),
        ("layers", ctypes.POINTER(_Layer)),
    )


class NativeStep:
    numerics = "int8"
    max_tokens = MAX_TOKENS

    def __init__(
        self, library: ctypes.CDLL, model: "PreTrainedModel", blocks: int, context: int, threads: int
    ) -> None:
        """Copies the weights. Raises NativeUnavailableError for a model that it cannot hold."""
        check_native(model)
        self._pace = PromptPace()
        config = model.config
        self._kept: list[torch.Tensor] = []
        self._library = library
        self._vocabulary = model.lm_head.weight.shape[0]
        self._patience = Patience(threads)
        dimensions = config.head_dim
        cache = (config.num_hidden_layers, blocks, config.num_key_value_heads, BLOCK_TOKENS * dimensions)
        # Untouched pages cost no memory.
        self._keys = torch.empty(cache, dtype=torch.bfloat16)
        self._values = torch.empty(cache, dtype=torch.bfloat16)
        layers = (_Layer * config.num_hidden_layers)(
            *(self._layer(index, layer) for index, layer in enumerate(model.model.layers))
        )
        self._layers = layers
        cosines, sines = self._rotary(model, context)
        head = self._linear(model.lm_head.weight)
        self._weights = _Weights(
            self._keep(model.model.embed_tokens.weight.to(torch.bfloat16)),
            cosines,
            sines,
            self._keep(model.model.norm.weight.float()),
            head,
            layers,
        )
        shape = _Shape(
            config.num_hidden_layers,
            config.hidden_size,
            config.num_attention_heads,
            config.num_key_value_heads,
            dimensions,
            config.intermediate_size,
            MAX_TOKENS,
            context,
            threads,
            config.rms_norm_eps,
        )
        self._outputs = head.outputs
        self._step = library.llama_step
        self._step.restype = ctypes.c_float
        self._step.argtypes = (
            *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p),
            *(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32),
        )
        library.llama_create.restype = ctypes.c_void_p
        library.llama_create.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self._destroy = library.llama_destroy
        self._destroy.argtypes = (ctypes.c_void_p,)
        self._model = library.llama_create(ctypes.byref(shape), ctypes.byref(self._weights))
        self._logits = torch.empty(0, self._outputs)

    @property
    def threads(self) -> int:
        """Most that a step uses."""
        return self._patience.most

    def close(self) -> None:
        """Ends the threads and frees the library's buffers; no call may follow."""
        self._destroy(self._model)

    def entering_tokens(self, generating: int) -> int:
        return self._pace.tokens(generating) if generating else 64

    def forward(self, segments: Sequence[Segment]) -> torch.Tensor:
        count = sum(len(segment.token_ids) for segment in segments)
        tokens = np.empty(count, _TOKEN)
        wanted: list[int] = []
        end = 0
        for segment in segments:
            begin, end = end, end + len(segment.token_ids)
            tokens["id"][begin:end] = segment.token_ids
            tokens["position"][begin:end] = range(segment.start, segment.start + end - begin)
            tokens["blocks"][begin:end] = segment.blocks.ctypes.data
            if segment.wants_logits:
                wanted.append(end - 1)
        # The library trusts what it is given; beyond these bounds it would read and write anywhere.
        if count > MAX_TOKENS or not 0 <= tokens["id"].min() <= tokens["id"].max() < self._vocabulary:
            raise ValueError("Too many tokens for one step, or one that the model does not have.")
        if self._logits.shape[0] < len(wanted):
            self._logits = torch.empty(len(wanted), self._outputs)
        wanted_array = np.array(wanted, np.int32)
        begun_s = time.perf_counter()
        waited = self._step(
            self._model,
            tokens.ctypes.data,
            count,
            wanted_array.ctypes.data,
            len(wanted),
            self._logits.data_ptr(),
            self._patience.threads,
        )
        generating = sum(1 for segment in segments if len(segment.token_ids) == 1)
        if generating:
            self._pace.learn(generating, count - generating, time.perf_counter() - begun_s)
        self._patience.learn(waited)
        return self._logits[: len(wanted), : self._vocabulary]

    def _keep(self, tensor: torch.Tensor) -> int:
        tensor = tensor.detach().contiguous()
        self._kept.append(tensor)
        return tensor.data_ptr()

    def _layer(self, index: int, layer: Any) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        qkv = (attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight)
        return _Layer(
            self._keep(layer.input_layernorm.weight.float()),
            self._keep(layer.post_attention_layernorm.weight.float()),
            self._linear(torch.cat(qkv)),
            self._linear(attention.o_proj.weight),
            self._linear(torch.cat((mlp.gate_proj.weight, mlp.up_proj.weight))),
            self._linear(mlp.down_proj.weight),
            self._keys[index].data_ptr(),
            self._values[index].data_ptr(),
        )

    def _linear(self, weight: torch.Tensor) -> _Linear:
        parts = pack(self._library, weight)
        self._kept += parts
        outputs, inputs = parts[0].shape
        group = inputs // parts[1].shape[1]
        return _Linear(*(part.data_ptr() for part in parts), inputs, outputs, group)

    def _rotary(self, model: "PreTrainedModel", context: int) -> tuple[int, int]:
        positions = torch.arange(context)[None]
        with torch.inference_mode():
            cosines, sines = model.model.rotary_emb(torch.zeros(1, dtype=torch.float32), positions)
        if cosines.shape[-1] != model.config.head_dim:
            raise NativeUnavailableError("it turns only a part of each head")
        half = cosines.shape[-1] // 2
        return self._keep(cosines[0, :, :half].clone()), self._keep(sines[0, :, :half].clone())


def check_native(model: "PreTrainedModel") -> None:
    """Raises NativeUnavailableError unless the compiled step computes what this model does."""
    config = model.config
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    reasons = {
        f"its architecture is {type(model).__name__}": type(model).__name__ != "LlamaForCausalLM",
        f"its activation is {getattr(config, 'hidden_act', None)}": getattr(config, "hidden_act", None)
        != "silu",
        f"its positions are scaled ({rope})": rope not in ("default", "linear", "llama3"),
        "its first and last layer know different tokens": (
            model.get_input_embeddings().weight.shape[0] != model.get_output_embeddings().weight.shape[0]
        ),
        "its layers have biases": any(name.endswith(".bias") for name, _ in model.named_parameters()),
    }
    if not any(reasons.values()):
        heads = config.num_attention_heads, config.num_key_value_heads
        reasons["its sizes are unusual"] = (
            config.head_dim % PANEL != 0
            or config.intermediate_size % PANEL != 0
            or config.hidden_size % PANEL != 0
            or config.hidden_size > 8192
            or heads[0] // heads[1] > 8
        )
    for reason, applies in reasons.items():
        if applies:
            raise NativeUnavailableError(reason)


def pack(library: ctypes.CDLL, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """int8 weights [output][input] in the library's own order, their sums by group of inputs, and scales.

    Outputs are filled up to whole panels with zeros.
    """
    weight = weight.detach().float().contiguous()
    given, inputs = weight.shape
    outputs = -(-given // PANEL) * PANEL
    group = next(size for size in range(library.llama_group_inputs(), 0, -PANEL) if inputs % size == 0)
    values = torch.empty(outputs, inputs, dtype=torch.int8)
    sums = torch.empty(outputs, inputs // group, dtype=torch.int16)
    scales = torch.empty(outputs)
    arguments = (ctypes.c_int32(number) for number in (given, outputs, inputs, group))
    places = (ctypes.c_void_p(part.data_ptr()) for part in (values, sums, scales))
    library.llama_pack(ctypes.c_void_p(weight.data_ptr()), *arguments, *places)
    return values, sums, scales
