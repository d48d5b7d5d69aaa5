"""Classes of blocks have the same checksum here as in the client."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from ephemeral_server.block_schemas.checksum import checksum

_TYPE_ID = UUID(int=1)


@pytest.mark.parametrize("seed", range(10))
def test_the_checksum_of_what_the_client_sends_is_the_one_it_asks_for(seed: int) -> None:
    from tests.block_schemas.generated import families

    for block in families(seed, 5):
        schema = block._to_block_schema(block_type_id=_TYPE_ID)
        sent: dict[str, Any] = json.loads(json.dumps(schema.model_dump(mode="json")["fields"]))

        assert checksum(sent) == block._calculate_schema_checksum(), block.__name__
