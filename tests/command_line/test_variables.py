"""``prefect variable``."""

from __future__ import annotations

import pytest

from tests.command_line.commands import CommandLine

pytestmark = pytest.mark.timeout(240)


def test_variables_are_set_shown_listed_and_unset(prefect: CommandLine) -> None:
    assert "Set variable 'speed'" in prefect("variable", "set", "speed", '{"km/h": 3}', "--tag=t")
    assert '{"km/h": 3}' in prefect("variable", "get", "speed").replace("'", '"')
    shown = prefect.json("variable", "inspect", "speed")
    assert (shown["value"], shown["tags"]) == ({"km/h": 3}, ["t"])
    assert "already exists" in prefect.refused("variable", "set", "speed", "4")
    prefect("variable", "set", "speed", "text", "--overwrite")
    assert prefect("variable", "get", "speed").strip('"\n') == "text"
    (listed,) = prefect.json("variable", "ls")
    assert (listed["name"], listed["value"], listed["tags"]) == ("speed", "text", [])
    assert "Unset variable 'speed'" in prefect("variable", "unset", "speed")
    assert "not found" in prefect.refused("variable", "get", "speed")
    assert "not found" in prefect.refused("variable", "unset", "speed")
