"""Readers that take so many bytes a second, with as small a receive buffer as the system grants.

Arguments: port, how many, seconds, bytes a second; those that want many read on as they come. Each asks for
a long answer, and asks anew when it is cut off. Prints JSON: how many answers were begun, how many of them
were cut, and how many bytes were read. Knows no protocol.
"""

import json
import socket
import sys
import time

SMALLEST_BUFFER = 1
"""The system makes it a few hundred bytes."""
SLOW_ROUND_S = 1.0
QUICK_ROUND_S = 0.01
WORD = "slow"
"""As long as a token of a real model is."""


def open_reader(port: int, number: int, is_slow: bool) -> socket.socket:
    reader = socket.socket()
    if is_slow:
        # Before it connects, or the window is known to be larger.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALLEST_BUFFER)
    reader.connect(("127.0.0.1", port))
    body = json.dumps({"prompt": f"{WORD} {number}", "max_tokens": 60_000})
    head = ["POST /generate HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head.append(f"Content-Length: {len(body)}")
    reader.sendall("\r\n".join([*head, "", body]).encode())
    reader.setblocking(False)
    return reader


def main() -> None:
    port, count, seconds, size = (int(word) for word in sys.argv[1:5])
    is_slow = size < 1_000
    round_s = SLOW_ROUND_S if is_slow else QUICK_ROUND_S
    readers = [open_reader(port, number, is_slow) for number in range(count)]
    begun, cut, read = count, 0, 0
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        began_s = time.monotonic()
        for number, reader in enumerate(readers):
            try:
                data = reader.recv(size)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            read += len(data)
            if data:
                continue
            reader.close()
            readers[number] = open_reader(port, begun, is_slow)
            begun, cut = begun + 1, cut + 1
        time.sleep(max(0.0, round_s - (time.monotonic() - began_s)))
    for reader in readers:
        reader.close()
    print(json.dumps({"begun": begun, "cut": cut, "read": read}))


if __name__ == "__main__":
    main()
