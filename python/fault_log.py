"""Faults as JSON lines on stderr, one each, for the gateway's log. Knows no protocol and no client."""

import json
import os
import sys
import traceback


def report_fault(event: str, error: BaseException | None = None, **fields: object) -> None:
    """Writes one line: `event`, those of `fields` that are not None, and the traceback of `error`."""
    known = {name: value for name, value in fields.items() if value is not None}
    line: dict[str, object] = {"level": "error", "event": event, **known}
    if error is not None:
        line["error"] = repr(error)
        line["traceback"] = "".join(traceback.format_exception(error))
    sys.stderr.flush()
    # In one write and below Python's own buffers, so that lines of two threads do not mix.
    os.write(2, (json.dumps(line, default=str) + "\n").encode())
