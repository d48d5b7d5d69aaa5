"""Block documents as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from ephemeral_server.block_documents.document import Document
from ephemeral_server.block_schemas.wire import BLOCK_SCHEMA
from ephemeral_server.block_types.wire import BLOCK_TYPE
from ephemeral_server.wire import Shape, boolean, dump, field, instant, plain, raw, text

_TYPE = BLOCK_TYPE.below("block_type.").member("block_type")

_BLOCK_DOCUMENT = Shape(
    [
        field("id", plain),
        field("created", instant),
        field("updated", instant),
        field("name", text),
        field("data", raw),
        field("block_schema_id", plain),
        BLOCK_SCHEMA.below("block_schema.").member("block_schema"),
        field("block_type_id", plain),
        field("block_type_name", text),
        _TYPE,
        field("block_document_references", raw),
        field("is_anonymous", boolean),
    ]
)
_REFERRED = Shape(
    [
        field("id", plain),
        field("name", text),
        _TYPE,
        field("is_anonymous", boolean),
        field("block_document_references", raw),
    ]
)


def document_json(document: Document, *, include_secrets: bool) -> str:
    """A document as a JSON object; without its secrets unless they are included."""
    resolved = {
        "data": document.data_json(include_secrets),
        "block_document_references": _references_json(document, ()),
    }
    return _BLOCK_DOCUMENT.render_row({**document.row, **resolved})


def documents_json(documents: Iterable[Document], *, include_secrets: bool) -> str:
    """Documents as a JSON list."""
    found = [document_json(document, include_secrets=include_secrets) for document in documents]
    return f"[{','.join(found)}]"


def _references_json(document: Document, above: tuple[str, ...]) -> str:
    above = (*above, document.id)
    members = []
    for key, child in document.further(above):
        below = {"block_document_references": _references_json(child, above)}
        referred = _REFERRED.render_row({**child.row, **below})
        members.append(f'{dump(key)}:{{"block_document":{referred}}}')
    return f"{{{','.join(members)}}}"
