"""What runs log."""
