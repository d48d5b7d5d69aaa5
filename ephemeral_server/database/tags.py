"""Finding flow runs by their tags on SQLite, in a table of their own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BinaryExpression, ColumnElement, Select, select

from ephemeral_server.database.tables import flow_run, flow_run_tag


def are_tagged(fits: ColumnElement[bool]) -> ColumnElement[bool]:
    """The flow runs with at least one tag that `fits`, a condition on ``flow_run_tag.tag``."""
    return flow_run.c.id.in_(select(flow_run_tag.c.flow_run_id).where(fits))


def tag_condition(where: Any) -> ColumnElement[bool] | None:
    """What `are_tagged` was given, if all that `where` says comes from there."""
    if not isinstance(where, BinaryExpression) or where.left is not flow_run.c.id:
        return None
    found = getattr(where.right, "element", where.right)
    if not isinstance(found, Select) or flow_run_tag not in found.get_final_froms():
        return None
    return found.whereclause
