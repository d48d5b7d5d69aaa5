"""Whether parameters are such as the schema of a deployment describes them.

All of this may take its time, as schemas and templates are the users': it belongs into a thread
(see `aside`), not onto the event loop and not into a transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ephemeral_server.parameters.hydration import hydrate
from ephemeral_server.parameters.validation import UnresolvableError, errors_of, failure

NO_SCHEMA = (
    "Cannot update parameters because parameter schema enforcement is enabled and the deployment "
    "does not have a valid parameter schema."
)


class ParametersError(ValueError):
    """Parameters do not fit. The message says which and why."""


class HydrationError(ValueError):
    """What stands for a value stands for none. The message says why."""


def check_parameters(
    parameters: Mapping[str, Any], schema: Any, *, ignore_required: bool, lenient: bool = True
) -> None:
    """Make sure that parameters fit the schema of a deployment.

    Args:
        schema: JSON; anything fits one that is empty.
        ignore_required: whether some that are required may be missing yet.
        lenient: see `errors_of`.

    Raises:
        ParametersError: they do not fit, or there is no schema that they could fit.
        InvalidSchemaError: what there is in its place is no schema.
    """
    if not isinstance(schema, dict):
        raise ParametersError(NO_SCHEMA)
    if not schema:
        return
    try:
        errors = errors_of(schema, parameters, lenient=lenient, ignore_required=ignore_required)
    except UnresolvableError as error:
        raise ParametersError(str(error)) from None
    wrong = failure(errors)
    if wrong is not None:
        raise ParametersError(wrong)


def hydrated(parameters: Any, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters in which nothing stands for another value any more.

    Args:
        variables: values of variables by name, at least of those that `variable_names` tells.

    Raises:
        HydrationError: some value cannot be had, or all of them stand for what is no object.
    """
    found = hydrate(parameters, variables)
    for reason in found.failures.values():
        raise HydrationError(reason)
    values = {} if found.values is None else found.values
    if not isinstance(values, dict):
        raise HydrationError("The parameters as a whole stand for something that is no object.")
    return values
