"""Many flows: filters, orders, pages, counts and deletion in bulk."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ephemeral_server.flows.schemas import Flow, FlowBulkDeleted, FlowPage
from tests.api.shapes import assert_shape


@pytest.fixture
def flows(api: httpx.Client) -> list[dict[str, Any]]:
    """Three flows, in the order of their making."""
    return [
        api.post("/flows/", json={"name": "beta", "tags": ["x", "y"]}).json(),
        api.post("/flows/", json={"name": "Alpha", "tags": ["x"]}).json(),
        api.post("/flows/", json={"name": "alphabet"}).json(),
    ]


def names(api: httpx.Client, **body: Any) -> list[str]:
    """The names that the list route answers, after its answer and those of its kin agree."""
    answer = api.post("/flows/filter", json=body)
    assert answer.status_code == 200, answer.text
    assert_shape(list[Flow], answer.json())
    if "limit" not in body and "offset" not in body:
        assert api.post("/flows/count", json=body).json() == len(answer.json())
        page = api.post("/flows/paginate", json=body).json()
        assert_shape(FlowPage, page)
        assert (page["results"], page["count"]) == (answer.json(), len(answer.json()))
    return [flow["name"] for flow in answer.json()]


@pytest.mark.usefixtures("flows")
class TestFilter:
    def test_without_criteria_all_flows_fit(self, api: httpx.Client) -> None:
        for content in ("", "null", "{}", '{"flows": null, "limit": null}'):
            answer = api.post("/flows/filter", content=content)
            assert [flow["name"] for flow in answer.json()] == ["Alpha", "alphabet", "beta"]

    def test_flows_fit_all_criteria_of_a_filter(self, api: httpx.Client) -> None:
        criteria = {"name": {"like_": "ALPHA"}, "tags": {"all_": ["x"]}}
        assert names(api, flows=criteria) == ["Alpha"]
        assert names(api, flows={"operator": "or_", **criteria}) == ["Alpha", "alphabet", "beta"]

    def test_by_id(self, api: httpx.Client, flows: list[dict[str, Any]]) -> None:
        ids = [flow["id"].upper() for flow in flows[:2]]
        assert names(api, flows={"id": {"any_": ids}}) == ["Alpha", "beta"]
        assert names(api, flows={"id": {"not_any_": ids}}) == ["alphabet"]
        assert names(api, flows={"id": {"not_any_": []}}) == ["Alpha", "alphabet", "beta"]

    def test_an_empty_filter_on_related_entities_asks_for_one(self, api: httpx.Client) -> None:
        for related in ("flow_runs", "task_runs", "deployments", "work_pools"):
            assert names(api, **{related: {}}) == []
            assert names(api, **{related: None}) == ["Alpha", "alphabet", "beta"]

    def test_unknown_keys_beside_the_filters_are_ignored(self, api: httpx.Client) -> None:
        assert len(names(api, work_queues={}, nonsense=1)) == 3

    def test_a_body_of_another_shape_is_refused(self, api: httpx.Client) -> None:
        bodies: list[Any] = [
            [],
            {"flows": {"nonsense": {}}},
            {"flows": {"name": {"nonsense_": 1}}},
            {"flows": {"name": {"like_": "nul\x00"}}},
            {"flows": {"tags": {"all_": ["nul\x00"]}}},
            {"flows": {"tags": {"any_": ["x"]}}},
            {"flows": {"id": {"any_": ["5"]}}},
            {"sort": "COLOR"},
            {"offset": -1},
            {"offset": 10**30},
        ]
        for body in bodies:
            assert api.post("/flows/filter", json=body).status_code == 422, body


@pytest.mark.usefixtures("flows")
class TestOrderAndPages:
    def test_orders(self, api: httpx.Client, flows: list[dict[str, Any]]) -> None:
        assert api.patch(f"/flows/{flows[0]['id']}", json={}).status_code == 204
        assert names(api, sort=None) == ["Alpha", "alphabet", "beta"]
        assert names(api, sort="NAME_ASC") == ["Alpha", "alphabet", "beta"]
        assert names(api, sort="NAME_DESC") == ["beta", "alphabet", "Alpha"]
        assert names(api, sort="CREATED_DESC") == ["alphabet", "Alpha", "beta"]
        assert names(api, sort="UPDATED_DESC") == ["beta", "alphabet", "Alpha"]

    def test_limit_and_offset_cut_the_list(self, api: httpx.Client) -> None:
        assert names(api, limit=2) == ["Alpha", "alphabet"]
        assert names(api, limit="2", offset=2) == ["beta"]
        assert names(api, offset=3) == []
        assert names(api, offset=2**63 - 1) == []
        assert names(api, limit=0) == []

    def test_a_limit_out_of_range_is_refused(self, api: httpx.Client) -> None:
        for limit, rule in (
            (201, "less than or equal to 200"),
            (10**30, "less than or equal to 200"),
            (-1, "greater than or equal to 0"),
        ):
            for route in ("filter", "paginate"):
                answer = api.post(f"/flows/{route}", json={"limit": limit})
                assert answer.status_code == 422
                assert answer.json() == {"detail": f"Invalid limit: must be {rule}."}

    def test_a_page_tells_how_many_there_are(self, api: httpx.Client) -> None:
        page = api.post("/flows/paginate", json={"limit": 2, "page": 2}).json()
        assert_shape(FlowPage, page)
        assert [flow["name"] for flow in page.pop("results")] == ["beta"]
        assert page == {"count": 3, "limit": 2, "pages": 2, "page": 2}

    def test_a_page_beyond_the_end_is_empty(self, api: httpx.Client) -> None:
        page = api.post("/flows/paginate", json={"page": 2**63 - 1}).json()
        assert (page["results"], page["count"], page["page"]) == ([], 3, 2**63 - 1)

    def test_pages_of_no_length_are_none(self, api: httpx.Client) -> None:
        page = api.post("/flows/paginate", json={"limit": 0}).json()
        assert page == {"results": [], "count": 3, "limit": 0, "pages": 0, "page": 1}

    def test_a_page_out_of_range_is_refused(self, api: httpx.Client) -> None:
        for page in (0, -1, 2**63):
            assert api.post("/flows/paginate", json={"page": page}).status_code == 422


@pytest.mark.usefixtures("flows")
class TestBulkDelete:
    def test_the_flows_that_fit_are_deleted(
        self, api: httpx.Client, flows: list[dict[str, Any]]
    ) -> None:
        body = {"flows": {"tags": {"all_": ["x"]}}}
        answer = api.post("/flows/bulk_delete", json=body)
        assert_shape(FlowBulkDeleted, answer.json())
        assert set(answer.json()["deleted"]) == {flows[0]["id"], flows[1]["id"]}
        assert names(api) == ["alphabet"]
        assert api.post("/flows/bulk_delete", json=body).json() == {"deleted": []}

    def test_at_most_limit_flows_are_deleted_by_name(self, api: httpx.Client) -> None:
        assert len(api.post("/flows/bulk_delete", json={"limit": 2}).json()["deleted"]) == 2
        assert names(api) == ["beta"]

    def test_without_a_filter_any_flow_is_deleted(self, api: httpx.Client) -> None:
        assert len(api.post("/flows/bulk_delete").json()["deleted"]) == 3

    def test_a_limit_out_of_range_is_refused(self, api: httpx.Client) -> None:
        for limit in (0, 51):
            answer = api.post("/flows/bulk_delete", json={"limit": limit})
            assert answer.status_code == 422
            assert answer.json()["exception_message"] == "Invalid request received."
