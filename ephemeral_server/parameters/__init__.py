"""Values that users give to runs: what stands for them, and whether they fit a schema."""
