"""Collections: what packages beside the server offer."""
