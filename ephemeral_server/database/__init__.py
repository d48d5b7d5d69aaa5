"""Where the data lives: SQLite or PostgreSQL behind one small interface."""

from __future__ import annotations

from ephemeral_server.database.base import Database, ReadWork, WriteWork
from ephemeral_server.database.opening import open_database
from ephemeral_server.database.transaction import Transaction

__all__ = ["Database", "ReadWork", "Transaction", "WriteWork", "open_database"]
