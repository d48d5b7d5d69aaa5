"""What clients may send as an event."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from ephemeral_server.events.schemas import EventIn
from tests.events.support import NOON, an_event, received

CAKE = {"prefect.resource.id": "bakery.cake.1"}
OVEN = {"prefect.resource.id": "bakery.oven", "prefect.resource.role": "place"}


@pytest.mark.parametrize(
    "limit",
    [
        {"event": ""},
        {"event": "x" * 1024},
        {"resource": {**CAKE, **{f"l{n}": "" for n in range(499)}}},
        {"related": [{**OVEN, **{f"l{n}": "" for n in range(498)}}] * 100},
        {"follows": None},
        {"occurred": "0001-01-01T00:00:00Z"},
        {"occurred": "9999-12-31T23:59:59.999999Z"},
    ],
)
def test_an_event_at_its_limits_is_valid(limit: dict[str, Any]) -> None:
    EventIn.model_validate(an_event(**limit))


@pytest.mark.parametrize(
    "fault",
    [
        {"id": None},
        {"id": "first"},
        {"occurred": None},
        {"occurred": "noon"},
        {"occurred": "9999-12-31T23:59:59-01:00"},
        {"event": None},
        {"event": "x" * 1025},
        {"resource": None},
        {"resource": {}},
        {"resource": {"prefect.resource.id": ""}},
        {"resource": {"prefect.resource.id": "\0"}},
        {"resource": {**CAKE, "n": 1}},
        {"resource": {**CAKE, "n": None}},
        {"resource": {**CAKE, **{f"l{n}": "" for n in range(500)}}},
        {"related": {}},
        {"related": [CAKE]},
        {"related": [{"prefect.resource.role": "place"}]},
        {"related": [{**OVEN, "prefect.resource.role": ""}]},
        {"related": [{**OVEN, **{f"l{n}": "" for n in range(499)}}]},
        {"related": [OVEN] * 101},
        {"payload": []},
        {"follows": "x"},
    ],
)
def test_an_event_that_breaks_a_rule_is_refused(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EventIn.model_validate(an_event(**fault))


@pytest.mark.parametrize("member", ["related", "payload", "resource", "id", "occurred", "event"])
def test_a_null_is_no_default(member: str) -> None:
    with pytest.raises(ValidationError):
        EventIn.model_validate({**an_event(), member: None})


def test_what_is_left_out_is_empty() -> None:
    event = received(an_event())
    assert (event.related, event.payload, event.follows) == ([], {}, None)


def test_an_instant_with_an_offset_is_converted_and_one_without_is_utc() -> None:
    for text in ("2025-11-22T14:00:00+02:00", "2025-11-22T12:00:00", "2025-11-22T12:00:00Z"):
        assert received(an_event(occurred=text)).occurred == NOON


def test_ids_are_written_in_one_way() -> None:
    event = received(an_event(id="01A202B03E2A72539E301DF1E1F8ADCE"))
    assert event.id == "01a202b0-3e2a-7253-9e30-1df1e1f8adce"


def test_names_and_labels_lose_what_databases_cannot_store() -> None:
    resource = {"prefect.resource.id": "c\x00d\ud800", "e\x00": "ü"}
    event = received(an_event(event="a\x00b", resource=resource))
    assert (event.event, event.resource) == ("ab", {"prefect.resource.id": "cd?", "e": "ü"})
