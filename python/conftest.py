"""Marks this folder as the import root of the tests, as it is for `python python/worker.py`. Holds no fixtures."""
