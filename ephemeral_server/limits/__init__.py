"""Concurrency limits and the leases on their slots."""
