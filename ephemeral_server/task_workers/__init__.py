"""Task workers: who is connected, and how deferred task runs get to them."""
