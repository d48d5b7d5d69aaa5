"""Values that no sensible client sends: refused with a reason, or kept so that they do no harm."""

from __future__ import annotations

import base64
import random
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.application import Application

JSON = {"content-type": "application/json"}


def long_text() -> str:
    """Text that does not become much shorter when it is compressed."""
    return "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=12_000))


@pytest.mark.parametrize("key", ["\\ud800", "\\u0000"])
def test_a_pause_key_that_no_database_stores_is_refused(application: Application, key: str) -> None:
    flow = application.post("/flows/", {"name": "pauses"}).json()
    body = f'{{"flow_id":"{flow["id"]}","empirical_policy":{{"pause_keys":["a","{key}"]}}}}'

    answer = application.post("/flow_runs/", content=body, headers=JSON)

    assert answer.status_code == 422
    [detail] = answer.json()["exception_detail"]
    assert detail["loc"] == ["body", "empirical_policy", "pause_keys", 1]


def created_by(application: Application, name: bytes) -> dict[str, Any] | None:
    """What becomes of a name in the header of an automation."""
    flow = application.post("/flows/", {"name": "automated"}).json()
    headers = {b"prefect-automation-id": str(uuid4()).encode(), b"prefect-automation-name": name}
    answer = application.post("/flow_runs/", {"flow_id": flow["id"]}, headers=headers)
    assert answer.status_code == 201
    creator: dict[str, Any] | None = answer.json()["created_by"]
    return creator


def test_an_automation_with_a_name_beyond_ascii_is_nobody(application: Application) -> None:
    assert created_by(application, "Ünruh".encode()) is None


def test_runs_of_an_automation_with_a_nul_in_its_name_are_found(application: Application) -> None:
    made = created_by(application, base64.b64encode(b"a\0b"))
    assert made is not None
    assert made["display_value"] == "ab"

    query = {"flow_runs": {"created_by": {"id_": [made["id"]]}}}
    [found] = application.post("/flow_runs/filter", query).json()

    assert found["created_by"] == made


class TestLongTexts:
    """PostgreSQL takes no text of this length into an index; SQLite does."""

    def check(self, answer: httpx.Response, application: Application) -> bool:
        """Whether the text was taken; else the answer must say why not."""
        if application.runtime.database.dialect == "sqlite":
            assert answer.is_success
            return True
        assert answer.status_code == 422
        body = answer.json()
        assert set(body) == {"exception_message", "exception_detail", "request_body"}
        [detail] = body["exception_detail"]
        assert detail["loc"] == ["body"]
        assert "takes no text of this length: index row requires" in detail["msg"]
        return False

    def test_a_flow_of_a_long_name_is_made_or_refused(self, application: Application) -> None:
        answer = application.post("/flows/", {"name": long_text()})

        taken = self.check(answer, application)
        found = application.get(f"/flows/name/{long_text()}")
        assert found.status_code == (200 if taken else 404)

    def test_a_flow_run_with_a_long_key_is_made_or_refused(self, application: Application) -> None:
        flow = application.post("/flows/", {"name": "long keys"}).json()
        body = {"flow_id": flow["id"], "idempotency_key": long_text(), "tags": ["long key"]}

        taken = self.check(application.post("/flow_runs/", body), application)
        query = {"flow_runs": {"tags": {"all_": ["long key"]}}}
        assert application.post("/flow_runs/count", query).json() == int(taken)

    def test_a_state_of_a_long_name_is_entered_or_refused(self, application: Application) -> None:
        flow = application.post("/flows/", {"name": "long states"}).json()
        run = application.post("/flow_runs/", {"flow_id": flow["id"]}).json()
        body = {"state": {"type": "RUNNING", "name": long_text()}}

        taken = self.check(application.post(f"/flow_runs/{run['id']}/set_state", body), application)
        states = application.get("/flow_run_states/", params={"flow_run_id": run["id"]}).json()
        assert len(states) == 1 + taken

    def test_a_result_with_a_long_key_is_kept_or_refused(self, application: Application) -> None:
        run = application.post("/task_runs/", {"task_key": "long", "dynamic_key": "result"}).json()
        body = {"state": {"type": "COMPLETED", "data": {"artifact_key": long_text()}}}

        taken = self.check(application.post(f"/task_runs/{run['id']}/set_state", body), application)
        now = application.get(f"/task_runs/{run['id']}").json()
        assert now["state_type"] == ("COMPLETED" if taken else "PENDING")
