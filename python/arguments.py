"""The worker's command line: what the gateway starts it with. Knows no engine."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from engines.base import ModelUnavailableError


@dataclass(frozen=True, slots=True)
class Arguments:
    engine: str
    model: str
    data_dir: str
    embedder: str


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ModelUnavailableError(f"worker.py was started wrongly: {message}.")


def parse_arguments(words: Sequence[str]) -> Arguments:
    """Raises ModelUnavailableError."""
    parser = _Parser(prog="worker.py", description="The model's process; the gateway starts and stops it.")
    parser.add_argument("--engine", choices=("batched", "streamer", "fake", "none"), required=True)
    parser.add_argument(
        "--model", required=True, help="the packaged model, a folder, a GGUF file or a hub id"
    )
    parser.add_argument("--data-dir", required=True, help="where converted models are kept")
    parser.add_argument("--embedder", default="all-minilm-l6-v2", help="the packaged embedder or a folder")
    return Arguments(**vars(parser.parse_args(words)))
