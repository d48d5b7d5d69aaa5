"""Flows: named Python functions whose runs are recorded."""
