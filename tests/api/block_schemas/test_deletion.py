"""Block schemas are deleted, with their documents."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from ephemeral_server.admin.storage import KEY
from ephemeral_server.database.tables import configuration
from ephemeral_server.wire import dump
from tests.api.block_schemas.blocks import new_schema, new_type
from tests.api.objects import NOBODY
from tests.application import Application


def _document(application: Application, schema: dict[str, Any]) -> dict[str, Any]:
    reply = application.post(
        "/block_documents/",
        {
            "name": str(uuid4()),
            "data": {},
            "block_schema_id": schema["id"],
            "block_type_id": schema["block_type_id"],
        },
    )
    assert reply.status_code == 201, reply.text
    document: dict[str, Any] = reply.json()
    return document


def test_a_deleted_schema_is_gone(application: Application) -> None:
    schema = new_schema(application, new_type(application))
    path = f"/block_schemas/{schema['id']}"

    assert application.delete(path).status_code == 204
    for reply in (application.get(path), application.delete(path)):
        assert reply.status_code == 404
        assert reply.json() == {"detail": "Block schema not found"}


def test_its_documents_go_with_it_and_no_others(application: Application) -> None:
    type = new_type(application)
    schema, other = new_schema(application, type), new_schema(application, type)
    gone, stays = _document(application, schema), _document(application, other)
    application.delete(f"/block_schemas/{schema['id']}")

    assert application.get(f"/block_documents/{gone['id']}").status_code == 404
    assert application.get(f"/block_documents/{stays['id']}").status_code == 200


def test_results_do_not_go_to_a_document_of_it_any_more(application: Application) -> None:
    type = new_type(application)
    schema, other = new_schema(application, type), new_schema(application, type)
    chosen = {"default_result_storage_block_id": _document(application, schema)["id"]}
    application.insert(configuration, key=KEY, value=dump(chosen))

    application.delete(f"/block_schemas/{other['id']}")
    assert application.get("/admin/storage").json() == chosen

    application.delete(f"/block_schemas/{schema['id']}")
    application.clock.advance(10)
    assert application.get("/admin/storage").json() == {"default_result_storage_block_id": None}


def test_schemas_of_protected_types_stay(application: Application) -> None:
    secret = application.get("/block_types/slug/secret").json()
    (schema, *_) = application.post(
        "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [secret["id"]]}}}
    ).json()
    reply = application.delete(f"/block_schemas/{schema['id']}")

    assert reply.status_code == 403
    assert reply.json() == {"detail": "Block schemas for protected block types cannot be deleted."}
    assert application.get(f"/block_schemas/{schema['id']}").json() == schema


def test_nobody_cannot_be_deleted(application: Application) -> None:
    assert application.delete(f"/block_schemas/{NOBODY}").status_code == 404
