"""Benchmarks: the figures of docs/benchmarks.md. `make bench` runs them on an idle machine."""
