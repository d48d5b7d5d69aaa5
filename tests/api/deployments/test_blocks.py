"""Blocks that deployments and their runs refer to."""

from __future__ import annotations

import pytest

from tests.api.block_documents.documents import Blocks, Document
from tests.api.deployments.conftest import Deployments
from tests.api.objects import NOBODY, new_flow_run
from tests.application import Application

KINDS = ("infrastructure_document_id", "storage_document_id")


@pytest.fixture
def block(application: Application) -> Document:
    return Blocks(application).new()


def test_a_deployment_refers_to_blocks_that_are_there(
    deployments: Deployments, block: Document
) -> None:
    made = deployments.new(**dict.fromkeys(KINDS, block.id))
    again = deployments.again(made, **dict.fromkeys(KINDS, block.id))

    for found in (made, again, deployments.read(made["id"])):
        assert [found[kind] for kind in KINDS] == [block.id, block.id]


def test_it_may_refer_to_another_or_to_none_later(
    deployments: Deployments, block: Document
) -> None:
    id = deployments.new()["id"]
    for kind in KINDS:
        assert deployments.patched(id, **{kind: block.id})[kind] == block.id
        assert deployments.patched(id, **{kind: None})[kind] is None


def test_its_events_tell_of_them(deployments: Deployments, block: Document) -> None:
    made = deployments.new(**dict.fromkeys(KINDS, block.id))
    [event] = deployments.events(made["id"])
    roles = {
        each["prefect.resource.role"]
        for each in event.related
        if each["prefect.resource.id"] == f"prefect.block-document.{block.id}"
    }
    assert roles == {"infrastructure", "storage"}


@pytest.mark.parametrize("what", ["document", "type"])
def test_it_and_its_runs_outlive_them(
    deployments: Deployments, application: Application, what: str
) -> None:
    blocks = Blocks(application)
    block = blocks.new()
    made = deployments.new(**dict.fromkeys(KINDS, block.id))
    run = new_flow_run(deployments.api, infrastructure_document_id=block.id)
    path = block.path if what == "document" else f"/block_types/{blocks.type['id']}"

    assert application.delete(path).status_code == 204

    found = deployments.read(made["id"])
    assert found == {**made, **dict.fromkeys(KINDS)}
    left = application.get(f"/flow_runs/{run['id']}").json()
    assert left["infrastructure_document_id"] is None


def test_a_run_refers_to_one_that_is_there(deployments: Deployments, block: Document) -> None:
    of = deployments.new()
    body = {"infrastructure_document_id": block.id}
    one = deployments.application.post(f"/deployments/{of['id']}/create_flow_run", body)
    other = new_flow_run(deployments.api, **body)

    for run in (one.json(), other):
        assert run["infrastructure_document_id"] == block.id


def test_a_run_that_refers_to_none_that_is_there_is_a_conflict(deployments: Deployments) -> None:
    of = deployments.new()
    body = {"infrastructure_document_id": NOBODY}
    one = deployments.application.post(f"/deployments/{of['id']}/create_flow_run", body)
    other = deployments.application.post("/flow_runs/", {"flow_id": of["flow_id"], **body})

    assert (one.status_code, other.status_code) == (409, 409)
    reason = f"Error creating flow run: there is no infrastructure block with id {NOBODY}."
    assert one.json() == {"detail": reason}
    assert other.json()["detail"].startswith("Data integrity conflict.")


def test_of_many_runs_the_others_are_made(deployments: Deployments, block: Document) -> None:
    path = f"/deployments/{deployments.new()['id']}/create_flow_run/bulk"
    ids = (NOBODY, block.id, None)
    answer = deployments.application.post(path, [{KINDS[0]: id} for id in ids])

    results = answer.json()["results"]
    assert [each["status"] for each in results] == ["FAILED", "CREATED", "CREATED"]
    assert NOBODY in results[0]["error"]
