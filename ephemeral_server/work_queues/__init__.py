"""Work queues: where the flow runs of a work pool wait, the more urgent ones apart."""
