"""What the job template of a work pool must be like."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.api.block_documents.documents import Blocks
from tests.api.work_pools.pools import Pool, refusal
from tests.application import Application

BLOCK = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def template(**properties: Any) -> dict[str, Any]:
    """A template that declares these variables and uses ``y``."""
    return {"job_configuration": {"a": "{{ y }}"}, "variables": {"properties": properties}}


def create(application: Application, template: Any) -> Any:
    body = {"name": f"pool-{uuid4()}", "type": "process", "base_job_template": template}
    return application.post("/work_pools/", body)


UNUSABLE = [
    ({"variables": {"properties": {}}}, "must contain both a `job_configuration` key"),
    (template(x={}), "undeclared variable(s): y."),
    ({"job_configuration": {"a": 1}, "variables": [1]}, "must be an object"),
    ({"job_configuration": [1], "variables": {"properties": 3}}, "must be an object"),
]


def test_a_template_is_kept_as_it_is_sent(application: Application) -> None:
    sent = template(y={"type": "integer", "default": 1, "title": "é"})

    assert Pool(application, base_job_template=sent).read()["base_job_template"] == sent


@pytest.mark.parametrize(("unusable", "reason"), UNUSABLE)
def test_a_template_that_is_none_is_refused(
    application: Application, unusable: Any, reason: str
) -> None:
    where, why = refusal(create(application, unusable))

    assert where == ["body", "base_job_template"]
    assert reason in why


@pytest.mark.parametrize(("unusable", "reason"), UNUSABLE)
def test_a_template_that_is_none_replaces_no_other(pool: Pool, unusable: Any, reason: str) -> None:
    reply = pool.application.patch(pool.path, {"base_job_template": unusable})

    assert reason in refusal(reply)[1]
    assert pool.read()["base_job_template"] == {}


def test_a_default_must_fit_its_variable(application: Application) -> None:
    reply = create(application, template(y={"type": "integer", "default": "no"}))

    assert reply.status_code == 422
    assert reply.json()["detail"].startswith(
        "Validation failed for work pool's job variable defaults: "
        "Validation failed for field 'y'. Failure reason: 'no' is not"
    )


def test_variables_must_be_described_by_a_schema(application: Application) -> None:
    reply = create(application, template(y={"type": "nosuch"}))

    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("Invalid schema: 'nosuch' is not valid")


def test_a_default_may_be_missing_or_null(application: Application) -> None:
    sent = template(y={"type": "integer", "default": None}, z={"type": "string"})
    sent["variables"]["required"] = ["z"]

    assert create(application, sent).status_code == 201


def test_a_default_cannot_be_a_block_that_is_not_there(application: Application) -> None:
    reply = create(application, template(y={"default": {"$ref": {"block_document_id": BLOCK}}}))

    assert reply.status_code == 404
    assert reply.json() == {"detail": "Block not found."}


@pytest.mark.parametrize(("held", "status"), [("text", 201), (7, 422)])
def test_of_a_default_that_is_a_block_the_data_has_to_fit(
    application: Application, held: Any, status: int
) -> None:
    inner = Blocks(application, "pw").new({"pw": held})
    block = Blocks(application).new({"inner": inner.ref})
    pw = {"type": "object", "properties": {"pw": {"type": "string"}}, "required": ["pw"]}
    sent = template(y={"type": "object", "properties": {"inner": pw}, "default": block.ref})

    reply = create(application, sent)

    assert reply.status_code == status
    if status == 422:
        assert reply.json()["detail"] == (
            "Validation failed for work pool's job variable defaults: Validation failed for field "
            "'y.inner.pw'. Failure reason: 7 is not of type 'string'"
        )
    else:
        assert reply.json()["base_job_template"] == sent


def test_defaults_are_not_looked_at_when_a_template_is_replaced(pool: Pool) -> None:
    sent = template(y={"type": "integer", "default": "no"})
    pool.change(base_job_template=sent)

    assert pool.read()["base_job_template"] == sent


def test_a_pool_that_cannot_be_made_is_not_there_in_part(application: Application) -> None:
    before = (len(application.events), application.post("/work_pools/count").json())
    create(application, template(y={"type": "integer", "default": "no"}))

    assert (len(application.events), application.post("/work_pools/count").json()) == before
