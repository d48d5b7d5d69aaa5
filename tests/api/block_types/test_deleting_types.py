"""Block types: how they are deleted, and what goes with them."""

from __future__ import annotations

import json
from uuid import uuid4

from sqlalchemy import Connection, Table, func, select

from ephemeral_server.admin.storage import KEY
from ephemeral_server.database.tables import (
    block_document,
    block_document_reference,
    block_schema,
    configuration,
)
from ephemeral_server.database.transaction import Transaction
from tests.api.block_types.types import new_type, told_of
from tests.application import Application


def _count(connection: Connection, table: Table, id: str) -> int:
    query = select(func.count()).where(table.c.id == id)
    return connection.execute(query).scalar_one()


def _schema(application: Application, type_id: str) -> str:
    return application.insert(
        block_schema,
        checksum=str(uuid4()),
        version="1",
        fields="{}",
        capabilities="[]",
        block_type_id=type_id,
    )


def _document(application: Application, type_id: str, schema_id: str) -> str:
    return application.insert(
        block_document,
        data="{}",
        is_anonymous=False,
        block_type_name="t",
        block_type_id=type_id,
        block_schema_id=schema_id,
    )


def test_a_deleted_type_is_gone(application: Application) -> None:
    type = new_type(application)
    path = f"/block_types/{type['id']}"
    reply = application.delete(path)

    assert (reply.status_code, reply.content) == (204, b"")
    assert told_of(application, type) == ["created", "deleted"]
    assert application.events[-1].payload["slug"] == type["slug"]
    for reply in (application.get(path), application.delete(path)):
        assert reply.status_code == 404
        assert reply.json() == {"detail": "Block type not found"}


def test_its_schemas_and_documents_go_and_those_that_refer_to_it_stay(
    application: Application,
) -> None:
    type, other = new_type(application)["id"], new_type(application)["id"]
    schema, other_schema = _schema(application, type), _schema(application, other)
    document = _document(application, type, schema)
    other_document = _document(application, other, other_schema)

    def refer(tx: Transaction) -> None:
        tx.connection.execute(
            block_document_reference.insert(),
            {
                "parent_block_document_id": other_document,
                "name": "child",
                "reference_block_document_id": document,
            },
        )

    application.write(refer)
    application.delete(f"/block_types/{type}")

    assert application.read(_count, block_schema, schema) == 0
    assert application.read(_count, block_document, document) == 0
    assert application.read(_count, block_schema, other_schema) == 1
    assert application.read(_count, block_document, other_document) == 1


def test_the_default_result_storage_is_forgotten_with_its_type(application: Application) -> None:
    chosen, other = new_type(application)["id"], new_type(application)["id"]
    document = _document(application, chosen, _schema(application, chosen))
    value = json.dumps({"default_result_storage_block_id": document})
    row = application.insert(configuration, key=KEY, value=value)

    application.delete(f"/block_types/{other}")
    assert application.read(_count, configuration, row) == 1
    application.delete(f"/block_types/{chosen}")
    assert application.read(_count, configuration, row) == 0


def test_a_protected_type_cannot_be_deleted(application: Application) -> None:
    secret = application.get("/block_types/slug/secret").json()
    reply = application.delete(f"/block_types/{secret['id']}")

    assert reply.status_code == 403
    assert reply.json() == {"detail": "protected block types cannot be deleted."}
    assert application.get("/block_types/slug/secret").json() == secret
