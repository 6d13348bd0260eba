"""Signals: SIGINT is the terminal's and the gateway's business, SIGTERM asks for a clean stop."""

import os
import signal
import sys
from collections.abc import Callable

from vital_thread import start_vital_thread


def handle_signals(on_terminate: Callable[[], None]) -> None:
    """Calls `on_terminate` in a thread of its own for each SIGTERM. To be called in the main thread.

    Python runs signal handlers in the main thread between two bytecodes, so a long call into C would delay
    them for seconds. The wake-up descriptor is written by the C handler itself, at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "win32":
        return  # there SIGTERM ends a process without asking it
    wakeups, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)

    def listen() -> None:
        while True:
            if signal.SIGTERM in os.read(wakeups, 64):
                on_terminate()

    start_vital_thread("signals", listen)
