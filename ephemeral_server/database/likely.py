"""Conditions that most rows fit, as SQLite is told: it has no statistics to know it from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ephemeral_server.database.tables import flow_run


class Likely(FunctionElement[Any]):
    """The same condition; SQLite does not take an index of it alone to find rows."""

    inherit_cache = True


@compiles(Likely)
def _as_it_is(element: Likely, compiler: SQLCompiler, **kwargs: Any) -> str:
    return compiler.process(element.clauses, **kwargs)


@compiles(Likely, "sqlite")
def _told(element: Likely, compiler: SQLCompiler, **kwargs: Any) -> str:
    return f"likely({compiler.process(element.clauses, **kwargs)})"


#: A flow run waits for its time. In the query's text, so that it is known to ask for what the
#: indexes of such runs hold; and likely, so that those are used and not that of all states.
IS_SCHEDULED = Likely(flow_run.c.state_type == literal_column("'SCHEDULED'"))
