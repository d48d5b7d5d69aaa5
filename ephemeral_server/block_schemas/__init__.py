"""Block schemas: what the data of a block looks like, in one version of its class."""
