"""Objects that tests of routes need, made through the API."""

from __future__ import annotations

import uuid
from typing import Any

import httpx

NOBODY = "00000000-0000-0000-0000-000000000000"


def made(api: httpx.Client, path: str, body: dict[str, Any], **given: Any) -> dict[str, Any]:
    """What a create route answers for something new."""
    answer = api.post(path, json=body, **given)
    assert answer.status_code == 201, answer.text
    object: dict[str, Any] = answer.json()
    return object


def new_flow(api: httpx.Client, **given: Any) -> dict[str, Any]:
    """A flow of a new name."""
    return made(api, "/flows/", {"name": f"flow-{uuid.uuid4()}", **given})


def new_flow_run(api: httpx.Client, state: str | None = None, **given: Any) -> dict[str, Any]:
    """A flow run, of a new flow unless one is named, in its first state."""
    if "flow_id" not in given:
        given["flow_id"] = new_flow(api)["id"]
    if state is not None:
        given["state"] = {"type": state}
    return made(api, "/flow_runs/", given)


def new_task_run(api: httpx.Client, state: str | None = None, **given: Any) -> dict[str, Any]:
    """A task run with keys of its own."""
    if state is not None:
        given["state"] = {"type": state}
    return made(api, "/task_runs/", {"task_key": "t", "dynamic_key": str(uuid.uuid4()), **given})


def set_state(api: httpx.Client, path: str, type: str, **given: Any) -> httpx.Response:
    """Propose a state to the run below `path`; `force` is no member of the state."""
    force = given.pop("force", False)
    return api.post(f"{path}/set_state", json={"state": {"type": type, **given}, "force": force})


def states_of(api: httpx.Client, kind: str, id: str) -> list[dict[str, Any]]:
    """The states of a ``flow_run`` or ``task_run``."""
    states: list[dict[str, Any]] = api.get(f"/{kind}_states/", params={f"{kind}_id": id}).json()
    return states
