"""How much memory could be taken now without pushing others out. Knows no model."""

import os
from pathlib import Path

MEMINFO = Path("/proc/meminfo")
_ASSUMED_BYTES = 2 << 30
"""Where the system does not tell."""


def free_memory_bytes() -> int:
    try:
        for line in MEMINFO.read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        # macOS tells the whole only; half of it is a careful guess.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return _ASSUMED_BYTES
