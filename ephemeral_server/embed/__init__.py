"""A server inside somebody else's process: the handle, its thread or child process, its end."""

from __future__ import annotations

from ephemeral_server.embed.handle import EphemeralServer, ephemeral

__all__ = ["EphemeralServer", "ephemeral"]
