"""Classes of blocks as users write them, made at random."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import GenericAlias
from typing import Any, Literal

from prefect.blocks.core import Block
from prefect.types import SecretDict
from pydantic import BaseModel, Field, SecretStr, create_model


class Colour(enum.Enum):
    """An enumeration."""

    RED = "réd"
    BLUE = "blue"


class Leaf(BaseModel):
    """A model within a model."""

    colour: Colour = Colour.RED
    secret: SecretStr | None = None


class Twig(BaseModel):
    """A model that holds models."""

    leaf: Leaf
    leaves: dict[str, list[Leaf]] = Field(default_factory=dict)


_PLAIN: list[tuple[Any, Callable[[random.Random], Any]]] = [
    (str, lambda rng: rng.choice(["", "é☃", '"quoted"\\', "\U0001f600"])),
    (int, lambda rng: rng.choice([0, -1, 10**20])),
    (float, lambda rng: rng.choice([1.0, 0.1, 1e22, -2.5e-9])),
    (bool, lambda rng: rng.choice([True, False])),
    (SecretStr, lambda rng: None),
    (SecretDict, lambda rng: None),
    (Literal["a", "b"], lambda rng: "a"),
    (dict[str, Any], lambda rng: {"z": 1, "a": [1.5, None]}),
    (list[int], lambda rng: [3, 1, 2]),
    (datetime | None, lambda rng: None),
    (timedelta | None, lambda rng: None),
    (Path | None, lambda rng: None),
    (Colour, lambda rng: Colour.BLUE),
    (Leaf | None, lambda rng: None),
    (Twig | None, lambda rng: None),
    (tuple[int, str], lambda rng: (1, "x")),
]


def _annotation(rng: random.Random, earlier: list[type[Block]]) -> tuple[Any, Any]:
    """A type and a default; ... where there is none."""
    if earlier and rng.random() < 0.5:
        one, other = rng.sample(earlier, 2) if len(earlier) > 1 else earlier * 2
        union: Any = one | other
        return rng.choice(
            [
                (one, ...),
                (one | None, None),
                (GenericAlias(list, one), ...),
                (union, ...),
                (GenericAlias(dict, (str, one)), ...),
                (GenericAlias(list, union) | None, None),
            ]
        )
    kind, default = rng.choice(_PLAIN)
    return kind, (... if rng.random() < 0.4 else default(rng))


def families(seed: int, count: int) -> list[type[Block]]:
    """Classes of blocks; later ones may hold earlier ones, in any way."""
    rng = random.Random(seed)
    made: list[type[Block]] = []
    for number in range(count):
        members: dict[str, Any] = {}
        for place in range(rng.randrange(1, 6)):
            kind, default = _annotation(rng, made)
            description = rng.choice([None, "Ünïcode <b> & text."])
            members[f"field_{place}"] = (kind, Field(default, description=description))
        name = f"Generated{seed}x{number}"
        doc = rng.choice([None, "Sums it up.\n\n    More about it."])
        made.append(create_model(name, __base__=Block, __doc__=doc, **members))
    return made
