"""Measurements of this server beside a floor and the reference: ``python -m tests.benchmarks``."""
