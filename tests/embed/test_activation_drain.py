"""The last logs and events of the client arrive before its server goes, and nothing complains."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ephemeral_server import ephemeral
from tests.embed.programs import run_program

#: Begins a program that uses the client: a flow whose last act is to log and to emit an event.
CLIENT = """
import asyncio, sys, threading
from prefect import flow, get_run_logger, task
from prefect.events import emit_event
from ephemeral_server import ephemeral

database = f"sqlite+aiosqlite:///{sys.argv[1]}"

@task
def step():
    return 1

@flow
def work(mark="the last word"):
    step()
    get_run_logger().info(mark)

def say(event):
    emit_event(event, resource={"prefect.resource.id": "test.drain"})
"""

WAYS = {
    "with": """
with ephemeral(database_url=database):
    work()
    say("after.the.flow")
""",
    "async with": """
async def main():
    async with ephemeral(database_url=database):
        await asyncio.to_thread(work)
        say("after.the.flow")

asyncio.run(main())
""",
    "shutdown on a running loop": """
async def main():
    server = ephemeral(database_url=database).start()
    await asyncio.to_thread(work)
    say("after.the.flow")
    server.shutdown()

asyncio.run(main())
""",
    "shutdown in another thread": """
server = ephemeral(database_url=database).start()
work()
say("after.the.flow")
ender = threading.Thread(target=server.shutdown)
ender.start()
ender.join()
""",
    "exit of the interpreter": """
server = ephemeral(database_url=database).start()
work()
say("after.the.flow")
""",
    "child process": """
with ephemeral(database_url=database, mode="process"):
    work()
    say("after.the.flow")
""",
}


def held(database: Path, what: str) -> list[str]:
    """A column of a table of the ended server, as text; the events of the tests alone."""
    queries = {
        "messages": "SELECT message FROM log ORDER BY timestamp",
        "events": "SELECT event FROM event WHERE event LIKE '%.flow' ORDER BY occurred",
        "task states": "SELECT state_type FROM task_run",
    }
    with closing(sqlite3.connect(database)) as connection:
        return [str(value) for (value,) in connection.execute(queries[what])]


#: Where the client is drained by an interpreter or a loop on its way out.
BY_PYTHON = ("exit of the interpreter", "shutdown on a running loop")


@pytest.mark.parametrize(
    "way",
    [way if way in BY_PYTHON else pytest.param(way, marks=pytest.mark.one_python) for way in WAYS],
)
def test_the_last_words_of_the_client_arrive_when_the_server_ends_by(
    way: str, tmp_path: Path
) -> None:
    database = tmp_path / "data.db"
    _, errors = run_program(CLIENT + WAYS[way], str(database))
    assert "the last word" in held(database, "messages")
    assert held(database, "events") == ["after.the.flow"]
    assert held(database, "task states") == ["COMPLETED"]
    complaints = [line for line in errors.splitlines() if "| INFO " not in line]
    if way == "exit of the interpreter":  # The client may come first there, and says that it waits.
        complaints = [line for line in complaints if "Still processing items" not in line]
    assert complaints == []


NESTED = """
with ephemeral(database_url=database + "/outer.db"):
    work("outer before")
    say("outer.before.flow")
    with ephemeral(database_url=database + "/inner.db"):
        work("inner")
        say("inner.flow")
    work("outer after")
    say("outer.after.flow")
"""


@pytest.mark.one_python
def test_each_of_two_nested_servers_gets_its_own_logs_and_events(tmp_path: Path) -> None:
    _, errors = run_program(CLIENT + NESTED, str(tmp_path))
    inner, outer = tmp_path / "inner.db", tmp_path / "outer.db"
    assert held(inner, "events") == ["inner.flow"]
    assert held(outer, "events") == ["outer.before.flow", "outer.after.flow"]
    assert [text for text in held(inner, "messages") if "outer" in text or "inner" in text] == [
        "inner"
    ]
    assert [text for text in held(outer, "messages") if "outer" in text or "inner" in text] == [
        "outer before",
        "outer after",
    ]
    assert "Traceback" not in errors


def test_a_client_that_has_nothing_to_say_does_not_delay_the_end() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        server = ephemeral().start()
        begin = loop.time()
        server.deactivate()
        took = loop.time() - begin
        server.shutdown()
        return took

    assert asyncio.run(main()) < 1
