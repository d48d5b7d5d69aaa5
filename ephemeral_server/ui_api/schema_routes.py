"""Whether values fit a schema, for forms."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, Field

from ephemeral_server.fields import JsonObject
from ephemeral_server.http.body import QueryBody
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.refusal import refusals
from ephemeral_server.http.reply import JsonReply
from ephemeral_server.parameters.aside import run_aside
from ephemeral_server.parameters.hydration import hydrate, variable_names
from ephemeral_server.parameters.store import read_variables
from ephemeral_server.parameters.validation import (
    UnresolvableError,
    error_tree,
    errors_of,
    place_of,
)
from ephemeral_server.runtime import runtime_of
from ephemeral_server.wire import dump

router = APIRouter(prefix="/ui/schemas", tags=["UI", "Schemas"], route_class=DirectRoute)


class SchemaAndValues(QueryBody):
    """Values, and the JSON schema that they should fit."""

    json_schema: JsonObject = Field(alias="schema")
    values: JsonObject


class SchemaValuePropertyError(BaseModel):
    """What is wrong with a member of an object."""

    property: str
    errors: list[str | SchemaValuePropertyError | SchemaValueIndexError]


class SchemaValueIndexError(BaseModel):
    """What is wrong with an item of a list."""

    index: int
    errors: list[str | SchemaValuePropertyError | SchemaValueIndexError]


class SchemaValuesValidationResponse(BaseModel):
    """What is wrong, nested along the places it is at."""

    errors: list[str | SchemaValuePropertyError | SchemaValueIndexError]
    valid: bool


@router.post("/validate", response_model=SchemaValuesValidationResponse)
async def validate_values(body: SchemaAndValues, request: Request) -> Response:
    """Whether values fit a schema. Templates among them fit whatever is asked for."""
    names = set(variable_names(body.values))
    database = runtime_of(request).database
    variables = await database.read(read_variables, names) if names else {}
    try:
        with refusals():
            # In a thread: a schema may take its time, and the loop has others to serve.
            errors = await run_aside(_errors, body.json_schema, body.values, variables)
    except UnresolvableError as error:
        raise HTTPException(422, f"Invalid schema: {error}") from None
    return JsonReply(dump({"errors": errors, "valid": not errors}))


def _errors(schema: dict[str, Any], values: Any, variables: dict[str, Any]) -> list[Any]:
    hydrated = hydrate(values, variables, templates=False)
    placed = [
        (place_of(error), error.message)
        for error in errors_of(schema, hydrated.values, formats=True)
    ]
    known = [(path, message) for path, message in placed if not hydrated.is_unknown(path)]
    return error_tree([*hydrated.failures.items(), *known])
