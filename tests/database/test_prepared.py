"""Prepared statements do on both databases what SQLAlchemy does."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from ephemeral_server.database.prepared import Prepared, fetch_all
from ephemeral_server.database.tables import flow, flow_run
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.ids import new_id
from tests.application import Application, application

__all__ = ["application"]

COLUMNS = flow.c.keys()
INSERT = Prepared(insert(flow), COLUMNS)
NAMED = Prepared(
    select(flow.c.name, flow.c.tags.label("the tags")).where(flow.c.id == bindparam("id"))
)
RENAME = Prepared(update(flow).where(flow.c.id == bindparam("which")).values(name=bindparam("to")))
SCHEDULED = (
    select(flow_run.c.id, flow_run.c.auto_scheduled, flow_run.c.run_count)
    .where(flow_run.c.id == bindparam("id"))
    .where(flow_run.c.run_count >= 0)
)


def flow_values(application: Application, **values: Any) -> dict[str, Any]:
    now = application.clock.now()
    row = {"id": new_id(now), "created": now, "updated": now, "name": new_id(now), "tags": "[]"}
    return {**dict.fromkeys(COLUMNS), **row, **values}


def test_a_row_is_inserted_changed_and_found(application: Application) -> None:
    values = flow_values(application)
    known = {"id": values["id"]}

    def work(tx: Transaction) -> list[Any]:
        INSERT.run(tx.connection, {**values, "a fact about it": 1})
        before = NAMED.mapping(tx.connection, known)
        RENAME.run(tx.connection, {"which": values["id"], "to": "new " + values["id"]})
        return [before, NAMED.first(tx.connection, known)]

    assert application.write(work) == [
        {"name": values["name"], "the tags": "[]"},
        ("new " + values["id"], "[]"),
    ]


def test_nothing_found_is_none(application: Application) -> None:
    def work(tx: Transaction) -> list[Any]:
        known = {"id": new_id(tx.now())}
        return [NAMED.first(tx.connection, known), NAMED.mapping(tx.connection, known)]

    assert application.write(work) == [None, None]


@pytest.mark.parametrize("flag", [True, False])
def test_booleans_come_back_as_such(application: Application, flag: bool) -> None:
    flow_id = application.insert(flow)
    id = application.insert(flow_run, flow_id=flow_id, auto_scheduled=flag)

    def work(tx: Transaction) -> Any:
        return Prepared(SCHEDULED).mapping(tx.connection, {"id": id})

    found = application.write(work)

    assert found == {"id": id, "auto_scheduled": flag, "run_count": 0}
    assert found["auto_scheduled"] is flag


def test_a_refused_row_is_an_integrity_error_and_harms_nothing_else(
    application: Application,
) -> None:
    first = flow_values(application)
    second = flow_values(application, name=first["name"])
    application.write(lambda tx: INSERT.run(tx.connection, first))

    with pytest.raises(IntegrityError):
        application.write(lambda tx: INSERT.run(tx.connection, second))

    found = application.write(lambda tx: NAMED.first(tx.connection, {"id": first["id"]}))
    assert found is not None
    assert tuple(found) == (first["name"], "[]")


def test_a_missing_value_is_an_error(application: Application) -> None:
    with pytest.raises(Exception, match="which"):
        application.write(lambda tx: RENAME.run(tx.connection, {"to": "nobody"}))


def test_all_rows_of_a_query_are_fetched_in_order(application: Application) -> None:
    flow_id = application.insert(flow)
    ids = [application.insert(flow_run, flow_id=flow_id, auto_scheduled=True) for _ in range(3)]
    query = select(flow_run.c.id, flow_run.c.auto_scheduled).where(flow_run.c.flow_id == flow_id)

    rows = application.read(lambda c: fetch_all(c, query.order_by(flow_run.c.id)))

    assert [(id, bool(flag)) for id, flag in rows] == [(id, True) for id in sorted(ids)]


def test_all_rows_are_found_by_the_names_of_their_columns(application: Application) -> None:
    flow_id = application.insert(flow)
    flags = [True, False, True]
    ids = [application.insert(flow_run, flow_id=flow_id, auto_scheduled=flag) for flag in flags]
    query = select(flow_run.c.id, flow_run.c.auto_scheduled.label("the flag"))
    runs = Prepared(query.where(flow_run.c.flow_id == bindparam("flow")).order_by(flow_run.c.id))

    found = application.read(lambda c: runs.mappings(c, {"flow": flow_id}))

    assert found == [
        {"id": id, "the flag": flag} for id, flag in sorted(zip(ids, flags, strict=True))
    ]
    assert all(isinstance(row["the flag"], bool) for row in found)
    assert application.read(lambda c: runs.mappings(c, {"flow": new_id()})) == []
