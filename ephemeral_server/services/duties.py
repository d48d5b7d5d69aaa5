"""What services do to runs: find those whose time has come, and change each of them once.

One query on a snapshot finds all of them. Then they are changed, some at a time: within the
transaction they are locked and looked at again, so a run that has moved on meanwhile is left
alone, and one that somebody works on just now is left to the next pass.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, bindparam, select

from ephemeral_server.database import Database, Transaction
from ephemeral_server.database.failures import is_outage
from ephemeral_server.errors import DatabaseClosedError
from ephemeral_server.orchestration.changes import Outcome
from ephemeral_server.settings import Settings

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: How many runs one transaction changes at most; writers of runs wait for it.
BATCH = 20


def _every(row: Row[Any], now: int) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that is to be done to runs.

    Attributes:
        table: of the runs.
        which: the query of the runs that it is to be done to, at an instant; the first column
            is their id.
        change: does it to the run of an id.
        fits: looks closer at a row of the query, at an instant.
    """

    table: Table
    which: Callable[[int, Settings], Select[Any]]
    change: Callable[[Transaction, Settings, str], Outcome]
    fits: Callable[[Row[Any], int], bool] = _every


async def fulfil(database: Database, settings: Settings, duty: Duty) -> Counter[str]:
    """Do what is to be done now, to each run by itself; a failure is logged and stops no other.

    Returns:
        how many runs entered a state of which type.
    """
    done: Counter[str] = Counter()
    ids = await database.read(_find, settings, duty, database.now())
    for start in range(0, len(ids), BATCH):
        done += await _change(database, settings, duty, ids[start : start + BATCH])
    return done


async def _change(
    database: Database, settings: Settings, duty: Duty, ids: Sequence[str]
) -> Counter[str]:
    def change(tx: Transaction, ids: Sequence[str]) -> Counter[str]:
        return _change_all(tx, settings, duty, ids)

    done = await write_all(database, duty.table.name, ids, change)
    return sum(done, start=Counter())


async def write_all(
    database: Database,
    what: str,
    ids: Sequence[str],
    work: Callable[[Transaction, Sequence[str]], T],
) -> list[T]:
    """Do something to rows in one transaction or, if that fails, to each in one of its own.

    Args:
        what: the rows are, for the log: the failure of one is told there and stops no other.
        ids: of the rows.
        work: does it to the rows of some ids.

    Returns:
        what each transaction did.
    """
    try:
        return [await database.write(work, ids)]
    except Exception as error:
        if isinstance(error, DatabaseClosedError) or is_outage(error):
            raise
        if len(ids) == 1:
            logger.exception("%s %s was not changed.", what, ids[0])
            return []
    done: list[T] = []
    for id in ids:  # One of them fails, and takes only itself with it.
        done += await write_all(database, what, [id], work)
    return done


def _find(connection: Connection, settings: Settings, duty: Duty, now: int) -> list[str]:
    rows = connection.execute(duty.which(now, settings))
    return [row[0] for row in rows if duty.fits(row, now)]


def _change_all(
    tx: Transaction, settings: Settings, duty: Duty, ids: Sequence[str]
) -> Counter[str]:
    done: Counter[str] = Counter()
    now = tx.now()
    # One by one: among many ids SQLite would rather go through all that is to be done.
    query = duty.which(now, settings).where(duty.table.c.id == bindparam("run_id"))
    for id in _locked(tx, duty.table, ids):
        row = tx.connection.execute(query, {"run_id": id}).first()
        if row is not None and duty.fits(row, now):
            outcome = duty.change(tx, settings, id)
            if outcome.is_new and outcome.state is not None:
                done[outcome.state.type] += 1
    return done


def _locked(tx: Transaction, table: Table, ids: Sequence[str]) -> Sequence[str]:
    """Of these runs, those that nobody else works on; they are ours until the commit.

    They are locked before they are looked at, as in `orchestration.storage`.
    """
    if tx.dialect == "sqlite":
        return ids
    query = select(table.c.id).where(table.c.id.in_(ids)).order_by(table.c.id)
    return tx.connection.scalars(query.with_for_update(skip_locked=True, key_share=True)).all()
