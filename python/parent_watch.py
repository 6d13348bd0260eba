"""Ends the worker when its parent is gone, also when an inherited stdin stays open and would hide it."""

import os
import signal
import sys
import time

from vital_thread import start_vital_thread

INTERVAL_S = 1.0
_PR_SET_PDEATHSIG = 1


def watch_parent() -> None:
    """From now on the process lives at most about a second longer than the parent it had at this call."""
    parent = os.getppid()
    if sys.platform == "linux":
        _die_with_parent()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(INTERVAL_S)
        os._exit(0)

    start_vital_thread("parent-watch", watch)


def _die_with_parent() -> None:
    """Asks the kernel, which also reaches a stopped process. Best effort: the watch does not depend on it."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
