"""A process that plans runs until, at some statement, it says so and waits to be killed.

python -m tests.services.killed_scheduler URL STATEMENT TIMES
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from sqlalchemy import Engine, event

from ephemeral_server.clock import SECOND, ManualClock
from ephemeral_server.runtime import Runtime
from ephemeral_server.settings import Settings
from tests.services.planning import MONDAY


async def main(url: str, statement: str, times: int) -> None:
    # Several transactions, and several pages of them.
    settings = Settings(
        database_url=url,
        services=False,
        scheduler_deployment_batch_size=15,
        scheduler_insert_batch_size=20,
    )
    runtime = Runtime(settings, ManualClock(MONDAY * SECOND))
    await runtime.start()
    seen = 0

    def see(what: str) -> None:
        nonlocal seen
        seen += what.startswith(statement)
        if seen == times:
            sys.stdout.write("here\n")
            sys.stdout.flush()
            threading.Event().wait()

    def execute(
        connection: Any, cursor: Any, sql: str, parameters: Any, context: Any, many: bool
    ) -> None:
        see(sql)

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", lambda connection: see("COMMIT"))
    await runtime.run_service("changed-deployments")
    raise AssertionError(f"there were no {times} times {statement!r}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
