"""Events: what happened, told by clients and by the server itself."""
