"""``prefect global-concurrency-limit`` and ``prefect concurrency-limit``."""

from __future__ import annotations

import pytest

from tests.command_line.commands import CommandLine

pytestmark = pytest.mark.timeout(240)


def test_global_limits_are_made_changed_shown_and_deleted(prefect: CommandLine) -> None:
    made = prefect("gcl", "create", "db", "--limit=2", "--slot-decay-per-second=0.5")
    assert "Created global concurrency limit with name 'db'" in made
    assert "already exists" in prefect.refused("gcl", "create", "db", "--limit=2")
    prefect("gcl", "create", "api", "--limit=1", "--disable")
    prefect("gcl", "update", "db", "--limit=5", "--active-slots=1")
    prefect("gcl", "disable", "db")
    assert "already disabled" in prefect.refused("gcl", "disable", "db")
    shown = prefect.json("gcl", "inspect", "db")
    assert shown["active"] is False
    assert (shown["limit"], shown["slot_decay_per_second"]) == (5, 0.5)
    prefect("gcl", "enable", "db")
    listed = prefect.json("gcl", "ls")
    assert [(each["name"], each["active"], each["limit"]) for each in listed] == [
        ("api", False, 1),
        ("db", True, 5),
    ]
    assert "Deleted global concurrency limit" in prefect("gcl", "delete", "db")
    assert "not found" in prefect.refused("gcl", "inspect", "db")
    assert "not found" in prefect.refused("gcl", "update", "db", "--limit=1")


def test_limits_of_tags_are_made_listed_shown_reset_and_deleted(prefect: CommandLine) -> None:
    prefect("gcl", "create", "other", "--limit=2")
    assert "tag - 'slow'" in prefect("concurrency-limit", "create", "slow", "3")
    listed = prefect("concurrency-limit", "ls")
    assert "slow" in listed
    assert "other" not in listed
    assert "Concurrency Limit ID" in prefect("concurrency-limit", "inspect", "slow")
    assert "Reset concurrency limit" in prefect("concurrency-limit", "reset", "slow")
    assert "Deleted concurrency limit" in prefect("concurrency-limit", "delete", "slow")
    assert "No concurrency limit found" in prefect.refused("concurrency-limit", "inspect", "slow")
    assert "No concurrency limit found" in prefect.refused("concurrency-limit", "reset", "slow")
