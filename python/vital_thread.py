"""Threads without which the worker would be deaf or an orphan: when one fails, the process ends."""

import os
import threading
from collections.abc import Callable

from fault_log import report_fault

EXIT_INTERNAL = 70
"""sysexits.h EX_SOFTWARE: the worker no longer trusts its own state."""


def start_vital_thread(name: str, body: Callable[[], None]) -> None:
    """Runs `body` in a daemon thread; an exception in it ends the process."""

    def guarded() -> None:
        try:
            body()
        except BaseException as error:  # noqa: BLE001 -- whatever it was, the thread is gone
            report_fault("thread_failed", error, thread=name)
            os._exit(EXIT_INTERNAL)

    threading.Thread(target=guarded, name=name, daemon=True).start()
