"""Flow runs and task runs whose states a test proposes, and what it is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from ephemeral_server.clock import SECOND, isoformat
from ephemeral_server.database.tables import deployment, flow_run, task_run
from ephemeral_server.events.model import Event
from tests.application import Application

Json = dict[str, Any]

TYPES = (
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "CRASHED",
    "PAUSED",
    "CANCELLING",
)

#: A result that is kept somewhere, and one that is not.
PERSISTED = {"type": "reference", "storage_key": "results/1"}
UNPERSISTED = {"type": "unpersisted"}


def state(type: str, name: str | None = None, message: str | None = None, **rest: Any) -> Json:
    """A state as a client proposes it; `rest` is its data and members of its details."""
    body: Json = {"type": type}
    if name is not None:
        body["name"] = name
    if message is not None:
        body["message"] = message
    if "data" in rest:
        body["data"] = rest.pop("data")
    if rest:
        body["state_details"] = rest
    return body


@dataclass(frozen=True)
class Answer:
    """What a proposed state was answered with.

    Attributes:
        code: the status code: 201 if a state was entered, 200 if not.
        status: one of ACCEPT, REJECT, ABORT and WAIT.
        details: the other half of the answer.
        state: the state that the run is in now.
    """

    code: int
    status: str
    details: Json
    state: Json | None

    @property
    def reason(self) -> str | None:
        reason: str | None = self.details.get("reason")
        return reason

    @property
    def type(self) -> str | None:
        return self.state["type"] if self.state else None

    @property
    def name(self) -> str | None:
        return self.state["name"] if self.state else None


class Run:
    """One flow run or task run.

    Args:
        application: where it is.
        kind: ``flow_run`` or ``task_run``.
        id: of the run.
    """

    def __init__(self, application: Application, kind: str, id: str) -> None:
        self.application, self.kind, self.id = application, kind, id

    def propose(
        self,
        type: str,
        name: str | None = None,
        message: str | None = None,
        *,
        force: bool = False,
        headers: dict[str, str] | None = None,
        **rest: Any,
    ) -> Answer:
        """Propose a state; `rest` is its data and members of its details."""
        body = {"state": state(type, name, message, **rest), "force": force}
        path = f"/{self.kind}s/{self.id}/set_state"
        reply = self.application.post(path, body, headers=headers)
        assert reply.status_code in (200, 201), reply.text
        answer = reply.json()
        return Answer(reply.status_code, answer["status"], answer["details"], answer["state"])

    def read(self) -> Json:
        """The run as the API shows it."""
        run: Json = self.application.get(f"/{self.kind}s/{self.id}").json()
        return run

    def change(self, **members: Any) -> None:
        """Patch the run."""
        reply = self.application.patch(f"/{self.kind}s/{self.id}", members)
        assert reply.status_code == 204, reply.text

    @property
    def state(self) -> Json:
        """The state the run is in."""
        state: Json = self.read()["state"]
        return state

    @property
    def policy(self) -> Json:
        policy: Json = self.read()["empirical_policy"]
        return policy

    def states(self) -> list[Json]:
        """Every state the run was in, the oldest first."""
        query = {f"{self.kind}_id": self.id}
        states: list[Json] = self.application.get(f"/{self.kind}_states/", params=query).json()
        return states

    def events(self) -> list[Event]:
        """What was told of this run, the oldest first."""
        own = f"prefect.{self.kind.replace('_', '-')}.{self.id}"
        return [event for event in self.application.events if event.resource_id == own]


class Runs:
    """Makes runs of one flow.

    Args:
        application: where to make them.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.clock = application.clock
        self.flow_name = f"flow-{uuid4()}"
        reply = application.post("/flows/", {"name": self.flow_name, "tags": ["of-flow"]})
        self.flow_id: str = reply.json()["id"]

    def flow_run(self, type: str = "PENDING", state_name: str | None = None, **given: Any) -> Run:
        """A flow run in its first state.

        Args:
            type, state_name: of the state.
            **given: members of the request, and of the state if they begin with ``state_``;
                ``headers`` are those of the request.
        """
        headers = given.pop("headers", None)
        first = _first_state(type, state_name, given)
        return self._made("flow_run", {"flow_id": self.flow_id, "state": first, **given}, headers)

    def task_run(self, type: str = "PENDING", state_name: str | None = None, **given: Any) -> Run:
        """A task run in its first state; the arguments are those of `flow_run`."""
        keys = {"task_key": "t", "dynamic_key": str(uuid4())}
        first = _first_state(type, state_name, given)
        return self._made("task_run", {**keys, "state": first, **given})

    def stateless_flow_run(self, **columns: Any) -> Run:
        """A flow run without any state, which no route makes."""
        id = self.application.insert(flow_run, flow_id=self.flow_id, **columns)
        return Run(self.application, "flow_run", id)

    def stateless_task_run(self, **columns: Any) -> Run:
        """A task run without any state, which no route makes."""
        keys = {"task_key": "t", "dynamic_key": str(uuid4())}
        id = self.application.insert(task_run, **{**keys, **columns})
        return Run(self.application, "task_run", id)

    def deployment(self, tags: tuple[str, ...] = (), **columns: Any) -> str:
        """A deployment of the flow; its id."""
        own = {"flow_id": self.flow_id, "tags": json.dumps(tags)}
        return self.application.insert(deployment, **own, **columns)

    def now(self, later: float = 0) -> str:
        """The instant some seconds after the present one."""
        return isoformat(self.clock.now() + round(later * SECOND))

    def _made(self, kind: str, body: Json, headers: dict[str, str] | None = None) -> Run:
        reply = self.application.post(f"/{kind}s/", body, headers=headers)
        assert reply.status_code == 201, reply.text
        return Run(self.application, kind, reply.json()["id"])


def _first_state(type: str, name: str | None, given: Json) -> Json:
    """A state from the members of `given` that begin with ``state_``, which are taken out."""
    members = {key[6:]: given.pop(key) for key in list(given) if key.startswith("state_")}
    return state(type, name, **members)
