"""Lists of deployments: filters, orders, pages, counts."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import Connection, event

from ephemeral_server.database.tables import flow_run, task_run
from ephemeral_server.deployments.query_schemas import DeploymentCount, DeploymentPage
from ephemeral_server.deployments.schemas import DeploymentResponse
from ephemeral_server.deployments.store import ORDERS, list_deployments
from tests.api.deployments.conftest import DAILY, HOURLY, Deployments
from tests.api.objects import NOBODY, new_flow
from tests.api.shapes import assert_shape


class Three:
    """Three deployments, the only ones with their tag."""

    def __init__(self, deployments: Deployments) -> None:
        self.deployments = deployments
        self.mark = str(uuid.uuid4())
        self.flow = new_flow(deployments.api, name=f"Extract {self.mark}")
        self.pool, self.other_pool = deployments.pool(), deployments.pool()
        self.first = self.new("a_nightly", "x", work_pool_name=self.pool)
        self.second = self.new(
            "b", "x", "y", paused=True, flow_id=self.flow["id"], work_queue_name="old"
        )
        self.third = self.new("c-Nightly", work_pool_name=self.other_pool, work_queue_name="q")

    def new(self, name: str, *tags: str, **given: Any) -> dict[str, Any]:
        self.deployments.application.clock.advance(1)
        name = f"{name} {self.mark}"
        return self.deployments.new(name=name, tags=[self.mark, *tags], **given)

    def query(self, body: dict[str, Any]) -> dict[str, Any]:
        """A body that leaves out all other deployments."""
        own = dict(body.get("deployments", {}))
        own.setdefault("tags", {"all_": [self.mark]})
        return {**body, "deployments": own}

    def found(self, **body: Any) -> str:
        """The names of those that fit, each as one letter."""
        answer = self.deployments.application.post("/deployments/filter", self.query(body))
        assert answer.status_code == 200, answer.text
        count = self.deployments.application.post("/deployments/count", self.query(body)).json()
        assert "limit" in body or "offset" in body or count == len(answer.json())
        return "".join(each["name"][0] for each in answer.json())


@pytest.fixture
def three(deployments: Deployments) -> Three:
    return Three(deployments)


def test_all_of_them_as_they_are_read_one_by_one(three: Three) -> None:
    answer = three.deployments.application.post("/deployments/filter", three.query({}))

    assert_shape(list[DeploymentResponse], answer.json())
    assert answer.json() == [three.first, three.second, three.third]


@pytest.mark.parametrize(
    ("own", "found"),
    [
        ({"name": {"like_": "NIGHTLY"}}, "ac"),
        ({"paused": {"eq_": True}}, "b"),
        ({"paused": {"eq_": False}}, "ac"),
        ({"work_queue_name": {"any_": ["old", "q"]}}, "bc"),
        ({"concurrency_limit": {"ge_": 5}}, "abc"),
        ({"flow_or_deployment_name": {"like_": "extract"}}, "b"),
        ({"flow_or_deployment_name": {"like_": "nightly"}}, "ac"),
    ],
)
def test_by_what_they_are(three: Three, own: dict[str, Any], found: str) -> None:
    assert three.found(deployments=own) == found


def test_by_ids_names_and_tags(three: Three) -> None:
    first, second, third = three.first, three.second, three.third

    def found(**own: Any) -> str:
        return three.found(deployments=own)

    assert found(id={"any_": [first["id"], third["id"], NOBODY]}) == "ac"
    assert found(id={"not_any_": [first["id"]]}) == "bc"
    assert found(name={"any_": [second["name"]]}) == "b"
    assert found(tags={"all_": [three.mark, "x"]}) == "ab"
    assert found(tags={"all_": [three.mark, "x", "y"]}) == "b"
    ids = {"any_": [each["id"] for each in (first, second, third)]}
    assert found(id=ids, tags={"all_": []}) == "abc"
    assert found(id=ids, tags={"any_": ["y", "z"]}) == "b"
    assert found(id=ids, tags={"is_null_": True}) == ""
    assert found(id=ids, tags={"is_null_": False}) == "abc"


def test_by_flows_pools_and_queues(three: Three) -> None:
    assert three.found(flows={"id": {"any_": [three.flow["id"]]}}) == "b"
    assert three.found(flows={"name": {"like_": "nothing like this"}}) == ""
    assert three.found(flows={}) == "abc"
    assert three.found(work_pools={"name": {"any_": [three.pool]}}) == "a"
    assert three.found(work_pools={}) == "abc"
    assert three.found(work_pool_queues={"name": {"any_": ["q", "default"]}}) == "ac"
    pools = {"name": {"any_": [three.pool, three.other_pool]}}
    assert three.found(work_pools=pools, work_pool_queues={"name": {"any_": ["q"]}}) == "c"


def test_by_runs(three: Three) -> None:
    insert = three.deployments.application.insert
    runs = {}
    for of, state in ((three.first, "RUNNING"), (three.first, "FAILED"), (three.second, "FAILED")):
        runs[of["name"][0], state] = insert(
            flow_run, flow_id=of["flow_id"], deployment_id=of["id"], state_type=state
        )
    insert(
        task_run,
        flow_run_id=runs["b", "FAILED"],
        state_type="FAILED",
        task_key="t",
        dynamic_key="0",
    )
    failed = {"state": {"type": {"any_": ["FAILED"]}}}

    assert three.found(flow_runs={}) == "ab"
    assert three.found(flow_runs=failed) == "ab"
    assert three.found(flow_runs={"state": {"type": {"any_": ["RUNNING"]}}}) == "a"
    assert three.found(task_runs=failed) == "b"
    assert three.found(flow_runs={"id": {"any_": [runs["a", "FAILED"]]}}, task_runs=failed) == ""


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("NAME_ASC", "abc"),
        ("NAME_DESC", "cba"),
        ("CREATED_DESC", "cba"),
        ("UPDATED_DESC", "acb"),
        (None, "abc"),
    ],
)
def test_orders(three: Three, sort: str | None, found: str) -> None:
    three.deployments.application.clock.advance(1)
    three.deployments.patched(three.first["id"])

    assert three.found(sort=sort) == found


def test_a_part_of_the_list(three: Three) -> None:
    assert three.found(limit=2) == "ab"
    assert three.found(limit=2, offset=1) == "bc"
    assert three.found(limit=0) == ""
    assert three.found(limit=None, offset=None) == "abc"


def test_pages(three: Three) -> None:
    def page(**given: Any) -> dict[str, Any]:
        body = three.query(given)
        answer = three.deployments.application.post("/deployments/paginate", body)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    second = page(limit=2, page=2)
    assert_shape(DeploymentPage, second)
    assert second == {"results": [three.third], "count": 3, "limit": 2, "pages": 2, "page": 2}
    assert page(limit=2, page=9)["results"] == []
    assert page(limit=0) == {"results": [], "count": 3, "limit": 0, "pages": 0, "page": 1}
    assert (page()["limit"], page()["pages"]) == (200, 1)


@pytest.mark.parametrize("path", ["filter", "paginate"])
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"limit": -1}, "Invalid limit: must be greater than or equal to 0."),
        ({"limit": 201}, "Invalid limit: must be less than or equal to 200."),
    ],
)
def test_a_limit_out_of_bounds_is_refused(
    deployments: Deployments, path: str, body: dict[str, Any], why: str
) -> None:
    answer = deployments.application.post(f"/deployments/{path}", body)

    assert (answer.status_code, answer.json()) == (422, {"detail": why})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("filter", {"sort": "ID_DESC"}),
        ("filter", {"offset": -1}),
        ("filter", {"deployments": {"color": {}}}),
        ("filter", {"deployments": {"id": {"any_": ["x"]}}}),
        ("paginate", {"page": 0}),
        ("count", {"flows": {"id": 5}}),
        ("bulk_delete", {"limit": 0}),
        ("bulk_delete", {"limit": 51}),
    ],
)
def test_a_body_that_cannot_be_used_is_refused(
    deployments: Deployments, path: str, body: dict[str, Any]
) -> None:
    answer = deployments.application.post(f"/deployments/{path}", body)

    assert answer.status_code == 422
    assert answer.json()["exception_message"] == "Invalid request received."


def test_a_request_without_a_body_asks_for_all(deployments: Deployments) -> None:
    deployments.new()

    count = deployments.application.post("/deployments/count").json()

    assert count > 0
    listed = deployments.application.post("/deployments/filter").json()
    assert len(listed) == min(count, 200)


def test_schedules_of_all_are_read_at_once(deployments: Deployments) -> None:
    tag = str(uuid.uuid4())
    for number in range(5):
        schedules = [{"schedule": HOURLY}, {"schedule": DAILY}][: number % 3]
        deployments.new(tags=[tag], name=str(number), schedules=schedules)
    where = DeploymentCount.model_validate({"deployments": {"tags": {"all_": [tag]}}}).clause(
        deployments.application.runtime.database.dialect
    )

    def read(connection: Connection) -> tuple[int, list[str]]:
        statements = []

        def note(*given: Any) -> None:
            statements.append(given[2])

        event.listen(connection, "before_cursor_execute", note)
        rows = list_deployments(connection, where, ORDERS["NAME_ASC"], 10, 0)
        event.remove(connection, "before_cursor_execute", note)
        return len(rows), statements

    rows, statements = deployments.application.read(read)

    assert (rows, len(statements)) == (5, 2)
