"""Values of variables and blocks in what workers tell their jobs."""

from __future__ import annotations

import pytest
from prefect import flow
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.variables import Variable

from tests.client.blocks import save_secret
from tests.client.deploying import start
from tests.client.history import History
from tests.client.workers import Pool

HOST = "{{ prefect.blocks.secret.database.host }}"


@pytest.fixture
def pool(history: History) -> Pool:
    return Pool()


@flow
def quick() -> None:
    """Does nothing, at once."""


def test_job_variables_refer_to_variables_and_blocks(pool: Pool, history: History) -> None:
    Variable.set("machine", "big")
    save_secret("shh", "key")
    save_secret({"host": "db", "port": 5432}, "database")
    env = {
        "KEY": "{{ prefect.blocks.secret.key }}",
        "URL": f"sql://{HOST}/{{{{ prefect.variables.machine }}}}",
    }
    variables = {"machine": "{{ prefect.variables.machine }}", "env": env}
    made = pool.deploy(quick, job_variables=variables)
    start(made, "first")
    run = start(made, "second", job_variables={"machine": "{{ prefect.blocks.secret.key }}"})
    # What is kept are the references.
    assert run.job_variables is not None
    assert run.job_variables["machine"] == "{{ prefect.blocks.secret.key }}"
    assert history.client.read_deployment(made).job_variables == variables
    assert sorted(pool.work()) == ["first", "second"]
    first, second = pool.jobs["first"], pool.jobs["second"]
    assert (first.machine, second.machine) == ("big", "shh")
    for job in (first, second):
        assert (job.env["KEY"], job.env["URL"]) == ("shh", "sql://db/big")


def test_a_block_is_the_default_of_a_job_variable(pool: Pool, history: History) -> None:
    id = save_secret({"host": "db"}, "database")
    template = history.client.read_work_pool("pool").base_job_template
    reference = {"$ref": {"block_document_id": str(id)}}
    template["variables"]["properties"]["details"]["default"] = reference
    history.client.update_work_pool("pool", WorkPoolUpdate(base_job_template=template))
    made = pool.deploy(quick)
    start(made, "first")
    start(made, "second", job_variables={"details": {"level": "debug"}})
    save_secret(["changed"], "database", overwrite=True)
    assert sorted(pool.work()) == ["first", "second"]
    assert pool.jobs["first"].details == {"value": ["changed"]}
    assert pool.jobs["second"].details == {"level": "debug"}
