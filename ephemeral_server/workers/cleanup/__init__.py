"""Cleaning up after runs that did not end by themselves: messages to workers, and their queue."""
