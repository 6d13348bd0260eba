"""A sign of life every second from a thread of its own: a long step must not be taken for a dead worker."""

import sys
import time
from pathlib import Path

from protocol import Heartbeat, encode
from protocol_stream import ProtocolStream
from vital_thread import start_vital_thread

INTERVAL_S = 1.0


class Pulse:
    """What the loop is doing; written by the main thread, read by the heartbeat's."""

    __slots__ = ("running", "step")

    def __init__(self) -> None:
        self.step = 0
        self.running = 0


def start_heartbeat(stream: ProtocolStream, pulse: Pulse) -> None:
    def beat() -> None:
        while True:
            stream.send(encode(Heartbeat(pulse.step, pulse.running, rss_bytes())))
            time.sleep(INTERVAL_S)

    start_vital_thread("heartbeat", beat)


def rss_bytes() -> int:
    """Resident memory of this process; its peak where the system tells no more, 0 where it tells nothing."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * resource.getpagesize()
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0
