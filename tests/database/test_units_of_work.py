"""What a unit of work may rely on, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from ephemeral_server.clock import SystemClock
from ephemeral_server.database import Database, Transaction, open_database
from ephemeral_server.database.tables import flow
from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.ids import new_id
from ephemeral_server.settings import Settings

Test = Callable[[Database, list[Any]], Awaitable[None]]


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Database, list[Any]]]:
    """A database, and the events it published."""
    published: list[Any] = []
    settings = Settings(database_url=url, ephemeral=True)
    database = await open_database(settings, SystemClock(), published.extend)
    try:
        yield database, published
    finally:
        await database.close()


@pytest.fixture
def on(database_url: str) -> Callable[[Test], None]:
    """Runs a coroutine function with an open database, on a loop of its own."""

    async def run(test: Test) -> None:
        async with opened(database_url) as (database, published):
            await test(database, published)

    return lambda test: asyncio.run(run(test))


def add(tx: Transaction, name: str) -> str:
    now = tx.now()
    row = {"id": new_id(now), "created": now, "updated": now, "name": name, "tags": "[]"}
    tx.connection.execute(flow.insert(), row)
    return name


def add_then_fail(tx: Transaction, name: str) -> None:
    add(tx, name)
    tx.emit(f"made {name}")
    raise LookupError(name)


def names(connection: Connection) -> list[str]:
    return list(connection.execute(select(flow.c.name).order_by(flow.c.name)).scalars())


class TestWriting:
    def test_what_is_answered_is_seen_by_the_next_read(self, on: Callable[[Test], None]) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            for number in range(30):
                await database.write(add, f"{number:02d}")
                assert (await database.read(names))[-1] == f"{number:02d}"

        on(test)

    def test_an_exception_undoes_the_unit_and_reaches_its_caller(
        self, on: Callable[[Test], None]
    ) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            with pytest.raises(LookupError, match="gone"):
                await database.write(add_then_fail, "gone")
            assert await database.read(names) == []
            await database.write(add, "after")
            assert await database.read(names) == ["after"]

        on(test)

    def test_a_unit_that_touches_nothing_and_fails_leaves_the_database_usable(
        self, on: Callable[[Test], None]
    ) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            def fail(tx: Transaction) -> None:
                raise LookupError

            for _ in range(3):
                with pytest.raises(LookupError):
                    await database.write(fail)
            assert await database.write(add, "fine") == "fine"

        on(test)

    def test_units_that_wait_together_fail_and_succeed_each_by_itself(
        self, on: Callable[[Test], None]
    ) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            units = [
                database.write(add_then_fail if number % 3 == 0 else add, f"{number:03d}")
                for number in range(100)
            ]
            results = await asyncio.gather(*units, return_exceptions=True)
            kept = [f"{number:03d}" for number in range(100) if number % 3]
            assert [r for r in results if not isinstance(r, LookupError)] == kept
            assert await database.read(names) == kept

        on(test)

    def test_a_broken_constraint_undoes_only_its_own_unit(self, on: Callable[[Test], None]) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            def twice(tx: Transaction) -> None:
                add(tx, "first")
                add(tx, "same")

            await database.write(add, "same")
            units = [database.write(add, "a"), database.write(twice), database.write(add, "b")]
            results = await asyncio.gather(*units, return_exceptions=True)
            assert isinstance(results[1], IntegrityError)
            assert await database.read(names) == ["a", "b", "same"]

        on(test)

    def test_a_caller_that_gives_up_does_not_hold_up_the_others(
        self, on: Callable[[Test], None]
    ) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            units = [asyncio.ensure_future(database.write(add, f"{n:02d}")) for n in range(50)]
            await asyncio.sleep(0)
            for unit in units[::2]:
                unit.cancel()
            await asyncio.gather(*units, return_exceptions=True)
            found = await database.read(names)
            assert {f"{n:02d}" for n in range(1, 50, 2)} <= set(found)
            assert await database.write(add, "last") == "last"

        on(test)


class TestEvents:
    def test_are_published_once_the_unit_is_committed(self, on: Callable[[Test], None]) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            def work(tx: Transaction) -> None:
                tx.emit("one")
                add(tx, "a")
                tx.emit("two")
                assert published == []

            await database.write(work)
            assert published == ["one", "two"]

        on(test)

    def test_of_a_unit_that_failed_are_dropped(self, on: Callable[[Test], None]) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            with pytest.raises(LookupError):
                await database.write(add_then_fail, "a")
            assert published == []

        on(test)

    def test_actions_run_after_the_commit_on_the_servers_loop(
        self, on: Callable[[Test], None]
    ) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            loops: list[asyncio.AbstractEventLoop] = []

            def work(tx: Transaction) -> None:
                tx.after_commit(lambda: loops.append(asyncio.get_running_loop()))

            await database.write(work)
            assert loops == [asyncio.get_running_loop()]

        on(test)

    def test_an_action_that_fails_is_logged_and_holds_up_nobody(
        self, on: Callable[[Test], None], caplog: pytest.LogCaptureFixture
    ) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            done: list[str] = []

            def work(tx: Transaction) -> str:
                tx.after_commit(lambda: done.remove("nobody"))
                tx.after_commit(lambda: done.append("next"))
                return add(tx, "a")

            assert await database.write(work) == "a"
            assert await database.write(add, "b") == "b"
            assert done == ["next"]
            assert "What follows a commit has failed." in caplog.messages

        on(test)

    def test_notices_reach_those_who_listen_to_their_topic_after_the_commit(
        self, on: Callable[[Test], None]
    ) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            heard: list[tuple[str, str]] = []

            def work(tx: Transaction, subject: str, error: Exception | None) -> None:
                tx.notify("bread", subject)
                tx.notify("soup", subject)
                assert heard == []
                if error is not None:
                    raise error

            database.notices.listen("bread", lambda subject: heard.append(("first", subject)))
            database.notices.listen("bread", lambda subject: heard.append(("second", subject)))
            with pytest.raises(LookupError):
                await database.write(work, "burnt", LookupError())
            await database.write(work, "rye", None)
            assert heard == [("first", "rye"), ("second", "rye")]

        on(test)


class TestReading:
    def test_a_read_sees_one_moment_although_writes_go_on(self, on: Callable[[Test], None]) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            loop = asyncio.get_running_loop()
            begun, written = asyncio.Event(), asyncio.Event()
            query = select(func.count()).select_from(flow)

            async def wait_for_write() -> None:
                await written.wait()

            def twice(connection: Connection) -> tuple[int, int]:
                before = connection.execute(query).scalar_one()
                loop.call_soon_threadsafe(begun.set)
                if database.dialect == "sqlite":  # its units run on a thread of their own
                    asyncio.run_coroutine_threadsafe(wait_for_write(), loop).result(10)
                else:  # PostgreSQL's switch at each statement
                    connection.execute(text("SELECT pg_sleep(0.2)"))
                return before, connection.execute(query).scalar_one()

            reading = asyncio.ensure_future(database.read(twice))
            await begun.wait()
            await database.write(add, "meanwhile")
            written.set()
            assert await reading == (0, 0)
            assert await database.read(names) == ["meanwhile"]

        on(test)

    def test_many_reads_at_once_all_answer(self, on: Callable[[Test], None]) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            await database.write(add, "a")
            answers = await asyncio.gather(*(database.read(names) for _ in range(100)))
            assert answers == [["a"]] * 100

        on(test)


class TestClosing:
    def test_work_for_a_closed_database_is_refused(self, on: Callable[[Test], None]) -> None:
        async def test(database: Database, published: list[Any]) -> None:
            await database.close()
            await database.close()
            with pytest.raises(DatabaseClosedError):
                await database.write(add, "late")
            with pytest.raises(DatabaseClosedError):
                await database.read(names)

        on(test)

    def test_what_was_handed_in_before_is_finished(self, database_url: str) -> None:
        async def first() -> None:
            async with opened(database_url) as (database, _):
                units = [asyncio.ensure_future(database.write(add, str(n))) for n in range(200)]
                await asyncio.sleep(0)
                await database.close()
                results = await asyncio.gather(*units, return_exceptions=True)
                assert [r for r in results if isinstance(r, BaseException)] == []

        async def then() -> None:
            async with opened(database_url) as (database, _):
                assert len(await database.read(names)) == 200

        asyncio.run(first())
        asyncio.run(then())
