"""Work pools and their queues: where runs of deployments wait for workers."""
