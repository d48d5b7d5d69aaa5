"""Routes of variables."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request, Response
from sqlalchemy import true

from ephemeral_server.database.operators import Clause
from ephemeral_server.fields import Storable
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.paging import page_size
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import CREATED, JsonReply, no_content
from ephemeral_server.runtime import runtime_of
from ephemeral_server.variables import store
from ephemeral_server.variables.schemas import (
    Variable,
    VariableCount,
    VariableCreate,
    VariableQuery,
    VariableUpdate,
)
from ephemeral_server.variables.store import VARIABLE

router = APIRouter(prefix="/variables", tags=["Variables"], route_class=DirectRoute)


@router.post("/", response_model=Variable, status_code=CREATED)
async def create_variable(body: VariableCreate, request: Request) -> Response:
    """Make a variable of a new name."""
    database = runtime_of(request).database
    with refusals():
        row = await database.write(store.create_variable, body.name, body.value, body.tags)
    return JsonReply(VARIABLE.render_row(row), CREATED)


@router.post("/filter", response_model=list[Variable])
async def read_variables(request: Request, body: VariableQuery | None = None) -> Response:
    """The variables that fit the filter."""
    runtime, body = runtime_of(request), body or VariableQuery()
    limit = page_size(body.limit, runtime.settings.default_limit)
    where, order = _where(body, runtime.database.dialect), store.ORDERS[body.sort.value]
    rows = await runtime.database.read(store.list_variables, where, order, limit, body.offset)
    return JsonReply(VARIABLE.render_all(rows))


@router.post("/count", response_model=int)
async def count_variables(request: Request, body: VariableCount | None = None) -> Response:
    """How many variables fit the filter."""
    database = runtime_of(request).database
    where = _where(body or VariableCount(), database.dialect)
    return JsonReply(str(await database.read(store.count_variables, where)))


@router.get("/name/{name}", response_model=Variable)
async def read_variable_by_name(name: Storable, request: Request) -> Response:
    """The variable of exactly this name."""
    return await _read(request, "name", name)


@router.get("/{id:uuid}", response_model=Variable)
async def read_variable(id: UUID, request: Request) -> Response:
    """One variable."""
    return await _read(request, "id", str(id))


@router.patch("/name/{name}", status_code=204, response_model=None)
async def update_variable_by_name(
    name: Storable, body: VariableUpdate, request: Request
) -> Response:
    """Change the variable of this name."""
    return await _update(request, "name", name, body)


@router.patch("/{id:uuid}", status_code=204, response_model=None)
async def update_variable(id: UUID, body: VariableUpdate, request: Request) -> Response:
    """Change a variable."""
    return await _update(request, "id", str(id), body)


@router.delete("/name/{name}", status_code=204, response_model=None)
async def delete_variable_by_name(name: Storable, request: Request) -> Response:
    """Delete the variable of this name."""
    return await _delete(request, "name", name)


@router.delete("/{id:uuid}", status_code=204, response_model=None)
async def delete_variable(id: UUID, request: Request) -> Response:
    """Delete a variable."""
    return await _delete(request, "id", str(id))


async def _read(request: Request, by: store.Key, wanted: str) -> Response:
    row = await runtime_of(request).database.read(store.read_variable, by, wanted)
    if row is None:
        raise _not_found()
    return JsonReply(VARIABLE.render_row(row))


async def _update(request: Request, by: store.Key, wanted: str, body: VariableUpdate) -> Response:
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    with refusals():
        if not await runtime_of(request).database.write(store.update_variable, by, wanted, changes):
            raise _not_found()
    return no_content()


async def _delete(request: Request, by: store.Key, wanted: str) -> Response:
    if not await runtime_of(request).database.write(store.delete_variable, by, wanted):
        raise _not_found()
    return no_content()


def _not_found() -> HTTPException:
    return HTTPException(404, "Variable not found.")


def _where(body: VariableCount, dialect: str) -> Clause:
    return body.variables.clause(dialect) if body.variables else true()
