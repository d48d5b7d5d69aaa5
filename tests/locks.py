"""Who waits for whom on PostgreSQL."""

from __future__ import annotations

import asyncio

import asyncpg


async def lock_waits(url: str, count: int) -> None:
    """Return once so many transactions of a database wait for a lock."""
    client = await asyncpg.connect(url.replace("+asyncpg", ""))
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    try:
        while True:
            if await client.fetchval(f"{query} AND datname = current_database()") >= count:
                return
            await asyncio.sleep(0.005)
    finally:
        await client.close()
