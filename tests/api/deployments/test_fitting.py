"""Parameters and job variables have to fit what describes them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.deployments.conftest import Deployments

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n", "m"]}
OPTIONAL = {"type": "object", "properties": {"n": {"type": "integer"}}}
CIRCLE = {"$ref": "#"}
NOWHERE = {"$ref": "#/definitions/x"}
NO_SCHEMA = {"type": "banana"}
NOT_A_NUMBER = "Validation failed for field 'n'. Failure reason: 'x' is not of type 'integer'"

TEMPLATE = {
    "job_configuration": {"image": "{{ image }}", "n": "{{ n }}"},
    "variables": {
        "type": "object",
        "properties": {"image": {"type": "string"}, "n": {"type": "integer", "default": 3}},
        "required": ["image"],
    },
}


def as_json(value: str) -> dict[str, str]:
    return {"__prefect_kind": "json", "value": value}


@pytest.mark.parametrize(
    ("parameters", "schema", "why"),
    [
        ({"n": "x"}, NUMBER, NOT_A_NUMBER),
        ({"n": as_json("1")}, OPTIONAL, "is not of type 'integer'"),
        ({"n": None}, OPTIONAL, "None is not of type 'integer'"),
        (
            {},
            NO_SCHEMA,
            "The provided schema is not a valid json schema. Schema error: 'banana' is not valid",
        ),
        ({}, NOWHERE, "PointerToNowhere: '/definitions/x' does not exist"),
        ({}, CIRCLE, "Unable to validate schema with circular references."),
    ],
)
def test_parameters_of_a_new_one_that_do_not_fit_are_refused(
    deployments: Deployments, parameters: dict[str, Any], schema: dict[str, Any], why: str
) -> None:
    body = deployments.body(
        parameters=parameters, parameter_openapi_schema=schema, enforce_parameter_schema=True
    )

    answer = deployments.application.post("/deployments/", body)

    assert answer.status_code == 422
    (error,) = answer.json()["exception_detail"]
    assert (error["type"], error["loc"], error["input"]) == ("value_error", ["body"], body)
    assert error["msg"].startswith("Value error, ")
    assert why in error["msg"]


@pytest.mark.parametrize(
    "given",
    [
        {"parameters": {"n": 1}, "parameter_openapi_schema": NUMBER},  # m may come later
        {"parameters": {"n": "x"}, "parameter_openapi_schema": {}},
        {"parameters": {"n": "x"}, "parameter_openapi_schema": None},
        {"parameters": {"n": "x"}},
    ],
)
def test_parameters_of_a_new_one_that_fit_are_taken(
    deployments: Deployments, given: dict[str, Any]
) -> None:
    made = deployments.new(**given, enforce_parameter_schema=True)

    assert made["parameters"] == given["parameters"]


@pytest.mark.parametrize("asked", [{}, {"enforce_parameter_schema": False}])
def test_parameters_of_a_new_one_are_not_checked_unless_it_asks(
    deployments: Deployments, asked: dict[str, bool]
) -> None:
    made = deployments.new(parameters={"n": "x"}, parameter_openapi_schema=NUMBER, **asked)

    assert made["parameters"] == {"n": "x"}


# What is there, what is sent, status and reason.
REFUSED: list[tuple[dict[str, Any], dict[str, Any], int, str]] = [
    ({}, {"parameters": {"n": "x"}}, 409, "Validation failed for field 'n'."),
    ({}, {"parameter_openapi_schema": NOWHERE}, 409, "PointerToNowhere"),
    ({}, {"parameter_openapi_schema": CIRCLE}, 422, "Invalid schema: Unable to validate"),
    ({}, {"parameter_openapi_schema": NO_SCHEMA}, 422, "Invalid schema: 'banana'"),
    ({}, {"parameters": as_json("7")}, 409, "7 is not of type 'object'"),
    (
        {"enforce_parameter_schema": False},
        {"parameters": as_json("7")},
        409,
        "7 is not of type 'object'",
    ),
    ({}, {"parameters": {"n": as_json("{")}}, 400, "Invalid JSON: "),
    (
        {},
        {"parameters": {"n": {"__prefect_kind": "workspace_variable", "variable_name": "no"}}},
        400,
        "Variable 'no' not found in workspace.",
    ),
    (
        {"parameters": {"n": "x"}, "enforce_parameter_schema": False},
        {"enforce_parameter_schema": True},
        409,
        "Validation failed for field 'n'.",
    ),
    ({"parameters": {"n": "x"}}, {"tags": ["t"]}, 409, "Validation failed for field 'n'."),
    (
        {"parameter_openapi_schema": None},
        {"tags": ["t"]},
        409,
        "the deployment does not have a valid parameter schema.",
    ),
]


@pytest.mark.parametrize(("known", "given", "status", "why"), REFUSED)
def test_a_change_that_does_not_fit_is_refused(
    deployments: Deployments,
    known: dict[str, Any],
    given: dict[str, Any],
    status: int,
    why: str,
) -> None:
    made = deployments.new(**{"parameter_openapi_schema": OPTIONAL, **known})

    answer = deployments.patch(made["id"], **given)

    assert answer.status_code == status
    detail = answer.json()["detail"]
    prefixes = {409: "Error updating deployment: ", 400: "Error hydrating deployment parameters: "}
    assert detail.startswith(prefixes.get(status, ""))
    assert why in detail
    assert deployments.read(made["id"]) == made


@pytest.mark.parametrize(
    ("given", "parameters"),
    [
        ({"parameters": {"n": None}, "parameter_openapi_schema": OPTIONAL}, {"n": None}),
        ({"parameters": {"n": as_json("5"), "m": [as_json("[1]")]}}, {"n": 5, "m": [[1]]}),
        ({"parameters": as_json('{"n": 8}')}, {"n": 8}),
        ({"parameters": {"n": "x"}, "enforce_parameter_schema": False}, {"n": "x"}),
        ({"parameters": {"n": "x"}, "parameter_openapi_schema": {}}, {"n": "x"}),
        ({"parameters": {"other": 1}}, {"other": 1}),
        ({"parameter_openapi_schema": None}, {"n": 1}),
    ],
)
def test_a_change_that_fits_is_made(
    deployments: Deployments, given: dict[str, Any], parameters: dict[str, Any]
) -> None:
    made = deployments.new(parameters={"n": 1}, parameter_openapi_schema=NUMBER)

    assert deployments.patched(made["id"], **given)["parameters"] == parameters


def test_job_variables_of_a_new_one_have_to_fit_its_pool(deployments: Deployments) -> None:
    pool = deployments.pool(base_job_template=TEMPLATE)

    def post(**given: Any) -> Any:
        return deployments.application.post("/deployments/", deployments.body(**given))

    refused = post(work_pool_name=pool, job_variables={"n": "x"})

    assert refused.status_code == 422
    assert refused.json()["detail"] == (
        "Error creating deployment: Validation failed for field 'n'. Failure reason: 'x' is not "
        "valid under any of the given schemas"
    )
    for variables in ({}, {"n": 5}, {"n": None, "unknown": 1}):
        assert post(work_pool_name=pool, job_variables=variables).status_code == 201
    assert post(job_variables={"n": "x"}).status_code == 201
    assert post(work_pool_name="nowhere", job_variables={"n": "x"}).status_code == 404
    old = "default-agent-pool"
    assert post(work_pool_name=old, job_variables={"n": "x"}).status_code == 201


def test_changed_job_variables_have_to_fit_a_pool_that_is_named(deployments: Deployments) -> None:
    pool = deployments.pool(base_job_template=TEMPLATE)
    made = deployments.new(work_pool_name=pool)

    refused = deployments.patch(made["id"], work_pool_name=pool, job_variables={"image": 5})

    assert refused.status_code == 409
    assert refused.json()["detail"] == (
        "Error updating deployment: Validation failed for field 'image'. Failure reason: 5 is not "
        "of type 'string'"
    )
    assert deployments.read(made["id"]) == made
    deployments.patched(made["id"], job_variables={"n": "x"})
    deployments.patched(made["id"], work_pool_name=pool)
    deployments.patched(made["id"], work_pool_name=pool, job_variables={"n": 5})
