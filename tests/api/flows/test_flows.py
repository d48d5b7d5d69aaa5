"""One flow: making, reading, changing and deleting it."""

from __future__ import annotations

import json
import uuid

import httpx

from ephemeral_server.flows.schemas import Flow
from tests.api.shapes import assert_shape

NOBODY = "/flows/00000000-0000-0000-0000-000000000000"


def test_a_new_flow_is_answered_with_201_and_what_was_given(api: httpx.Client) -> None:
    given = {"name": "my flow", "tags": ["b", "a", "a"], "labels": {"n": 1, "f": 1.5, "y": True}}

    answer = api.post("/flows/", json=given)

    assert answer.status_code == 201
    assert_shape(Flow, answer.json())
    assert answer.json().items() >= given.items()


def test_a_flow_without_tags_and_labels_has_none_of_them(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "bare"}).json()
    null = api.post("/flows/", json={"name": "null", "labels": None}).json()

    assert (flow["tags"], flow["labels"]) == ([], {})
    assert null["labels"] is None


def test_a_flow_of_the_same_name_is_answered_with_200_and_stays_as_it_is(
    api: httpx.Client,
) -> None:
    first = api.post("/flows/", json={"name": "same", "tags": ["old"]})

    again = api.post("/flows/", json={"name": "same", "tags": ["new"], "labels": {"a": 1}})

    assert again.status_code == 200
    assert again.json() == first.json()


def test_a_name_that_cannot_be_used_is_refused(api: httpx.Client) -> None:
    for name in ("", "a/b", "50%", "a&b", "a>b", "a<b", "nul\x00", "\ud800"):
        answer = api.post("/flows/", content=json.dumps({"name": name}))
        assert answer.status_code == 422, name
        assert answer.json()["exception_detail"][0]["loc"] == ["body", "name"]


def test_a_body_of_another_shape_is_refused(api: httpx.Client) -> None:
    for body in (
        "{}",
        "[]",
        '{"name": 5}',
        '{"name": "a", "color": "red"}',
        '{"name": "a", "tags": "b"}',
        '{"name": "a", "tags": ["nul\\u0000"]}',
        '{"name": "a", "labels": {"nested": {"b": 1}}}',
        '{"name": "a", "labels": {"infinite": 1e999}}',
        '{"name": "a", "labels": {"nul\\u0000": 1}}',
    ):
        answer = api.post("/flows/", content=body)
        assert answer.status_code == 422, body
        assert answer.json()["exception_message"] == "Invalid request received."


def test_a_flow_is_read_by_its_id_however_that_is_written(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "written"}).json()

    for id in (flow["id"], flow["id"].upper(), uuid.UUID(flow["id"]).hex):
        answer = api.get(f"/flows/{id}")
        assert (answer.status_code, answer.json()) == (200, flow)


def test_a_flow_is_read_by_exactly_its_name(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "Ein schöner Fluß?"}).json()

    assert api.get("/flows/name/Ein%20sch%C3%B6ner%20Flu%C3%9F%3F").json() == flow
    assert api.get("/flows/name/ein%20sch%C3%B6ner%20Flu%C3%9F%3F").status_code == 404


def test_reading_an_unknown_flow_is_answered_with_404(api: httpx.Client) -> None:
    for path in (NOBODY, "/flows/name/nobody"):
        answer = api.get(path)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Flow not found"})


def test_an_id_that_is_no_uuid_is_answered_with_404(api: httpx.Client) -> None:
    assert api.get("/flows/5").status_code == 404


def test_a_nul_in_a_name_to_read_is_refused(api: httpx.Client) -> None:
    assert api.get("/flows/name/a%00b").status_code == 422


def test_a_change_replaces_the_tags_and_is_dated(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "tagged", "tags": ["old"], "labels": {"a": 1}}).json()

    answer = api.patch(f"/flows/{flow['id']}", json={"tags": ["new"]})

    assert (answer.status_code, answer.content) == (204, b"")
    changed = api.get(f"/flows/{flow['id']}").json()
    assert changed["updated"] > flow["updated"]
    assert changed == {**flow, "tags": ["new"], "updated": changed["updated"]}


def test_an_empty_change_only_dates_the_flow(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "kept", "tags": ["old"]}).json()

    assert api.patch(f"/flows/{flow['id']}", json={}).status_code == 204

    changed = api.get(f"/flows/{flow['id']}").json()
    assert changed["tags"] == ["old"]
    assert changed["updated"] > flow["updated"]


def test_only_tags_can_be_changed(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "fixed"}).json()

    assert api.patch(f"/flows/{flow['id']}", json={"name": "other"}).status_code == 422


def test_changing_or_deleting_an_unknown_flow_is_answered_with_404(api: httpx.Client) -> None:
    for answer in (api.patch(NOBODY, json={"tags": []}), api.delete(NOBODY)):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Flow not found"})


def test_a_deleted_flow_is_gone_and_its_name_is_free(api: httpx.Client) -> None:
    flow = api.post("/flows/", json={"name": "short-lived"}).json()

    answer = api.delete(f"/flows/{flow['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"/flows/{flow['id']}").status_code == 404
    assert api.delete(f"/flows/{flow['id']}").status_code == 404
    assert api.post("/flows/", json={"name": "short-lived"}).status_code == 201
