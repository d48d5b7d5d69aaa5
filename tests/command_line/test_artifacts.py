"""``prefect artifact``."""

from __future__ import annotations

import pytest

from tests import web
from tests.command_line.commands import CommandLine

pytestmark = pytest.mark.timeout(240)


def test_artifacts_are_listed_shown_and_deleted(prefect: CommandLine) -> None:
    with web.client(prefect.api_url) as api:
        ids = [
            api.post("/artifacts/", json=made).json()["id"]
            for made in (
                {"key": "report", "type": "markdown", "data": "# one"},
                {"key": "report", "type": "markdown", "data": "# two"},
                {"key": "rows", "type": "table", "data": "[]"},
                {"type": "result", "data": {"storage_key": "k"}},
            )
        ]
    latest = prefect("artifact", "ls")
    for id, is_listed in zip(ids, [False, True, True, False], strict=True):
        assert (id in latest) is is_listed
    every = prefect.json("artifact", "ls", "--all")
    assert {each["id"] for each in every} >= set(ids[:3])
    shown = prefect.json("artifact", "inspect", "report")
    assert [(each["id"], each["data"]) for each in shown] == [
        (ids[1], "# two"),
        (ids[0], "# one"),
    ]
    prefect("artifact", "delete", "--id", ids[1])
    assert ids[0] in prefect("artifact", "ls")
    assert "Deleted 1 artifact(s) with key 'report'" in prefect("artifact", "delete", "report")
    assert "not found" in prefect.refused("artifact", "inspect", "report")
    assert "not found" in prefect.refused("artifact", "delete", "--id", ids[1])
    assert [each["key"] for each in prefect.json("artifact", "ls")] == ["rows"]
