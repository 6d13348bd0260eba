"""The step of any model whose attention goes through transformers' attention interface, on CPU or GPU.

Knows no request and no sampling. All tokens are one packed sequence; only attention tells the requests apart.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from cpu_threads import use_threads
from engines.step_model import BLOCK_TOKENS, Segment, UnsupportedModelError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ATTENTION = "minivault_blocks"
MAX_TOKENS = 2048
_REFUSED_CONFIG = ("attn_logit_softcapping", "attention_chunk_size")
_CHECK_TOKENS = 2 * BLOCK_TOKENS + 3
_LARGEST_DIFFERENCE = {torch.float32: 1e-3, torch.bfloat16: 0.08, torch.float16: 0.02}
"""Relative, of the logits of two ways to compute the same."""


class _Group(NamedTuple):
    """Segments of equal length that attend together."""

    queries: torch.Tensor
    """[segment, token]: index in the packed sequence."""
    keys: torch.Tensor
    """[segment, position]: index in the cache, padded with its first."""
    distance: torch.Tensor
    """[segment, token, position]: how far back the position is; negative for what must not be seen."""


class TorchStep:
    max_tokens = MAX_TOKENS

    def __init__(self, model: "PreTrainedModel", blocks: int, context: int) -> None:
        """Takes the model over. Raises UnsupportedModelError unless it computes what the model does alone."""
        config = model.config.get_text_config(decoder=True)
        for name in _REFUSED_CONFIG:
            if getattr(config, name, None) is not None:
                raise UnsupportedModelError(f"its configuration has {name}")
        self.numerics = str(model.dtype).removeprefix("torch.")
        self._model = model
        self._slots = blocks * BLOCK_TOKENS
        self._caches: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._places = torch.empty(0)
        self._groups: list[_Group] = []
        AttentionInterface.register(ATTENTION, _attend)
        self._compare_with_own_attention(min(_CHECK_TOKENS, context))

    def entering_tokens(self, generating: int) -> int:
        return 128 if generating else 256

    def forward(self, segments: Sequence[Segment]) -> torch.Tensor:
        device = self._model.device
        ids = [token_id for segment in segments for token_id in segment.token_ids]
        if device.type == "cpu":
            use_threads(len(ids))
        positions = [range(s.start, s.start + len(s.token_ids)) for s in segments]
        begins = [0, *accumulate(len(s.token_ids) for s in segments)]
        slots = [_slots_of(s) for s in segments]
        places = torch.cat([slot[s.start :] for s, slot in zip(segments, slots, strict=True)])
        self._places = places.to(device)
        self._groups = _group(segments, slots, begins, device)
        wanted = [end - 1 for end, s in zip(begins[1:], segments, strict=True) if s.wants_logits]
        output = self._model(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([[p for span in positions for p in span]], device=device),
            use_cache=False,
            logits_to_keep=torch.tensor(wanted, dtype=torch.long, device=device),
            minivault_step=self,
        )
        return output.logits[0].float()

    def store(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Puts [head, token, dimension] into the layer's cache; returns it whole, [slot, ...]."""
        if layer not in self._caches:
            # Untouched pages cost no memory.
            shapes = [(self._slots, part.shape[0], part.shape[2]) for part in (keys, values)]
            self._caches[layer] = (keys.new_empty(shapes[0]), values.new_empty(shapes[1]))
        cached_keys, cached_values = self._caches[layer]
        cached_keys[self._places] = keys.transpose(0, 1)
        cached_values[self._places] = values.transpose(0, 1)
        return cached_keys, cached_values

    @property
    def groups(self) -> Sequence[_Group]:
        return self._groups

    def _compare_with_own_attention(self, length: int) -> None:
        """Anything this way of computing does not know of (masks, sinks, state) shows in the logits."""
        model = self._model
        generator = torch.Generator().manual_seed(0)
        vocabulary = model.get_input_embeddings().num_embeddings
        ids = torch.randint(vocabulary, (length,), generator=generator).tolist()
        blocks = np.arange(3, dtype=np.int32)
        half = length // 2
        try:
            with torch.inference_mode():
                expected = (
                    model(torch.tensor([ids], device=model.device), use_cache=False).logits[0, -1].float()
                )
                model.set_attn_implementation(ATTENTION)
                self.forward([Segment(ids[:half], 0, blocks, wants_logits=False)])
                self.forward([Segment(ids[half:-1], half, blocks, wants_logits=False)])
                got = self.forward([Segment(ids[-1:], length - 1, blocks, wants_logits=True)])[0]
        except Exception as error:
            raise UnsupportedModelError(f"{type(error).__name__}: {error}".splitlines()[0]) from error
        difference = float((got - expected).abs().max() / expected.abs().max())
        if not difference <= _LARGEST_DIFFERENCE.get(model.dtype, 1e-3):
            raise UnsupportedModelError(f"its logits differ by {difference:.1%} when it runs in batches")


def _slots_of(segment: Segment) -> torch.Tensor:
    positions = torch.arange(segment.start + len(segment.token_ids))
    blocks = torch.from_numpy(segment.blocks)[: int(positions[-1]) // BLOCK_TOKENS + 1].long()
    return (blocks[:, None] * BLOCK_TOKENS + torch.arange(BLOCK_TOKENS)).flatten()[: len(positions)]


def _group(
    segments: Sequence[Segment], slots: Sequence[torch.Tensor], begins: Sequence[int], device: torch.device
) -> list[_Group]:
    together = [i for i, segment in enumerate(segments) if len(segment.token_ids) == 1]
    groups = [[i] for i, segment in enumerate(segments) if len(segment.token_ids) > 1]
    return [
        _make_group(members, segments, slots, begins, device) for members in (*groups, together) if members
    ]


def _make_group(
    members: Sequence[int],
    segments: Sequence[Segment],
    slots: Sequence[torch.Tensor],
    begins: Sequence[int],
    device: torch.device,
) -> _Group:
    count = len(segments[members[0]].token_ids)
    tokens = torch.arange(count)
    length = max(len(slots[i]) for i in members)
    keys = torch.empty(len(members), length, dtype=torch.long)
    for row, i in enumerate(members):
        # Padding weighs nothing, but nothing times a NaN left in the cache is NaN: take what is written.
        keys[row] = slots[i][0]
        keys[row, : len(slots[i])] = slots[i]
    starts = torch.tensor([segments[i].start for i in members])
    distance = (starts[:, None] + tokens)[:, :, None] - torch.arange(length)
    queries = torch.tensor([begins[i] for i in members])[:, None] + tokens
    return _Group(queries.to(device), keys.to(device), distance.to(device))


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    minivault_step: TorchStep,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    keys, values = minivault_step.store(module.layer_idx, key[0], value[0])
    result = torch.empty(
        query.shape[2], query.shape[1], value.shape[3], dtype=query.dtype, device=query.device
    )
    for group in minivault_step.groups:
        seen = group.distance >= 0
        if sliding_window is not None:
            seen &= group.distance < sliding_window
        attended = scaled_dot_product_attention(
            query[0][:, group.queries].transpose(0, 1),
            keys[group.keys].transpose(1, 2),
            values[group.keys].transpose(1, 2),
            attn_mask=seen[:, None],
            scale=scaling,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        result[group.queries] = attended.transpose(1, 2)
    return result[None], None
