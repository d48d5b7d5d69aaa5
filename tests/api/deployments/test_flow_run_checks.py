"""Whether what is asked for fits the deployment and its pool."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, update

from ephemeral_server.database.tables import deployment
from ephemeral_server.database.transaction import Transaction
from ephemeral_server.deployments import run_routes
from ephemeral_server.parameters.aside import run_aside
from tests.api.block_documents.documents import Blocks
from tests.api.deployments.running import INTEGER, STRING, Runner, runner
from tests.api.objects import NOBODY

__all__ = ["runner"]

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"n": INTEGER, "s": STRING},
    "required": ["n"],
}
CIRCLE: dict[str, Any] = {
    "properties": {"a": {"$ref": "#/definitions/a"}},
    "definitions": {"a": {"$ref": "#/definitions/a"}},
}
MISFIT = "Validation failed for field 'n'. Failure reason: 'x' is not of type 'integer'"
MISSING = "Validation failed. Failure reason: 'n' is a required property"


def _deployment(runner: Runner, schema: Any = SCHEMA, **given: Any) -> str:
    """The id of a deployment of which nothing has been checked yet."""
    given = {"enforce_parameter_schema": False, "parameter_openapi_schema": schema, **given}
    return str(runner.deployments.new(**given)["id"])


def test_parameters_have_to_fit_the_schema(runner: Runner) -> None:
    id = _deployment(runner)
    runner.deployments.patched(id, enforce_parameter_schema=True)

    assert runner.refusal(id, parameters={"n": "x"}) == (409, f"Error creating flow run: {MISFIT}")
    assert runner.refusal(id) == (409, f"Error creating flow run: {MISSING}")
    run = runner.run(id, parameters={"n": 1, "s": None, "other": 2})
    assert run["parameters"] == {"n": 1, "s": None, "other": 2}


def test_the_deployments_parameters_count_too(runner: Runner) -> None:
    id = _deployment(runner, parameters={"n": 1})
    runner.deployments.patched(id, enforce_parameter_schema=True)

    runner.run(id)

    answer = runner.ask(id, parameters={"n": "x"})
    assert answer.status_code == 409


def test_a_request_may_ask_for_what_the_deployment_does_not(runner: Runner) -> None:
    id = _deployment(runner)

    assert runner.refusal(id, enforce_parameter_schema=True)[0] == 409
    assert runner.run(id, enforce_parameter_schema=None)["parameters"] == {}


def test_a_request_may_do_without_what_the_deployment_asks_for(runner: Runner) -> None:
    id = _deployment(runner)
    runner.deployments.patched(id, enforce_parameter_schema=True)

    assert runner.run(id, enforce_parameter_schema=False, parameters={"n": "x"})


def test_parameters_are_checked_as_they_will_be(runner: Runner) -> None:
    id = _deployment(runner)
    enforced = {"enforce_parameter_schema": True}

    def json(text: str) -> dict[str, Any]:
        return {"n": {"__prefect_kind": "json", "value": text}}

    assert runner.refusal(id, parameters=json('"x"'), **enforced)[1].endswith(MISFIT)
    assert runner.run(id, parameters=json("3"), **enforced)["parameters"] == {"n": 3}


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"__prefect_kind": "json", "value": "["}, "Invalid JSON: "),
        ({"__prefect_kind": "jinja", "template": "{{"}, "Invalid jinja: "),
        ({"__prefect_kind": "none"}, "Missing 'value' key in __prefect object"),
        (
            {"__prefect_kind": "workspace_variable", "variable_name": "no"},
            "Variable 'no' not found in workspace.",
        ),
    ],
)
def test_what_stands_for_nothing_is_refused(
    runner: Runner, value: dict[str, Any], reason: str
) -> None:
    status, answered = runner.refusal(_deployment(runner), parameters={"a": value})

    assert status == 400
    assert answered.startswith(f"Error hydrating flow run parameters: {reason}")


def test_parameters_as_a_whole_stand_for_an_object(runner: Runner) -> None:
    whole = {"__prefect_kind": "json", "value": '{"a": 1}'}
    id = _deployment(runner)

    assert runner.refusal(id, parameters={**whole, "value": "[1]"})[0] == 400
    assert runner.run(id, parameters=whole)["parameters"] == {"a": 1}


def test_without_a_schema_nothing_can_be_enforced(runner: Runner) -> None:
    id = _deployment(runner, None)

    status, reason = runner.refusal(id, enforce_parameter_schema=True)

    assert status == 409
    assert reason.endswith("the deployment does not have a valid parameter schema.")


def test_anything_fits_a_schema_that_says_nothing(runner: Runner) -> None:
    id = runner.deployments.new()["id"]

    assert runner.run(id, parameters={"a": 1}, enforce_parameter_schema=True)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (CIRCLE, "Unable to validate schema with circular references."),
        ({"type": "odd"}, "'odd' is not valid under any of the given schemas"),
        ({"properties": {"a": {"pattern": "("}}}, "'(' is not a 'regex'"),
    ],
)
def test_what_is_no_schema_is_told(runner: Runner, schema: dict[str, Any], reason: str) -> None:
    id = _deployment(runner, schema)

    answered = runner.refusal(id, parameters={"a": 1}, enforce_parameter_schema=True)

    assert answered == (422, f"Invalid schema: {reason}")


def test_schemas_are_not_fetched_from_elsewhere(runner: Runner) -> None:
    id = _deployment(runner, {"properties": {"a": {"$ref": "http://localhost:9/a"}}})

    status, reason = runner.refusal(id, parameters={"a": 1}, enforce_parameter_schema=True)

    assert status == 409
    assert reason.endswith("Failure reason: Unresolvable: http://localhost:9/a")


def _in_pool(runner: Runner, variables: dict[str, Any], **own: Any) -> str:
    """The id of a deployment in a pool with these variables, with job variables of its own."""
    id = str(runner.deployments.new(work_pool_name=runner.pool(variables))["id"])
    if own:
        runner.deployments.patched(id, job_variables=own)
    return id


def _refused(runner: Runner, id: str, **job_variables: Any) -> str:
    status, reason = runner.refusal(id, job_variables=job_variables)
    assert status == 422
    assert reason.startswith("Error creating flow run: ")
    return reason.removeprefix("Error creating flow run: ")


def test_job_variables_have_to_fit_the_pools_template(runner: Runner) -> None:
    id = _in_pool(runner, {"properties": {"n": INTEGER}, "required": ["n"]})

    assert _refused(runner, id, n="x") == MISFIT
    assert _refused(runner, id) == MISSING
    assert runner.run(id, job_variables={"n": 1, "other": 2})


def test_a_run_goes_before_its_deployment_and_that_before_the_template(runner: Runner) -> None:
    id = _in_pool(runner, {"properties": {"n": {**INTEGER, "default": 0}}}, n="x")

    assert "'x' is not valid under any" in _refused(runner, id)
    assert runner.run(id, job_variables={"n": 1})["job_variables"] == {"n": 1}


def test_a_default_of_the_template_is_enough(runner: Runner) -> None:
    variables = {"properties": {"n": {**INTEGER, "default": 0}}, "required": ["n"]}

    assert runner.run(_in_pool(runner, variables))


def test_where_a_default_is_wrong_nothing_is_required(runner: Runner) -> None:
    variables = {"properties": {"n": {**INTEGER, "default": "x"}, "m": INTEGER}, "required": ["m"]}

    assert runner.run(_in_pool(runner, variables))


def test_variables_that_are_no_schema_are_told(runner: Runner) -> None:
    id = _in_pool(runner, {"properties": {"n": {"type": "odd"}}})

    status, reason = runner.refusal(id, job_variables={"n": 1})

    assert (status, reason.split(":")[0]) == (422, "Invalid schema")


def test_a_block_that_the_template_names_has_to_be_there(runner: Runner) -> None:
    default = {"$ref": {"block_document_id": NOBODY}}
    id = _in_pool(runner, {"properties": {"a": {"default": default}}})

    assert runner.refusal(id) == (404, "Block not found.")


def test_of_a_block_that_the_template_names_the_data_counts(runner: Runner) -> None:
    block = Blocks(runner.application, "n").new({"n": 7})
    spec = {"type": "object", "properties": {"n": INTEGER}, "required": ["n"]}
    variables = {"properties": {"a": {**spec, "default": block.ref}, "b": INTEGER}}
    id = _in_pool(runner, {**variables, "required": ["a", "b"]})

    missing = "Validation failed. Failure reason: 'b' is a required property"
    assert runner.refusal(id) == (422, f"Error creating flow run: {missing}")
    assert runner.run(id, job_variables={"b": 1})


def test_parameters_are_looked_at_before_job_variables(runner: Runner) -> None:
    id = _in_pool(runner, {"properties": {"n": INTEGER}, "required": ["n"]})

    status, _ = runner.refusal(id, parameters={"a": {"__prefect_kind": "none"}})

    assert status == 400


def test_all_is_checked_even_if_there_is_a_run_with_the_key(runner: Runner) -> None:
    id = _deployment(runner)
    runner.run(id, idempotency_key="k")

    answer = runner.ask(id, idempotency_key="k", enforce_parameter_schema=True)

    assert answer.status_code == 409


class Aside:
    """Stands where checks are done in a thread, and tells of each.

    Attributes:
        count: of the checks.
        meanwhile: a unit of work that is done before the first check.
    """

    def __init__(self, runner: Runner) -> None:
        self.count = 0
        self.meanwhile: Callable[[Transaction], None] | None = None
        self._database = runner.application.runtime.database

    async def __call__(self, check: Callable[..., Any], *args: Any) -> Any:
        self.count += 1
        if self.meanwhile is not None:
            await self._database.write(self.meanwhile)
            self.meanwhile = None
        return await run_aside(check, *args)


@pytest.fixture
def aside(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> Aside:
    aside = Aside(runner)
    monkeypatch.setattr(run_routes, "run_aside", aside)
    return aside


SLOW = {"properties": {"n": {"pattern": "^(a|aa)+$"}}}


def test_a_schema_that_is_not_known_yet_is_looked_at_aside(runner: Runner, aside: Aside) -> None:
    id = _deployment(runner, {**SCHEMA, "title": f"{uuid.uuid4()}"})

    for _ in range(3):
        runner.run(id, parameters={"n": 1}, enforce_parameter_schema=True)

    assert aside.count == 1


@pytest.mark.parametrize(
    "parameters", [{"n": "aa"}, {"n": {"__prefect_kind": "jinja", "template": "aa"}}]
)
def test_what_may_take_its_time_is_looked_at_aside(
    runner: Runner, aside: Aside, parameters: dict[str, Any]
) -> None:
    id = _deployment(runner, SLOW)

    for _ in range(2):
        runner.run(id, parameters=parameters, enforce_parameter_schema=True)

    assert aside.count == 2


def test_what_changes_during_the_check_is_checked_again(runner: Runner, aside: Aside) -> None:
    id = _deployment(runner, SLOW)

    def forbid(tx: Transaction) -> None:
        schema = '{"additionalProperties": false, "pattern": "a"}'
        changed = update(deployment).where(deployment.c.id == id)
        tx.connection.execute(changed.values(parameter_openapi_schema=schema, updated=tx.now() + 1))

    aside.meanwhile = forbid

    status, reason = runner.refusal(id, parameters={"n": 1}, enforce_parameter_schema=True)

    assert (status, aside.count) == (409, 2)
    assert "Additional properties are not allowed" in reason


@pytest.mark.parametrize("at_once", [True, False])
def test_a_deployment_that_goes_during_the_check_is_not_there(
    runner: Runner, aside: Aside, at_once: bool
) -> None:
    id = _deployment(runner, SLOW)

    def go(tx: Transaction) -> None:
        tx.connection.execute(delete(deployment).where(deployment.c.id == id))

    aside.meanwhile = go
    body = {"parameters": {"n": "a"}, "enforce_parameter_schema": True}

    answer = runner.ask_many(id, [body]) if at_once else runner.ask(id, **body)

    assert (answer.status_code, answer.json()) == (404, {"detail": "Deployment not found"})
    assert runner.deployments.runs(id) == set()


def test_many_runs_are_checked_again_if_the_deployment_changes(
    runner: Runner, aside: Aside
) -> None:
    id = _deployment(runner, SLOW)

    def change(tx: Transaction) -> None:
        changed = update(deployment).where(deployment.c.id == id)
        tx.connection.execute(changed.values(version="2", updated=tx.now() + 1))

    aside.meanwhile = change

    [result] = runner.many(id, {})

    assert aside.count == 2
    assert runner.read(result["flow_run_id"])["deployment_version"] == "2"
