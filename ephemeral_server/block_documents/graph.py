"""The graph of documents and what they refer to, walked by the database."""

from __future__ import annotations

from sqlalchemy import CTE, Connection, bindparam, select

from ephemeral_server.database.operators import Clause, is_in
from ephemeral_server.database.tables import block_document_reference

#: The columns of a reference.
REFERENCE = block_document_reference.c


def references_below(where: Clause) -> CTE:
    """All references on the ways down from some documents.

    Args:
        where: the references of the documents at the top.
    """
    found = select(*REFERENCE).where(where).cte("below", recursive=True)
    further = REFERENCE.parent_block_document_id == found.c.reference_block_document_id
    return found.union(select(*REFERENCE).where(further))


def _all_above() -> CTE:
    parent, child = REFERENCE.parent_block_document_id, REFERENCE.reference_block_document_id
    found = select(parent).where(child == bindparam("id")).cte("above", recursive=True)
    return found.union(select(parent).where(child == found.c.parent_block_document_id))


_ABOVE = select(_all_above())


def ids_above(connection: Connection, id: str) -> set[str]:
    """The documents that refer to one, or to one that does, and so on."""
    return set(connection.scalars(_ABOVE, {"id": id}))


def sizes_of(connection: Connection, ids: set[str]) -> dict[str, tuple[int, int]]:
    """How much documents are with all that they refer to.

    Returns:
        by id, how many documents, each counted as often as it is referred to, and of how many
        levels. There must be no circles.
    """
    start = is_in(REFERENCE.parent_block_document_id, list(ids), connection.dialect.name)
    below: dict[str, list[str]] = {}
    for reference in connection.execute(select(references_below(start))):
        children = below.setdefault(reference.parent_block_document_id, [])
        children.append(reference.reference_block_document_id)
    sizes: dict[str, tuple[int, int]] = {}

    def measure(id: str) -> tuple[int, int]:
        if id not in sizes:
            held = [measure(child) for child in below.get(id, ())]
            count = 1 + sum(count for count, _ in held)
            sizes[id] = count, 1 + max((levels for _, levels in held), default=0)
        return sizes[id]

    return {id: measure(id) for id in ids}
