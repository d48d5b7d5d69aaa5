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

#: The key of an input that flow runs have, and of artifacts.
KEY = "known"
#: A view of the collections.
VIEW = "aggregate-worker-metadata"
#: What can be listed.
_LISTS = (
    "flows",
    "flow_runs",
    "task_runs",
    "logs",
    "work_pools",
    "deployments",
    "block_types",
    "block_schemas",
    "block_documents",
    "variables",
    "artifacts",
    "artifacts/latest",
    "concurrency_limits",
    "v2/concurrency_limits",
)
#: Parameters of paths that stand for the name that everything has.
_NAMES = (
    "name",
    "work_pool_name",
    "flow_name",
    "deployment_name",
    "slug",
    "block_document_name",
    "tag",
    "id_or_name",
)


class Known:
    """Ids of objects of every kind.

    Args:
        api: where to make the objects.
    """

    def __init__(self, api: httpx.Client) -> None:
        self._api = api
        self.ids: dict[str, list[str]] = {}
        self.name = ""
        self._checksum = ""
        self._kept: dict[tuple[str, ...], dict[str, list[str]]] = {}
        self._turns = itertools.count()

    def renew(self, area: str) -> None:
        """Make new objects: what was made before may be changed or deleted by now.

        Args:
            area: the part of the paths that is tried; what only others change is kept.
        """
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
        self.ids = {
            "flow": [flow],
            "deployment": [deployment["id"]],
            "schedule": [deployment["schedules"][0]["id"]],
            "saved_searche": [search],  # (the first segment of the path without its s)
            "flow_run": [run, child],
            "task_run": [task, alone],
            "work_pool": [pool["id"]],
            "work_queue": [queue, pool["default_queue_id"]],
            "flow_run_state": [states_of(self._api, "flow_run", run)[0]["id"]],
            "task_run_state": [states_of(self._api, "task_run", task)[0]["id"]],
        }
        for areas, make in (
            (("block_types", "block_schemas", "block_documents"), self._blocks),
            (("variables", "artifacts"), self._records),
            (("concurrency_limits", "v2"), self._limits),
        ):
            if area in areas or areas not in self._kept:
                self._kept[areas] = make(run, task)
            self.ids |= self._kept[areas]

    def _blocks(self, run: str, task: str) -> dict[str, list[str]]:
        """A document with a secret that refers to another one of its schema and type."""
        type = made(self._api, "/block_types/", {"name": self.name, "slug": self.name})["id"]
        fields = {
            "title": self.name,  # (the checksum, too, is of its own)
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "secret_fields": ["a"],
            "block_schema_references": {},
        }
        given = {"fields": fields, "block_type_id": type, "capabilities": ["write-path"]}
        schema = made(self._api, "/block_schemas/", given)
        self._checksum = schema["checksum"]
        inner, outer = (
            made(
                self._api,
                "/block_documents/",
                {
                    "name": name,
                    "block_type_id": type,
                    "block_schema_id": schema["id"],
                    "data": {"a": "b"},
                },
            )["id"]
            for name in (f"{self.name}-inner", self.name)
        )
        data = {"inner": {"$ref": {"block_document_id": inner}}}
        answer = self._api.patch(f"/block_documents/{outer}", json={"data": data})
        assert answer.status_code == 204, answer.text
        return {
            "block_type": [type],
            "block_schema": [schema["id"]],
            "block_document": [outer, inner],
        }

    def _records(self, run: str, task: str) -> dict[str, list[str]]:
        """A variable, and two artifacts of one key."""
        given = {"name": self.name, "value": [1], "tags": ["a"]}
        variable = made(self._api, "/variables/", given)["id"]
        body = {"key": KEY, "type": "markdown", "data": "a", "flow_run_id": run}
        older = made(self._api, "/artifacts/", body)["id"]
        latest = made(self._api, "/artifacts/", {**body, "task_run_id": task})["id"]
        return {"variable": [variable], "artifact": [latest, older]}

    def _limits(self, run: str, task: str) -> dict[str, list[str]]:
        """A limit of which a task run holds slots, and one of a tag."""
        limit = made(self._api, "/v2/concurrency_limits/", {"name": self.name, "limit": 5})["id"]
        body = {"tag": self.name, "concurrency_limit": 1}
        of_tag = made(self._api, "/concurrency_limits/", body)["id"]
        lease = self._api.post(
            "/v2/concurrency_limits/increment-with-lease",
            json={
                "names": [self.name],
                "slots": 2,
                "mode": "concurrency",
                "holder": {"type": "task_run", "id": task},
            },
        ).json()["lease_id"]
        return {"concurrency_limit": [of_tag, limit], "lease": [lease]}

    def read_back(self) -> None:
        """Everything that was written can still be read."""
        for kind in _LISTS:
            answer = self._api.post(f"/{kind}/filter")
            assert answer.status_code == 200, answer.text
            json.loads(answer.content, parse_constant=_refuse)

    def placed_in_path(self, parameters: Any, kind: str) -> Any:
        """Parameters of a path with known ids, and in every second a known name, in them."""
        placed = self.placed(parameters, kind)
        # In turns, not by what was made up: that depends on which modules are loaded.
        known = {
            **dict.fromkeys(_NAMES, self.name),
            "key": KEY,
            "checksum": self._checksum,
            "view": VIEW,
        }
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
