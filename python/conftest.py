"""The import root of the tests, as for `python python/worker.py`. Fixtures are in tests/conftest.py."""

from cpu_threads import choose_waiting

# Before any test imports torch, whose threads would spin beside the other processes of a test run.
choose_waiting()
