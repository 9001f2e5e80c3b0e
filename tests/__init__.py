"""Tests of neuroparallel; ``tests/`` mirrors the package, file for file."""
