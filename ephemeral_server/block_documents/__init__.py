"""Block documents: the values of blocks that were saved, their secrets and what they refer to."""
