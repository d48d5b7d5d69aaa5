"""The channel of workers: one WebSocket over which they live, learn of their pool and clean up."""
