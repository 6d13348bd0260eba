"""The import root of the tests, as for `python python/worker.py`. Fixtures are in tests/conftest.py."""
