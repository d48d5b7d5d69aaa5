"""One variable: making, reading, changing and deleting it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from ephemeral_server.parameters.store import read_variables
from ephemeral_server.variables.schemas import Variable
from tests.api.shapes import assert_shape
from tests.application import Application

NOBODY = "00000000-0000-0000-0000-000000000000"
NOT_FOUND = {"detail": "Variable not found."}


def new_name() -> str:
    return f"v-{uuid4()}"


def make(application: Application, value: Any = 1, **members: Any) -> dict[str, Any]:
    body = {"name": new_name(), "value": value, **members}
    answer = application.post("/variables/", body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def refusal(application: Application, content: str) -> dict[str, Any]:
    """What is wrong with a variable to make, sent as it is."""
    headers = {"content-type": "application/json"}
    answer = application.post("/variables/", content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    found: dict[str, Any] = answer.json()["exception_detail"][0]
    return found


def test_a_new_variable_is_answered_as_it_was_given(application: Application) -> None:
    name = new_name()
    body = {"name": name, "value": {"é": [1.0, 2, None]}, "tags": ["b", "a", "a"]}
    answer = application.post("/variables/", body)

    assert answer.status_code == 201
    assert answer.json().items() >= body.items()
    assert_shape(Variable, answer.json())
    assert application.get(f"/variables/name/{name}").json() == answer.json()
    assert application.get(f"/variables/{answer.json()['id']}").json() == answer.json()


@pytest.mark.parametrize(
    "value",
    [None, True, 0, 1, 1.0, 1.5, "", "5", "true", [], {}, {"": []}, "nul\x00", 2**64 - 1, -(2**63)],
)
def test_a_value_comes_back_as_what_it_is(application: Application, value: Any) -> None:
    variable = make(application, value)
    found = application.get(f"/variables/{variable['id']}").json()["value"]

    assert (found, type(found)) == (value, type(value))
    assert application.read(read_variables, [variable["name"]]) == {variable["name"]: value}


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400"])
def test_numbers_that_json_lacks_become_null(application: Application, number: str) -> None:
    name = new_name()
    content = f'{{"name": "{name}", "value": [{number}]}}'
    headers = {"content-type": "application/json"}
    answer = application.post("/variables/", content=content, headers=headers)

    assert answer.json()["value"] == [None]
    assert application.get(f"/variables/name/{name}").json()["value"] == [None]


@pytest.mark.parametrize("value", ["x" * 4998, "é" * 2499, ["x" * 4996]])
def test_a_value_may_have_5000_bytes(application: Application, value: Any) -> None:
    assert make(application, value)["value"] == value


@pytest.mark.parametrize("value", ["x" * 4999, "é" * 2500, ["x" * 4997]])
def test_a_larger_value_is_refused(application: Application, value: Any) -> None:
    wrong = refusal(application, json.dumps({"name": new_name(), "value": value}))

    assert wrong["loc"] == ["body", "value"]
    assert wrong["msg"] == "Value error, Variable value must be less than 5000 characters"


@pytest.mark.parametrize(
    "value",
    [
        str(2**64),
        f'{{"a": [{-(2**63) - 1}]}}',
        '"\\ud800"',
        '{"\\ud800": 1}',
        "[" * 255 + "]" * 255,
        "[" * 500 + "]" * 500,
    ],
)
def test_a_value_that_clients_cannot_read_is_refused(application: Application, value: str) -> None:
    wrong = refusal(application, f'{{"name": "{new_name()}", "value": {value}}}')

    assert wrong["loc"] == ["body", "value"]
    assert wrong["msg"] == "Value error, Variable value must be serializable to JSON"


@pytest.mark.parametrize("name", ["A", "a b", "a/b", "é", "a.b", "a\n", "a\x00"])
def test_a_name_is_of_lower_case_letters_digits_dashes_and_underscores(
    application: Application, name: str
) -> None:
    wrong = refusal(application, json.dumps({"name": name, "value": 1}))

    assert wrong["loc"] == ["body", "name"]
    assert wrong["msg"] == (
        "Value error, Variable name must only contain lowercase letters, numbers, "
        "and dashes or underscores."
    )


def test_a_name_has_at_most_255_characters(application: Application) -> None:
    longest = new_name().ljust(255, "_")
    assert make(application, name=longest)["name"] == longest

    wrong = refusal(application, json.dumps({"name": longest + "_", "value": 1}))
    assert wrong["type"] == "too_long"
    assert wrong["msg"] == "Value should have at most 255 items after validation, not 256"


@pytest.mark.parametrize(
    ("members", "at"),
    [
        ({"value": 1}, "name"),
        ({"name": "a"}, "value"),
        ({"name": None, "value": 1}, "name"),
        ({"name": "a", "value": 1, "tags": None}, "tags"),
        ({"name": "a", "value": 1, "tags": ["nul\x00"]}, "tags"),
        ({"name": "a", "value": 1, "color": "red"}, "color"),
    ],
)
def test_a_body_of_another_shape_is_refused(
    application: Application, members: dict[str, Any], at: str
) -> None:
    assert refusal(application, json.dumps(members))["loc"][:2] == ["body", at]


def test_a_name_is_given_once(application: Application) -> None:
    variable = make(application, "first")
    answer = application.post("/variables/", {"name": variable["name"], "value": "second"})

    assert answer.status_code == 409
    assert answer.json() == {
        "detail": f"A variable with the name '{variable['name']}' already exists."
    }
    assert application.get(f"/variables/{variable['id']}").json() == variable


def test_of_many_who_make_one_name_one_succeeds(api: httpx.Client) -> None:
    def attempt(number: int) -> int:
        return api.post("/variables/", json={"name": "wanted", "value": number}).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(attempt, range(8)))
    assert codes == [201] + [409] * 7


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_change_replaces_what_it_names(application: Application, by: str) -> None:
    variable = make(application, "old", tags=["old"])
    path = f"/variables/{variable['id'] if by == 'id' else 'name/' + variable['name']}"
    renamed = new_name()
    changes: list[dict[str, Any]] = [{"value": None}, {"tags": []}, {"value": [1], "tags": ["a"]}]
    for change in changes:
        assert application.patch(path, change).status_code == 204
        variable |= change
        application.clock.advance(1)
    assert application.patch(path, {"name": renamed}).status_code == 204

    found = application.get(f"/variables/name/{renamed}").json()
    assert found.pop("updated") > variable.pop("updated")
    assert found == {**variable, "name": renamed}


def test_a_change_that_changes_nothing_is_a_change(application: Application) -> None:
    variable = make(application)
    application.clock.advance(1)
    application.patch(f"/variables/{variable['id']}", {})

    found = application.get(f"/variables/{variable['id']}").json()
    assert found["updated"] > variable["updated"]


def test_a_variable_keeps_its_own_name(application: Application) -> None:
    # Clients overwrite a variable with all that they know of it.
    variable = make(application)
    path = f"/variables/name/{variable['name']}"
    change = {"name": variable["name"], "value": 2, "tags": []}

    assert application.patch(path, change).status_code == 204
    assert application.get(path).json()["value"] == 2


def test_the_name_of_another_variable_is_refused(application: Application) -> None:
    one, other = make(application), make(application)
    answer = application.patch(f"/variables/{one['id']}", {"name": other["name"], "value": 2})

    assert answer.status_code == 409
    assert other["name"] in answer.json()["detail"]
    assert application.get(f"/variables/{one['id']}").json() == one


@pytest.mark.parametrize(
    "change", [{"name": None}, {"tags": None}, {"name": "A"}, {"value": "x" * 4999}, {"id": NOBODY}]
)
def test_a_change_to_what_cannot_be_is_refused(
    application: Application, change: dict[str, Any]
) -> None:
    variable = make(application)
    answer = application.patch(f"/variables/{variable['id']}", change)

    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", *change]
    assert application.get(f"/variables/{variable['id']}").json() == variable


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_deleted_variable_is_gone(application: Application, by: str) -> None:
    variable = make(application)
    path = f"/variables/{variable['id'] if by == 'id' else 'name/' + variable['name']}"

    assert application.delete(path).status_code == 204
    for method, body in (("GET", None), ("PATCH", {"value": 1}), ("DELETE", None)):
        answer = application.request(method, path, body)
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_all_that_happens_to_a_variable_is_told(application: Application) -> None:
    application.events.clear()
    variable = make(application, {"a": 1}, tags=["t"])
    path, first = f"/variables/{variable['id']}", variable["name"]
    renamed = new_name()
    application.patch(path, {"value": None})
    application.patch(path, {"name": renamed})
    application.delete(path)

    told = [(event.event, event.resource, event.related) for event in application.events]
    id = f"prefect.variable.{variable['id']}"
    assert told == [
        (f"prefect.variable.{what}", {"prefect.resource.id": id, "prefect.resource.name": name}, [])
        for what, name in [
            ("created", first),
            ("updated", first),
            ("updated", renamed),
            ("deleted", renamed),
        ]
    ]
    assert [event.payload for event in application.events] == [
        {"name": first, "value": {"a": 1}, "tags": ["t"]},
        {"name": first, "value": None, "tags": ["t"]},
        {"name": renamed, "value": None, "tags": ["t"]},
        {"name": renamed, "value": None, "tags": ["t"]},
    ]


def test_of_what_fails_nothing_is_told(application: Application) -> None:
    one, other = make(application), make(application)
    application.events.clear()
    application.post("/variables/", {"name": one["name"], "value": 2})
    application.patch(f"/variables/{one['id']}", {"name": other["name"]})
    application.delete(f"/variables/{NOBODY}")

    assert application.events == []
