"""Random blocks: what their data is made of, where its secrets are, and such data."""

from __future__ import annotations

import json
from itertools import count
from random import Random
from typing import Any, Literal, NamedTuple

Kind = Literal["plain", "secret", "secrets", "model", "list", "mapping"]

#: What marks the texts that must not be shown, and those that must.
SECRET, PLAIN = "secret-", "plain-"


class Member(NamedTuple):
    """One member of a structure: of what kind, and of what structure if it holds models."""

    kind: Kind
    structure: dict[str, Member]


Structure = dict[str, Member]


def structure(random: Random, depth: int = 3) -> Structure:
    """What a block is made of. Every model in it has a plain ``id`` of its own."""
    kinds: list[Kind] = ["plain", "secret", "secrets"]
    if depth:
        kinds += ["model", "list", "mapping"]
    found: Structure = {"id": Member("plain", {})}
    for index in range(random.randrange(1, 5)):
        kind = random.choice(kinds)
        below = structure(random, depth - 1) if kind in ("model", "list", "mapping") else {}
        found[f"{kind}{index}"] = Member(kind, below)
    return found


def secret_fields(structure: Structure, prefix: str = "") -> list[str]:
    """Where the secrets are, as clients write it."""
    found = []
    for key, member in structure.items():
        if member.kind == "secret":
            found.append(prefix + key)
        elif member.kind == "secrets":
            found.append(f"{prefix}{key}.*")
        found += secret_fields(member.structure, f"{prefix}{key}.")
    return found


class Data:
    """Makes data of a structure; each text in it is there once."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count()

    def of(self, structure: Structure) -> dict[str, Any]:
        """One object of this structure."""
        return {key: self._value(member) for key, member in structure.items()}

    def _value(self, member: Member) -> Any:
        if member.kind == "plain":
            return self._text(PLAIN)
        if member.kind == "secret":
            return self._secret(2)
        if member.kind == "secrets":
            keys = [f"key{index}" for index in range(self._random.randrange(4))]
            return {key: self._secret(1) for key in keys}
        if member.kind == "model":
            return self.of(member.structure)
        models = [self.of(member.structure) for _ in range(self._random.randrange(4))]
        if member.kind == "list":
            return models
        return {f"user{index}": model for index, model in enumerate(models)}

    def _secret(self, depth: int) -> Any:
        choice = self._random.randrange(6 if depth else 2)
        if choice < 2:
            return self._text(SECRET)
        if choice == 2:
            return [self._secret(depth - 1), 7, None]
        if choice == 3:
            return {"id": self._secret(depth - 1), "more": self._secret(depth - 1)}
        return self._random.choice([None, "", {}, [], 0, False])

    def _text(self, mark: str) -> str:
        return f"{mark}{next(self._numbers)}"


def texts(data: Any, mark: str) -> set[str]:
    """The texts in the data that begin with a mark."""
    return {part for part in json.dumps(data).split('"') if part.startswith(mark)}


def with_other_texts(data: Any) -> Any:
    """The data with another text instead of each plain one."""
    written = json.dumps(data)
    return json.loads(written.replace(f'"{PLAIN}', f'"{PLAIN}other-'))
