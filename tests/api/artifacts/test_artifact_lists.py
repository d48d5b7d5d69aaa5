"""Which artifacts are listed and counted, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.artifacts.conftest import Artifacts, Json
from tests.api.objects import NOBODY
from tests.application import Application
from tests.orchestration.runs import Runs


class World:
    """Seven artifacts, each known by its data.

    From the oldest: a1 and a2 of key *-a*, b of *-b*, c of *-c*, and n, m and r without a key.
    a1 and b are of a flow run, b of its task run too; a2 and m are of a run of a deployment;
    c is of a run that nobody knows.
    """

    def __init__(self, application: Application) -> None:
        artifacts, runs = Artifacts(application), Runs(application)
        self.application, self.mark = application, artifacts.key
        self.flow = application.post("/flows/", {"name": self.mark}).json()["id"]
        deployment = {"name": self.mark, "flow_id": self.flow}
        deployed_as = application.post("/deployments/", deployment).json()["id"]
        self.run = runs.flow_run("RUNNING").id
        self.deployed = runs.flow_run("RUNNING", flow_id=self.flow, deployment_id=deployed_as).id
        self.task = runs.task_run("RUNNING", flow_run_id=self.run).id
        self.ids = {
            data: artifacts.new(data=data, **members)["id"]
            for data, members in {
                "a1": {"key": f"{self.mark}-a", "type": "table", "flow_run_id": self.run},
                "a2": {"key": f"{self.mark}-a", "type": "table", "flow_run_id": self.deployed},
                "b": {
                    "key": f"{self.mark}-b",
                    "type": "markdown",
                    "flow_run_id": self.run,
                    "task_run_id": self.task,
                },
                "c": {"key": f"{self.mark}-c", "flow_run_id": NOBODY},
                "n": {},
                "m": {"type": "table", "flow_run_id": self.deployed},
                "r": {"type": "result"},
            }.items()
        }

    def listed(self, path: str = "/artifacts", **query: Any) -> str:
        """What is listed."""
        answer = self.application.post(f"{path}/filter", query)
        assert answer.status_code == 200, answer.text
        counted = {name: criteria for name, criteria in query.items() if name != "sort"}
        if not query.keys() & {"limit", "offset"}:
            assert self.application.post(f"{path}/count", counted).json() == len(answer.json())
        return " ".join(artifact["data"] for artifact in answer.json())

    def latest(self, **query: Any) -> str:
        return self.listed("/artifacts/latest", **query)

    def touch(self, *names: str) -> None:
        """Change artifacts that stay as they are, one after the other."""
        for name in names:
            self.application.clock.advance(1)
            assert self.application.patch(f"/artifacts/{self.ids[name]}", {}).status_code == 204

    def filled(self, value: Any) -> Any:
        """Criteria with the ids, keys and names of this world in their places."""
        if isinstance(value, dict):
            return {name: self.filled(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return value.format(w=self) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def world(application: Application) -> World:
    return World(application)


def any_of(*values: str) -> Json:
    return {"any_": list(values)}


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, "r m n c b a2 a1"),
        ({"id": any_of("{w.ids[b]}", "{w.ids[n]}", NOBODY)}, "n b"),
        ({"id": any_of()}, ""),
        ({"key": any_of("{w.mark}-a", "{w.mark}-c")}, "c a2 a1"),
        ({"key": {"like_": "{w.mark}-"}}, "c b a2 a1"),
        ({"key": {"like_": "{w.mark}-", "exists_": True}}, "c b a2 a1"),
        ({"key": {"like_": "{w.mark}-", "exists_": False}}, ""),
        ({"key": {"exists_": False}}, "r m n"),
        ({"key": {"exists_": None}}, "r m n c b a2 a1"),
        ({"type": any_of("table", "result")}, "r m a2 a1"),
        ({"type": {"not_any_": ["table"]}}, "r b"),
        ({"type": {"not_any_": []}}, "r m n c b a2 a1"),
        ({"type": {"any_": ["table"], "not_any_": ["table"]}}, ""),
        ({"flow_run_id": any_of("{w.run}")}, "b a1"),
        ({"flow_run_id": any_of(NOBODY)}, "c"),
        ({"task_run_id": any_of("{w.task}")}, "b"),
        ({"type": any_of("table"), "flow_run_id": any_of("{w.run}")}, "a1"),
        ({"operator": "or_", "key": any_of("{w.mark}-c"), "id": any_of("{w.ids[n]}")}, "n c"),
    ],
)
def test_a_filter_restricts_list_and_count(world: World, criteria: Json, found: str) -> None:
    assert world.listed(artifacts=world.filled(criteria)) == found


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, "a2 b c"),
        ({"latest_id": any_of("{w.ids[a1]}", "{w.ids[b]}")}, "b"),
        ({"key": any_of("{w.mark}-a")}, "a2"),
        ({"key": {"exists_": False}}, ""),
        ({"type": any_of("table")}, "a2"),
        ({"type": {"not_any_": ["table"]}}, "b"),
        ({"flow_run_id": any_of("{w.run}")}, "b"),
        ({"task_run_id": any_of("{w.task}")}, "b"),
    ],
)
def test_collections_are_found_by_their_latest(world: World, criteria: Json, found: str) -> None:
    assert world.latest(artifacts=world.filled(criteria), sort="KEY_ASC") == found


@pytest.mark.parametrize(
    ("filters", "found", "latest"),
    [
        # An empty filter asks for a run that is there.
        ({"flow_runs": {}}, "m b a2 a1", "a2 b"),
        ({"flow_runs": {"id": any_of("{w.run}")}}, "b a1", "b"),
        ({"flow_runs": {"id": any_of(NOBODY)}}, "", ""),
        ({"task_runs": {}}, "b", "b"),
        ({"task_runs": {"id": any_of("{w.task}")}}, "b", "b"),
        ({"flows": {}}, "m b a2 a1", "a2 b"),
        ({"flows": {"name": any_of("{w.mark}")}}, "m a2", "a2"),
        ({"deployments": {}}, "m a2", "a2"),
        ({"deployments": {"name": any_of("{w.mark}")}}, "m a2", "a2"),
        ({"deployments": {"name": any_of("nobody")}}, "", ""),
        ({"deployments": {}, "flow_runs": {"id": any_of("{w.run}")}}, "", ""),
        ({"flow_runs": {"id": any_of("{w.run}")}, "task_runs": {}}, "b", "b"),
        ({"flow_runs": None, "task_runs": None, "flows": None}, "r m n c b a2 a1", "a2 b c"),
    ],
)
def test_artifacts_are_found_by_their_runs(
    world: World, filters: Json, found: str, latest: str
) -> None:
    filters = world.filled(filters)
    assert world.listed(**filters) == found
    assert world.latest(**filters, sort="KEY_ASC") == latest


def test_criteria_and_runs_must_both_fit(world: World) -> None:
    criteria = {"type": any_of("table")}
    assert world.listed(artifacts=criteria, flow_runs={"id": any_of(world.run)}) == "a1"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, "r m n c b a2 a1"),
        ("ID_DESC", "r m n c b a2 a1"),
        ("CREATED_DESC", "r m n c b a2 a1"),
        ("UPDATED_DESC", "m a2 r n c b a1"),
    ],
)
def test_a_list_has_the_order_asked_for(world: World, sort: str | None, order: str) -> None:
    world.touch("a1", "b", "c", "n", "r", "a2", "m")

    assert world.listed(sort=sort) == order


def test_artifacts_are_listed_by_key(world: World) -> None:
    # Those without a key come first. Equals come in the order of their making.
    assert world.listed(sort="KEY_ASC") == "n m r a1 a2 b c"
    assert world.listed(sort="KEY_DESC") == "c b a2 a1 r m n"


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (None, "c b a2"),
        ("ID_DESC", "c b a2"),
        ("CREATED_DESC", "c b a2"),
        ("UPDATED_DESC", "a2 c b"),
        ("KEY_ASC", "a2 b c"),
        ("KEY_DESC", "c b a2"),
    ],
)
def test_collections_have_the_order_asked_for(world: World, sort: str | None, order: str) -> None:
    world.touch("b", "c", "a2")

    assert world.latest(sort=sort) == order


def test_a_page_is_a_part_of_the_list(world: World) -> None:
    assert world.listed(limit=2, offset=1) == "m n"
    assert world.listed(limit=0) == ""
    assert world.latest(sort="KEY_ASC", limit=1, offset=1) == "b"


def test_a_reader_finds_the_latest_of_a_key(world: World) -> None:
    # What clients send who read an artifact by its key.
    unused: Json = {"flow_runs": None, "task_runs": None, "offset": None}
    key = {"key": any_of(f"{world.mark}-a")}
    assert world.listed(artifacts=key, limit=1, sort="UPDATED_DESC", **unused) == "a2"


@pytest.mark.parametrize("path", ["/artifacts/filter", "/artifacts/latest/filter"])
@pytest.mark.parametrize(
    "query",
    [
        {"limit": 201},
        {"limit": -1},
        {"offset": -1},
        {"sort": "NAME_ASC"},
        {"artifacts": {"key": {"startswith_": ["a"]}}},
        {"artifacts": {"type": {"like_": "a"}}},
        {"artifacts": {"flow_run_id": {"any_": ["run"]}}},
        {"artifacts": {"flow_run_id": {"is_null_": True}}},
    ],
)
def test_a_query_of_another_shape_is_refused(
    application: Application, path: str, query: Json
) -> None:
    assert application.post(path, query).status_code == 422


def test_artifacts_and_collections_have_ids_of_their_own(application: Application) -> None:
    for path, name in (("/artifacts", "latest_id"), ("/artifacts/latest", "id")):
        answer = application.post(f"{path}/filter", {"artifacts": {name: {"any_": []}}})
        assert answer.status_code == 422
