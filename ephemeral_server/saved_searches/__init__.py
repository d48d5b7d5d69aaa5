"""Saved searches: filters that a page keeps under a name."""
