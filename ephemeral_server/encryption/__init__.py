"""Keeping secrets unreadable in databases that last."""
