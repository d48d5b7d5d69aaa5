"""Objects that are there, and their ids in the place of invented ones."""

from __future__ import annotations

import itertools
import json
import re
import zlib
from typing import Any

import httpx

from tests.api.objects import made, new_flow, new_flow_run, new_task_run, states_of

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

#: The key of an input that flow runs have, and of an artifact.
KEY = "known"


class Known:
    """Ids of objects of every kind.

    Args:
        api: where to make the objects.
    """

    def __init__(self, api: httpx.Client) -> None:
        self._api = api
        self.ids: dict[str, list[str]] = {}
        self.name = ""
        self._turns = itertools.count()

    def renew(self) -> None:
        """Make new objects: what was made before may be changed or deleted by now."""
        new = new_flow(self._api, tags=["a"], labels={"a": 1})
        flow, self.name = new["id"], new["name"]
        run = new_flow_run(self._api, "RUNNING", flow_id=flow, parameters={"a": [1]})["id"]
        task = new_task_run(self._api, "RUNNING", flow_run_id=run)["id"]
        child = new_flow_run(self._api, flow_id=flow, parent_task_run_id=task)["id"]
        alone = new_task_run(self._api)["id"]
        log = {
            "name": "a",
            "level": 20,
            "message": "a",
            "timestamp": "2024-01-01T00:00:00Z",
            "flow_run_id": run,
            "task_run_id": task,
        }
        assert self._api.post("/logs/", json=[log]).status_code == 201
        search = self._api.put("/saved_searches/", json={"name": self.name}).json()["id"]
        variable = made(self._api, "/variables/", {"name": self.name, "value": [1]})["id"]
        artifact = made(self._api, "/artifacts/", {"key": KEY, "data": 1, "flow_run_id": run})["id"]
        pool = made(self._api, "/work_pools/", {"name": self.name, "type": "process"})
        path = f"/work_pools/{self.name}"
        queue = made(self._api, f"{path}/queues", {"name": self.name})["id"]
        self._api.post(f"{path}/workers/heartbeat", json={"name": self.name})
        schedules = [{"schedule": {"cron": "0 * * * *"}, "slug": "a"}]
        deployment = made(
            self._api,
            "/deployments/",
            {"name": self.name, "flow_id": flow, "schedules": schedules, "work_queue_name": "a"},
        )
        limit = {"tag": self.name, "concurrency_limit": 1}
        limit_id = made(self._api, "/concurrency_limits/", limit)["id"]
        self.ids = {
            "flow": [flow],
            "concurrency_limit": [limit_id],
            "deployment": [deployment["id"]],
            "schedule": [deployment["schedules"][0]["id"]],
            "saved_searche": [search],  # (the first segment of the path without its s)
            "variable": [variable],
            "artifact": [artifact],
            "flow_run": [run, child],
            "task_run": [task, alone],
            "work_pool": [pool["id"]],
            "work_queue": [queue, pool["default_queue_id"]],
            "flow_run_state": [states_of(self._api, "flow_run", run)[0]["id"]],
            "task_run_state": [states_of(self._api, "task_run", task)[0]["id"]],
        }

    def read_back(self) -> None:
        """Everything that was written can still be read."""
        runs = ("flows", "flow_runs", "task_runs", "logs", "work_pools", "deployments")
        for kind in (*runs, "variables", "artifacts", "artifacts/latest"):
            answer = self._api.post(f"/{kind}/filter")
            assert answer.status_code == 200, answer.text
            json.loads(answer.content, parse_constant=_refuse)

    def placed_in_path(self, parameters: Any, kind: str) -> Any:
        """Parameters of a path with known ids, and in every second a known name, in them."""
        placed = self.placed(parameters, kind)
        # In turns, not by what was made up: that depends on which modules are loaded.
        names = ("name", "work_pool_name", "flow_name", "deployment_name")
        known = {**dict.fromkeys(names, self.name), "key": KEY, "tag": self.name}
        if isinstance(placed, dict) and known.keys() & placed.keys() and next(self._turns) % 2:
            self._send_input(placed.get("id"))
            return {key: known.get(key, item) for key, item in placed.items()}
        return placed

    def _send_input(self, flow_run_id: Any) -> None:
        """Send a flow run the text that is asked for: the last request may have deleted it."""
        if flow_run_id in self.ids["flow_run"]:
            body = {"key": KEY, "value": "a"}
            self._api.post(f"/flow_runs/{flow_run_id}/input", json=body)

    def placed(self, value: Any, kind: str) -> Any:
        """`value` with three of four ids in it replaced by known ones, always the same three.

        Args:
            value: JSON, or what a fuzzer sends instead.
            kind: what an id stands for where no key says so.
        """
        if isinstance(value, str) and _UUID.fullmatch(value):
            choice = _choice(value)
            if choice % 4 == 0:
                return value
            known = self.ids.get(kind) or list(itertools.chain(*self.ids.values()))
            return known[choice // 4 % len(known)]
        if isinstance(value, dict):
            return {key: self.placed(item, _kind(key, kind)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.placed(item, kind) for item in value]
        return value


def _choice(value: str) -> int:
    """A number that depends on `value` alone, in every process."""
    return zlib.crc32(value.encode(errors="replace"))


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def _kind(key: Any, kind: str) -> str:
    """What the ids below a key stand for: ``flow_run_id`` and ``flow_runs`` both name flow runs."""
    if isinstance(key, str) and key.endswith(("_id", "s")) and key != "tags":
        return key.removesuffix("_id").removesuffix("s").removeprefix("parent_")
    return kind
