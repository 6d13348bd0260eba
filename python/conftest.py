"""Marks this folder as the import root of the tests, as for `python python/worker.py`. Holds no fixtures."""
