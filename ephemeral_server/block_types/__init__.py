"""Block types: what kinds of blocks there are."""
