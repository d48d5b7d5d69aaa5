"""Whether values fit a JSON schema (Draft 2020-12), as clients make them from type hints.

A schema is read with two allowances. A property with a type that is neither required nor has a
default may be null. And a definition of a block (it has ``block_type_slug``) may also be a
reference to a stored one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ephemeral_server.errors import UnprocessableError
from ephemeral_server.parameters.hydration import Path
from ephemeral_server.wire import dump

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError

Schema = dict[str, Any]

CIRCULAR = "Unable to validate schema with circular references."

#: Validators are kept for schemas whose JSON has at most so many characters.
_LONGEST_KEPT = 50_000
#: Characters of a schema times characters of values, up to which they are checked in no time.
_LARGEST_QUICK = 1_000_000
#: Keywords with which few values may keep a schema busy.
_UNBOUNDED = re.compile(r'(?i)"(pattern\w*|\$\w*ref|uniqueItems|unevaluated\w*)":')


class InvalidSchemaError(UnprocessableError):
    """A schema is none.

    Attributes:
        reason: what is wrong with it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"Invalid schema: {reason}")
        self.reason = reason


class UnresolvableError(ValueError):
    """A schema refers to what is not in it. The message says to what."""


def errors_of(
    schema: Any,
    values: Any,
    *,
    formats: bool = False,
    lenient: bool = True,
    defaults_may_be_null: bool = False,
    ignore_required: bool = False,
) -> list[ValidationError]:
    """Everything that is wrong with `values`.

    Args:
        formats: whether text must also have the ``format`` that the schema names.
        lenient: whether the schema is read with the allowances that this module tells of.
        defaults_may_be_null: whether also properties that have a default may be null.
        ignore_required: whether anything may be missing.

    Raises:
        InvalidSchemaError: it is no schema, or it goes round in circles.
        UnresolvableError: see there.
    """
    from referencing.exceptions import Unresolvable

    try:
        text = dump(schema)
        kept = _kept(text) if len(text) <= _LONGEST_KEPT else _Kept(text)
        validator = kept.validator(formats, lenient, defaults_may_be_null, ignore_required)
        return list(validator.iter_errors(values))
    except RecursionError:
        raise InvalidSchemaError(CIRCULAR) from None
    except Unresolvable as error:
        raise UnresolvableError(f"Validation failed. Failure reason: {error}") from None


def is_quick(schema: Any, values: Any) -> bool:
    """Whether `errors_of` is known to take no longer than a statement of the database.

    So it is with schemas that were used before and that cannot keep it busy with few values.
    """
    text = dump(schema)
    if len(text) * len(dump(values)) > _LARGEST_QUICK:
        return False
    kept = _kept(text)
    return kept.is_tame and kept.is_used


def check_schema(schema: Any) -> None:
    """Make sure that this is a schema, whatever it says.

    Raises:
        InvalidSchemaError: it is none.
    """
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema, format_checker=_format_checker())
    except SchemaError as error:
        raise InvalidSchemaError(error.message) from None
    except RecursionError:
        raise InvalidSchemaError(CIRCULAR) from None


def failure(errors: Collection[ValidationError]) -> str | None:
    """A sentence on the error that says most; None without errors."""
    if not errors:
        return None
    from jsonschema.exceptions import best_match

    error = best_match(errors)
    assert error is not None
    place = error.json_path.removeprefix("$").removeprefix(".")
    where = f" for field {place!r}" if place else ""
    return f"Validation failed{where}. Failure reason: {error.message}"


def place_of(error: ValidationError) -> Path:
    """Where an error is; one that tells of a missing property is at that property."""
    path: Path = tuple(error.absolute_path)
    if error.validator == "required" and isinstance(error.instance, dict):
        # The library has one error for each property, and tells its name in the text alone.
        name = error.message.removesuffix(" is a required property")
        missing = [each for each in error.validator_value if repr(each) == name]
        return (*path, *missing[:1])
    return path


def error_tree(placed: Iterable[tuple[Path, str]]) -> list[Any]:
    """Errors nested along the places they are at.

    Returns:
        Texts for errors of the whole; ``{"property": name, "errors": […]}`` and
        ``{"index": number, "errors": […]}`` for those below.
    """
    tree: list[Any] = []
    for path, message in placed:
        errors = tree
        for depth, step in enumerate(path):
            errors = _below(errors, step, is_last=depth == len(path) - 1)
        errors.append(message)
    return tree


def _below(errors: list[Any], step: str | int, *, is_last: bool) -> list[Any]:
    """The list for errors one step further down; each error has an entry of its own there."""
    key = "index" if isinstance(step, int) else "property"
    if not is_last:
        for entry in errors:
            if isinstance(entry, dict) and entry.get(key) == step:
                found: list[Any] = entry["errors"]
                return found
    entry = {key: step, "errors": []}
    errors.append(entry)
    below: list[Any] = entry["errors"]
    return below


class _Kept:
    """What is worth keeping of a schema: it comes over and over, and to check it takes its time.

    Attributes:
        is_tame: whether the time to check values is bounded by the size of both, roughly by the
            product: nothing in the schema is looked at again and again.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._validators: dict[tuple[bool, ...], Draft202012Validator] = {}
        self.is_tame = _UNBOUNDED.search(text) is None

    @property
    def is_used(self) -> bool:
        """Whether values have been checked before."""
        return bool(self._validators)

    def validator(self, *options: bool) -> Draft202012Validator:
        """What tells the errors of values; for the options see `_validator`."""
        if options not in self._validators:
            self._validators[options] = _validator(self._text, *options)
        return self._validators[options]


_kept = lru_cache(maxsize=64)(_Kept)


def _validator(
    text: str, formats: bool, lenient: bool, defaults_may_be_null: bool, ignore_required: bool
) -> Draft202012Validator:
    """What tells the errors of values, for the schema that `text` is the JSON of."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    schema = json.loads(text)
    if isinstance(schema, dict) and lenient:
        _be_lenient(schema, defaults_may_be_null)
    check_schema(schema)
    if ignore_required:
        _forget_required(schema)
    checker = _format_checker() if formats else None
    # An empty registry fetches nothing from anywhere.
    return Draft202012Validator(schema, registry=Registry(), format_checker=checker)


def _forget_required(schema: Any) -> None:
    if isinstance(schema, dict):
        if isinstance(schema.get("required"), list):  # else it is a property of that name
            del schema["required"]
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            _forget_required(part)


def _be_lenient(schema: Schema, defaults_may_be_null: bool) -> None:
    """Write the allowances that this module tells of into a schema."""
    _allow_null(schema, defaults_may_be_null)
    definitions = schema.get("definitions")
    if isinstance(definitions, dict):
        for name, definition in definitions.items():
            if isinstance(definition, dict):
                _allow_null(definition, defaults_may_be_null)
                if "block_type_slug" in definition:
                    definitions[name] = {"anyOf": [definition, _BLOCK_REFERENCE]}


_BLOCK_REFERENCE = {
    "type": "object",
    "properties": {
        "$ref": {
            "anyOf": [
                {
                    "type": "string",
                    "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
                },
                {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                    "minProperties": 1,
                },
            ]
        }
    },
    "required": ["$ref"],
}


def _allow_null(schema: Schema, defaults_may_be_null: bool) -> None:
    required = schema.get("required")
    if not isinstance(required, list):
        required = []
    properties = schema.get("properties")
    for name, spec in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(spec, dict):
            continue
        _allow_null(spec, defaults_may_be_null)
        if isinstance(spec.get("items"), list):  # what older drafts have for tuples
            spec["prefixItems"] = spec.pop("items")
        kind = spec.get("type")
        if (
            kind is None
            or kind == "null"
            or name in required
            or ("default" in spec and not defaults_may_be_null)
        ):
            continue
        del spec["type"]
        alternatives = [{"type": kind}, {"type": "null"}]
        if "anyOf" in spec:
            spec.setdefault("allOf", []).append({"anyOf": alternatives})
        else:
            spec["anyOf"] = alternatives


@lru_cache(maxsize=1)
def _format_checker() -> FormatChecker:
    """The formats that the library knows without further packages, and instants."""
    from datetime import datetime, time

    from jsonschema import FormatChecker

    checker = FormatChecker()

    def is_instant(value: object) -> bool:
        if not isinstance(value, str):
            return True
        instant = datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
        return "T" in value.upper() and instant.tzinfo is not None

    def is_time(value: object) -> bool:
        if not isinstance(value, str):
            return True
        return time.fromisoformat(value.upper().replace("Z", "+00:00")).tzinfo is not None

    checker.checks("date-time", raises=ValueError)(is_instant)
    checker.checks("time", raises=ValueError)(is_time)
    return checker
