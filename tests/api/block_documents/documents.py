"""Blocks that tests of documents need, and what was told of them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

from ephemeral_server.events.model import Event
from tests.application import Application


class Blocks:
    """A block type of a new name with one schema, made through the API.

    Attributes:
        type: the type as it was answered.
        schema: the schema as it was answered.
    """

    def __init__(
        self, application: Application, *secret_fields: str, capabilities: tuple[str, ...] = ()
    ) -> None:
        self.application = application
        name = f"blocks-{uuid4()}"
        self.type = _made(application.post("/block_types/", {"name": name, "slug": name}))
        self.slug = name
        self.schema = self.new_schema(*secret_fields, capabilities=capabilities)

    def new_schema(self, *secret_fields: str, capabilities: tuple[str, ...] = ()) -> dict[str, Any]:
        """A further schema of the type."""
        fields = {"title": f"{uuid4()}", "type": "object", "secret_fields": list(secret_fields)}
        body = {
            "block_type_id": self.type["id"],
            "fields": fields,
            "capabilities": list(capabilities),
        }
        return _made(self.application.post("/block_schemas/", body))

    def create(self, **given: Any) -> httpx.Response:
        """The answer of the create route for a document of this type and schema."""
        body = {"block_type_id": self.type["id"], "block_schema_id": self.schema["id"]}
        return self.application.post("/block_documents/", {**body, **given})

    def new(self, data: Any = None, name: str | None = None, **given: Any) -> Document:
        """A new document, of a new name unless one is given."""
        body = {"data": data or {}, "name": name or f"d-{uuid4()}", **given}
        return Document(self.application, _made(self.create(**body)))

    def names(self, **body: Any) -> list[str]:
        """The names of the documents of this type that the filter route finds."""
        types = {"slug": {"any_": [self.slug]}}
        reply = self.application.post("/block_documents/filter", {"block_types": types, **body})
        assert reply.status_code == 200, reply.text
        return [document["name"] for document in reply.json()]

    def count(self, **body: Any) -> int:
        """How many the count route finds."""
        types = {"slug": {"any_": [self.slug]}}
        reply = self.application.post("/block_documents/count", {"block_types": types, **body})
        assert reply.status_code == 200, reply.text
        count: int = reply.json()
        return count


class Document:
    """A document that was made.

    Attributes:
        made: the answer of the create route.
        path: of the document, below ``/api``.
    """

    def __init__(self, application: Application, made: dict[str, Any]) -> None:
        self.application = application
        self.made = made
        self.id: str = made["id"]
        self.path = f"/block_documents/{self.id}"

    @property
    def ref(self) -> dict[str, Any]:
        """What other data refers to it with."""
        return {"$ref": {"block_document_id": self.id}}

    def read(self, **params: Any) -> dict[str, Any]:
        """The document as it is answered, without its secrets."""
        reply = self.application.get(self.path, params=params)
        assert reply.status_code == 200, reply.text
        document: dict[str, Any] = reply.json()
        return document

    def data(self) -> Any:
        """Its data with its secrets."""
        return self.read(include_secrets=True)["data"]

    def shown(self) -> Any:
        """Its data without its secrets."""
        return self.read()["data"]

    def patch(self, **body: Any) -> httpx.Response:
        """The answer of the update route."""
        return self.application.patch(self.path, body)

    def change(self, data: Any = None, **body: Any) -> None:
        """Change it."""
        reply = self.patch(**({} if data is None else {"data": data}), **body)
        assert reply.status_code == 204, reply.text

    def delete(self) -> None:
        """Delete it."""
        assert self.application.delete(self.path).status_code == 204

    def events(self) -> list[Event]:
        """What was told of it."""
        mine = f"prefect.block-document.{self.id}"
        return [
            event
            for event in self.application.events
            if event.resource["prefect.resource.id"] == mine
        ]


def _made(reply: httpx.Response) -> dict[str, Any]:
    assert reply.status_code == 201, reply.text
    made: dict[str, Any] = reply.json()
    return made
