"""Makes the packaged model ready: `python prepare_model.py --data-dir <dir>`, run by set-up and by hand.

What the default engine makes once, the compiled step and the measure of its rounding, is made here, too, so
that no start waits for it. Progress goes to stdout as the worker's `loading` lines; exit code 78 after one
`error` line on failure.
"""

import argparse
import os
import sys
from pathlib import Path

from protocol_stream import ProtocolStream, guard_stdio

PERMANENT_FAULT = 78


def main() -> int:
    parser = argparse.ArgumentParser(description="Converts the packaged model; does nothing twice.")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of converted models")
    data_dir: Path = parser.parse_args().data_dir
    _, protocol_out = guard_stdio()
    stream = ProtocolStream(protocol_out)
    os.environ["HF_HUB_OFFLINE"] = "1"

    from conversion import convert_gguf
    from engines.base import ModelUnavailableError
    from engines.batched import BatchedEngine
    from models import PACKAGED_ID, packaged_folder, packaged_source
    from protocol import Loading, encode, error_message

    def report(stage: str, done: float, total: float) -> None:
        stream.send(encode(Loading(stage, done, total)))

    try:
        made = convert_gguf(packaged_source(), packaged_folder(data_dir), report)
        if made:
            BatchedEngine(PACKAGED_ID, str(data_dir)).load(report)
    except ModelUnavailableError as error:
        stream.send(encode(error_message(None, "model_unavailable", str(error))))
        return PERMANENT_FAULT
    stream.send(encode(Loading("ready" if made else "unchanged", 1, 1)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
