"""Signals: SIGINT is the terminal's and the gateway's business, SIGTERM asks for a clean stop."""

import signal
import socket
from collections.abc import Callable

from vital_thread import start_vital_thread


def handle_signals(on_terminate: Callable[[], None]) -> None:
    """Calls `on_terminate` in a thread of its own for each SIGTERM. To be called in the main thread.

    Python runs signal handlers in the main thread between two bytecodes, so a long call into C would delay
    them for seconds. The wake-up descriptor is written by the C handler itself, at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wakeups, wakeup = socket.socketpair()
    wakeup.setblocking(False)
    signal.set_wakeup_fd(wakeup.detach(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: None)

    def listen() -> None:
        while True:
            if signal.SIGTERM in wakeups.recv(64):
                on_terminate()

    start_vital_thread("signals", listen)
