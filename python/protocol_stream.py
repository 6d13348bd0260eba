"""The two descriptors the protocol runs on, taken away from everything else in the process.

Owns the writing of whole lines; knows no message.
"""

import os
import threading


def guard_stdio() -> tuple[int, int]:
    """Moves the protocol to private descriptors (in, out) and returns them.

    From then on fd 1 is stderr and fd 0 is empty, so that a print, a C library or a child process can neither
    write nor read protocol. To be called before anything heavy is imported.
    """
    protocol_in, protocol_out = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return protocol_in, protocol_out


class ProtocolStream:
    """Whole lines to the gateway. One that reads slowly blocks the writer, one that is gone ends us."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._queued: list[bytes] = []
        os.set_blocking(fd, True)

    def queue(self, line: bytes) -> None:
        """Keeps a line for the next `flush`; for the main thread only."""
        self._queued.append(line)

    def flush(self) -> None:
        """Writes the queued lines in one go."""
        if self._queued:
            data = b"".join(self._queued)
            self._queued.clear()
            self.send(data)

    def send(self, data: bytes) -> None:
        """Writes whole lines now, past the queue; for any thread."""
        with self._lock:
            self._write(data)

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                data = data[written:]
                written = os.write(self._fd, data)
        except OSError:
            os._exit(0)  # EPIPE: nobody is left to tell
