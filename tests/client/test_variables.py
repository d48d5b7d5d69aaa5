"""Variables as the real client sets, gets and unsets them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect import flow, task
from prefect.variables import Variable

from tests.client.history import History
from tests.client.traffic import Traffic

UNSET = "DELETE /variables/name/*"

VALUES: dict[str, Any] = {
    "text": "☃ text",
    "number": 2**53,
    "real": 1.5,
    "truth": False,
    "nothing": None,
    "list": [1, ["two", {"three": 3.0}]],
    "mapping": {"é": {"nested": [None, True]}},
    "longest": "x" * 4998,
}


def test_a_variable_is_set_overwritten_and_unset(history: History, traffic: Traffic) -> None:
    traffic.expect(UNSET, 404)
    assert Variable.get("speed") is None
    assert Variable.get("speed", default=1) == 1
    made: Any = Variable.set("speed", 3, tags=["fast", "car"])
    assert (made.name, made.value, made.tags) == ("speed", 3, ["fast", "car"])
    with pytest.raises(ValueError, match="already exists"):
        Variable.set("speed", 4)
    assert Variable.get("speed") == 3
    changed: Any = Variable.set("speed", {"km/h": 4}, overwrite=True)
    assert (changed.value, changed.tags) == ({"km/h": 4}, [])
    assert Variable.get("speed") == {"km/h": 4}
    assert Variable.unset("speed")
    assert not Variable.unset("speed")
    assert history.client.read_variables() == []


def test_a_variable_may_be_anything_that_json_can_say(history: History) -> None:
    for name, value in VALUES.items():
        Variable.set(name, value, tags=[name])
    assert {name: Variable.get(name) for name in VALUES} == VALUES
    kept = history.client.read_variables()
    assert [each.name for each in kept] == sorted(VALUES)
    assert all(each.tags == [each.name] for each in kept)
    assert [each.name for each in history.client.read_variables(limit=2)] == sorted(VALUES)[:2]


def test_flows_and_their_tasks_share_variables(history: History, traffic: Traffic) -> None:
    traffic.expect(UNSET, 404)

    @task
    def double() -> None:
        Variable.set("number", 2 * int(str(Variable.get("number"))), overwrite=True)

    @flow
    async def asks() -> object:
        await Variable.aset("number", 21)
        await asyncio.to_thread(double)
        assert not await Variable.aunset("other")
        return await Variable.aget("number")

    assert asyncio.run(asks()) == 42
    assert history.flow_run().state_name == "Completed"
