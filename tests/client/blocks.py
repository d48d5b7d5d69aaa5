"""Blocks saved and loaded with the real client, the types of which allow for async code too."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.fields import SecretDict
from prefect.blocks.system import Secret
from pydantic import BaseModel, SecretStr

B = TypeVar("B", bound=Block)

#: What stands in the place of secrets.
HIDDEN = "********"


def save(block: Block, name: str, *, overwrite: bool = False) -> UUID:
    """Save a block; the id of its document."""
    id = block.save(name, overwrite=overwrite)
    assert isinstance(id, UUID)
    return id


def save_secret(value: Any, name: str, *, overwrite: bool = False) -> UUID:
    """Save a secret, which may be anything that JSON can say; the id of its document."""
    return save(Secret(value=value), name, overwrite=overwrite)


def load(kind: type[B], name: str) -> B:
    """The block of this class that was saved under a name."""
    loaded = kind.load(name)
    assert isinstance(loaded, kind)
    return loaded


def values(held: object) -> Any:
    """What a block holds, secrets in clear, and not where it is kept."""
    if isinstance(held, BaseModel):
        fields = {name: values(getattr(held, name)) for name in type(held).model_fields}
        return type(held).__name__, fields
    if isinstance(held, list):
        return [values(each) for each in held]
    if isinstance(held, (SecretStr, SecretDict)):
        return held.get_secret_value()
    return held
