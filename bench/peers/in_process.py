"""One system of the benchmark inside this process, without HTTP: loads of prompts in, times of tokens out.

A load is one JSON line on stdin, {"prompts": [...], "tokens": n, "limit_s": s}, its result one on stdout,
{"times": [[ms, ...], ...]}: for each prompt when its tokens were there, in ms since the load began.
The first line on stdout is {"ready": true}. Knows no other system and no statistics.
"""

import argparse
import importlib
import json
import os
import sys
from typing import Protocol

KINDS = {
    "generate": "generate_runner",
    "manager": "manager_runner",
    "compiled": "compiled_runner",
    "engine": "engine_runner",
}


class Runner(Protocol):
    def run(self, prompts: list[str], tokens: int, limit_s: float) -> list[list[float]]:
        """All prompts at once, greedily; a list ends at `tokens`, the model's end token or the limit."""
        ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=tuple(KINDS), required=True)
    parser.add_argument("--model", required=True, help="folder of the converted model")
    parser.add_argument("--dtype", default="bfloat16", help="bfloat16 or float32")
    parser.add_argument("--data-dir", required=True, help="the product's data folder")
    options = parser.parse_args()
    # What libraries print must not be taken for a result.
    results = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    runner: Runner = importlib.import_module(KINDS[options.kind]).create(options)
    results.write('{"ready": true}\n')
    for line in sys.stdin:
        load = json.loads(line)
        times = runner.run(load["prompts"], load["tokens"], load["limit_s"])
        results.write(json.dumps({"times": times}) + "\n")
    # Threads of the libraries may wait for ever.
    os._exit(0)


if __name__ == "__main__":
    main()
