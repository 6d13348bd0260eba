"""How many threads torch computes with, and how they wait, on a machine that others use too. Knows no model.
engines/patience.py has the threads of the compiled step.

Measured on 2 cores, SmolLM2-135M in bfloat16, ms a token alone and beside one busy process: 2 threads with
OpenMP's default spinning 45 and 120-2000, 2 threads that sleep instead 68 and 75, one thread 55 and 63.
"""

import os
from contextlib import suppress


def count_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_waiting() -> None:
    """To be called before torch is imported: OpenMP reads its environment once."""
    # Where every core computes, a thread that spins for another takes the core that one needs.
    if count_cores() <= 2:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def use_one_interop_thread() -> None:
    """To be called before torch computes: nothing here forks within an operation, and each such thread costs
    memory and, where it wakes, another's core."""
    import torch

    # It may be said once in a process, which a test has done before.
    with suppress(RuntimeError):
        torch.set_num_interop_threads(1)


def use_threads(new_tokens: int) -> None:
    """Sets torch's threads for the calling thread's next forward pass over that many new tokens.

    A prompt is worth every core. A single token is bound by memory: half of them do as well, and leave the
    rest to the gateway and its clients.
    """
    import torch

    cores = count_cores()
    wanted = cores if new_tokens > 1 else max(1, cores // 2)
    if torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)
