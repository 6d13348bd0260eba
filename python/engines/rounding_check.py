"""Whether a model rounded to int8 predicts text as well as before: perplexity on a text that ships with it.

Knows no request. The result is kept in the data folder, since model and step give the same one every time.
"""

import json
import math
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from engines.base import Perplexity
from engines.kv_blocks import blocks_for
from engines.step_model import Segment, StepModel

if TYPE_CHECKING:
    from model_loading import LoadedModel

MOST_LOSS = 0.03
"""Of perplexity; more is not worth the speed."""
_TEXT = Path(__file__).with_name("rounding_text.txt")


def measure_rounding(loaded: "LoadedModel", step: StepModel, kept_at: Path) -> Perplexity:
    """The model's own perplexity on the text, and the step's.

    Takes a second or two, or nothing when `kept_at` has it. The step's first blocks are overwritten.
    """
    try:
        return Perplexity(**json.loads(kept_at.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        pass
    ids = loaded.tokenizer.encode(_TEXT.read_text(encoding="utf-8"))
    ids = ids[: min(step.max_tokens, loaded.info.context_length)]
    blocks = np.arange(blocks_for(len(ids)), dtype=np.int32)
    with torch.inference_mode():
        own = loaded.model(torch.tensor([ids]), use_cache=False).logits[0].float()
        rounded = step.forward([Segment([token], i, blocks, True) for i, token in enumerate(ids)])
    measured = Perplexity(_perplexity(own, ids), _perplexity(rounded, ids))
    half_written = kept_at.with_suffix(f".{os.getpid()}")
    # A full disk costs the next start two seconds, and this one nothing.
    with suppress(OSError):
        kept_at.parent.mkdir(parents=True, exist_ok=True)
        half_written.write_text(json.dumps(asdict(measured)), encoding="utf-8")
        half_written.replace(kept_at)
    return measured


def _perplexity(logits: torch.Tensor, ids: list[int]) -> float:
    nats = float(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])))
    return round(math.exp(nats), 4)
