"""Progress of loading a model: the stages we know of, and the bars that libraries draw within them.

Knows no model and no protocol; imports neither torch nor transformers by itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm.std import tqdm

from engines.base import Report


@contextmanager
def report_stage(report: Report, stage: str) -> Iterator[None]:
    """Says that the stage begins and, unless it fails, that it is over."""
    report(stage, 0, 1)
    yield
    report(stage, 1, 1)


@contextmanager
def report_bars(report: Report, stage: str) -> Iterator[None]:
    """As `report_stage`, and every progress bar of transformers meanwhile is reported instead of drawn."""
    from transformers import modeling_gguf_pytorch_utils as legacy_gguf
    from transformers.utils.logging import set_tqdm_hook

    bar = bar_class(report, stage)
    previous = set_tqdm_hook(lambda _factory, args, kwargs: bar(*args, **kwargs))
    # This module draws its bar past the hook; without it dequantising gigabytes would look like a stall.
    drawn, legacy_gguf.tqdm = legacy_gguf.tqdm, bar
    try:
        with report_stage(report, stage):
            yield
    finally:
        legacy_gguf.tqdm = drawn
        set_tqdm_hook(previous)


def bar_class(report: Report, stage: str, unit: str = "it") -> type[tqdm]:
    """A tqdm that reports where tqdm would draw, as seldom as tqdm would; bars of other units stay silent."""

    class ReportingBar(tqdm):
        monitor_interval = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)  # of huggingface_hub's own bars
            self._nowhere = Path(os.devnull).open("w")  # noqa: SIM115 -- closed with the bar
            super().__init__(*args, **{**kwargs, "file": self._nowhere, "disable": False})

        def display(self, msg: str | None = None, pos: int | None = None) -> None:
            if self.total and self.unit == unit:
                report(stage, min(self.n, self.total), self.total)

        def close(self) -> None:
            super().close()
            self._nowhere.close()

    return ReportingBar
