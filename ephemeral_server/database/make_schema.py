"""Write the schema scripts from the tables: ``python -m ephemeral_server.database.make_schema``."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, Index, Table
from sqlalchemy.engine import make_url
from sqlalchemy.schema import AddConstraint, CreateIndex, CreateTable, ExecutableDDLElement

from ephemeral_server.database.schema import FOLDER
from ephemeral_server.database.tables import metadata
from ephemeral_server.database.tables.summaries import TRIGGERS


def compiled(dialect: str) -> str:
    """The script that creates every table, for ``"sqlite"`` or ``"postgresql"``."""
    target = make_url(f"{dialect}://").get_dialect()()
    elements: list[ExecutableDDLElement] = []

    def belongs(part: Table | Index) -> bool:
        return bool(part.info.get("dialect", dialect) == dialect)

    for table in filter(belongs, metadata.sorted_tables):
        elements.append(CreateTable(table))
        indexes = sorted(filter(belongs, table.indexes), key=lambda index: str(index.name))
        elements += [CreateIndex(index) for index in indexes]
    if target.supports_alter:
        elements += [AddConstraint(constraint) for constraint in _postponed()]
    statements = [str(element.compile(dialect=target)).strip() for element in elements]
    if dialect == "sqlite":
        statements += TRIGGERS
    return "".join(f"{statement};\n" for statement in statements)


def _postponed() -> list[ForeignKeyConstraint]:
    """Foreign keys that close a circle of tables and so come after all of them."""
    return [
        constraint
        for table in metadata.sorted_tables
        for constraint in sorted(table.foreign_key_constraints, key=lambda c: str(c.name))
        if constraint.use_alter
    ]


if __name__ == "__main__":
    for _dialect in ("sqlite", "postgresql"):
        (FOLDER / f"{_dialect}.sql").write_text(compiled(_dialect), encoding="utf-8")
