"""Blocks: their types, the schemas of their data, and the documents themselves."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Table, Text

from ephemeral_server.database.tables.base import identity, metadata, reference
from ephemeral_server.database.types import Json, Name

block_type = Table(
    "block_type",
    metadata,
    *identity(),
    Column("name", Name, nullable=False),
    Column("slug", Name, nullable=False, unique=True),
    Column("logo_url", Text),
    Column("documentation_url", Text),
    Column("description", Text),
    Column("code_example", Text),
    Column("is_protected", Boolean, nullable=False),
    Index("ix_block_type_name", "name"),
)

block_schema = Table(
    "block_schema",
    metadata,
    *identity(),
    Column("checksum", Text, nullable=False),
    Column("version", Text, nullable=False),
    # All of them: also the definitions, and what they refer to.
    Column("fields", Json, nullable=False),
    Column("capabilities", Json, nullable=False),
    reference("block_type_id", "block_type", on_delete="CASCADE", required=True),
    Index("uq_block_schema_checksum_version", "checksum", "version", unique=True),
    Index("ix_block_schema_block_type_id", "block_type_id", "created"),
    Index("ix_block_schema_created", "created"),
)

block_document = Table(
    "block_document",
    metadata,
    *identity(),
    Column("name", Name, nullable=False),
    # A JSON object without references to other documents; in lasting databases encrypted.
    Column("data", Text, nullable=False),
    Column("is_anonymous", Boolean, nullable=False),
    # As it was called when the document was made.
    Column("block_type_name", Text, nullable=False),
    reference("block_type_id", "block_type", on_delete="CASCADE", required=True),
    reference("block_schema_id", "block_schema", on_delete="CASCADE", required=True),
    Index("uq_block_document_block_type_id_name", "block_type_id", "name", unique=True),
    Index("ix_block_document_block_schema_id", "block_schema_id"),
    Index("ix_block_document_name", "name"),
)

block_document_reference = Table(
    "block_document_reference",
    metadata,
    reference("parent_block_document_id", "block_document", on_delete="CASCADE", primary_key=True),
    Column("name", Text, primary_key=True),
    reference("reference_block_document_id", "block_document", on_delete="CASCADE", required=True),
    Index("ix_block_document_reference_reference_block_document_id", "reference_block_document_id"),
    CheckConstraint(
        "parent_block_document_id <> reference_block_document_id",
        name="ck_block_document_reference_not_itself",
    ),
)
