"""Artifacts: what runs leave for people to look at, each version under its key."""
