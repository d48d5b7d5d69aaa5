"""The checksum of a block schema, as clients compute it.

A client asks for a schema by the checksum that it computed from the block's class; where the
server's is another, the client registers the schema again and again.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ephemeral_server.block_schemas.definitions import (
    Fields,
    definitions_of,
    is_block,
    names_within,
)


def checksum(fields: Fields) -> str:
    """The checksum of fields as they were sent.

    Not of fields as a database gives them back: 1.0 and 1 have different checksums.

    Raises:
        RecursionError: they are nested too deeply.
    """
    hashed = _without_secret_fields(fields)
    if hashed.get("definitions"):
        plain = _plain_definitions(hashed)
        if plain:
            hashed["definitions"] = plain
        else:
            del hashed["definitions"]
    # The positional and the named arguments of what clients hash.
    text = json.dumps([[hashed], {}], sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _without_secret_fields(value: Any) -> Any:
    # Clients do not look for them within lists.
    if not isinstance(value, dict):
        return value
    return {
        key: _without_secret_fields(item) for key, item in value.items() if key != "secret_fields"
    }


def _plain_definitions(fields: Fields) -> dict[str, Any]:
    """Those in use that are no blocks: a block counts by the checksum of its own schema."""
    definitions = definitions_of(fields)
    used = {name: definitions.get(name) for name in names_within(fields)}
    return {name: value for name, value in used.items() if value and not is_block(value)}
