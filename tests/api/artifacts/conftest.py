"""Artifacts that tests of their routes need, made through the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.application import Application

Json = dict[str, Any]


class Artifacts:
    """Makes artifacts, each a second after what was made before, and tells of them.

    Attributes:
        key: one that nobody else uses.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.key = f"k-{uuid4()}"

    def new(self, **members: Any) -> Json:
        """An artifact, as it was answered."""
        self.application.clock.advance(1)
        answer = self.application.post("/artifacts/", members)
        assert answer.status_code == 201, answer.text
        artifact: Json = answer.json()
        return artifact

    def read(self, id: str) -> Json:
        artifact: Json = self.application.get(f"/artifacts/{id}").json()
        return artifact

    def collection(self, key: str | None = None) -> Json | None:
        """The collection of a key, by default of `key`, if there is one."""
        criteria = {"key": {"any_": [key or self.key]}}
        answer = self.application.post("/artifacts/latest/filter", {"artifacts": criteria})
        assert len(answer.json()) < 2
        return answer.json()[0] if answer.json() else None

    def told(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What was told of collections, the oldest first: what, and its payload."""
        prefix = "prefect.artifact-collection."
        return [
            (event.event.removeprefix(prefix), event.payload)
            for event in self.application.events
            if event.event.startswith(prefix)
        ]


@pytest.fixture
def artifacts(application: Application) -> Artifacts:
    application.events.clear()
    return Artifacts(application)
