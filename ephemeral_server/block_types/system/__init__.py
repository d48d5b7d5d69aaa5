"""The block types that every server knows."""
