"""What the job template of a work pool asks for: the variables that jobs are made with.

A template has the configuration of a job, with ``{{ name }}`` where variables go, and the JSON
schema of these variables with their defaults. To check values against it may take its time, as
a schema is the user's: that belongs into a thread (`run_aside`), not onto the event loop and
not into a transaction. What has to be known from the database is read first, see `defaults_of`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from ephemeral_server.encryption.vault import Vault
from ephemeral_server.errors import ObjectNotFoundError
from ephemeral_server.parameters.validation import (
    UnresolvableError,
    errors_of,
    failure,
    is_quick,
)

Template = Mapping[str, Any]
Variables = Mapping[str, Any]

_PLACEHOLDER = re.compile(r"{{\s*([\w.\-\[\]$]+)\s*}}")


class JobVariablesError(ValueError):
    """Variables do not fit a template. The message says which and why."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the jobs of a deployment are made with.

    Attributes:
        template: of the deployment's pool; empty without a pool.
        defaults: as `defaults_of` has them.
        variables: of the deployment.
    """

    template: Template
    defaults: Variables
    variables: Variables

    @classmethod
    def read(
        cls, connection: Connection, vault: Vault, template: str | None, variables: str
    ) -> Job:
        """The same from the JSON of a pool's template, if there is a pool, and of variables.

        Raises:
            ObjectNotFoundError: there is no such block as the template names.
        """
        parsed = json.loads(template) if template else {}
        return cls(parsed, defaults_of(connection, vault, parsed), json.loads(variables))

    def check(self, own: Variables | None) -> None:
        """Make sure that the job of a run can be made, see `check_variables`.

        Args:
            own: variables of the run, in front of the deployment's.
        """
        check_variables(self.template, self.defaults, self.variables, own or {})

    def is_quick(self, own: Variables | None) -> bool:
        """Whether `check` is known to take no longer than a statement of the database."""
        schema = self.template.get("variables")
        return not schema or is_quick(schema, [self.defaults, self.variables, own])


def check_template(template: Template) -> None:
    """Make sure that a template is one, and declares the variables that it uses.

    Raises:
        ValueError: it is not or does not. The message is for the client.
    """
    if not template:
        return
    configuration, variables = template.get("job_configuration"), template.get("variables")
    if not configuration or not variables:
        raise ValueError(
            "The `base_job_template` must contain both a `job_configuration` key and a "
            "`variables` key."
        )
    for key, part in (("job_configuration", configuration), ("variables", variables)):
        if not isinstance(part, dict):
            raise ValueError(f"The `{key}` of a `base_job_template` must be an object.")
    declared = variables.get("properties", {})
    if not isinstance(declared, dict):
        raise ValueError(
            "The `properties` of the `variables` of a `base_job_template` must be an object."
        )
    undeclared = set(_placeholders(configuration)) - declared.keys()
    if undeclared:
        raise ValueError(
            "The variables specified in the job configuration template must be present as "
            "properties in the variables schema. Your job configuration uses the following "
            f"undeclared variable(s): {' ,'.join(sorted(undeclared))}."
        )


def defaults_of(connection: Connection, vault: Vault, template: Template) -> dict[str, Any]:
    """The defaults of a template's variables, with the data of blocks where it names blocks.

    Raises:
        ObjectNotFoundError: there is no such block.
    """
    return {
        name: _value(connection, vault, declared["default"])
        for name, declared in _declared(template).items()
        if isinstance(declared, dict) and "default" in declared
    }


def check_defaults(template: Template, defaults: Variables) -> None:
    """Make sure that the defaults of a template, as `defaults_of` has them, fit its variables.

    Raises:
        JobVariablesError: one does not.
        InvalidSchemaError: the variables are not described by a JSON schema.
    """
    schema = template.get("variables")
    if not schema:
        return
    wrong = _failure(schema, defaults, ignore_required=True)
    if wrong is not None:
        raise JobVariablesError(wrong)


def check_variables(
    template: Template, defaults: Variables, *layers: Variables, ignore_required: bool = False
) -> None:
    """Make sure that a job can be made with these variables.

    Args:
        defaults: as `defaults_of` has them; those that do not fit count as not there, and with
            them whatever is required.
        *layers: variables by name, those further back before those further in front.
        ignore_required: whether some that are required may be missing yet.

    Raises:
        JobVariablesError: they do not fit.
        InvalidSchemaError: the variables are not described by a JSON schema.
    """
    schema = template.get("variables")
    if not schema:
        return
    fitting = _fitting(schema, defaults)
    merged = dict(fitting)
    for layer in layers:
        merged.update(layer)
    ignore_required = ignore_required or len(fitting) < len(defaults)
    wrong = _failure(schema, merged, ignore_required=ignore_required)
    if wrong is not None:
        raise JobVariablesError(wrong)


def _placeholders(part: Any) -> Iterator[str]:
    """The names between double braces in texts, however deep."""
    if isinstance(part, str):
        yield from _PLACEHOLDER.findall(part)
    elif isinstance(part, (dict, list)):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _placeholders(each)


def _declared(template: Template) -> dict[str, Any]:
    variables = template.get("variables")
    declared = variables.get("properties") if isinstance(variables, dict) else None
    return declared if isinstance(declared, dict) else {}


def _value(connection: Connection, vault: Vault, default: Any) -> Any:
    """A default, or the data of the block that it names."""
    reference = default.get("$ref") if isinstance(default, dict) else None
    if not isinstance(reference, dict) or "block_document_id" not in reference:
        return default
    from ephemeral_server.block_documents.store import read_document  # seldom needed

    document = None
    with contextlib.suppress(AttributeError, TypeError, ValueError):  # names no block
        id = UUID(reference["block_document_id"])
        document = read_document(connection, vault, str(id))
    if document is None:
        raise ObjectNotFoundError("Block not found.")
    return document.data(include_secrets=True)


def _fitting(schema: Any, defaults: Variables) -> Variables:
    """Those of the defaults that fit."""
    if not defaults:
        return defaults
    try:
        errors = errors_of(schema, defaults, defaults_may_be_null=True, ignore_required=True)
    except UnresolvableError:  # of which nobody knows which is meant
        return defaults
    wrong = {error.absolute_path[0] for error in errors if error.absolute_path}
    return {name: value for name, value in defaults.items() if name not in wrong}


def _failure(schema: Any, values: Variables, *, ignore_required: bool) -> str | None:
    try:
        errors = errors_of(
            schema, values, defaults_may_be_null=True, ignore_required=ignore_required
        )
    except UnresolvableError as error:
        return str(error)
    return failure(errors)
