"""A full body for each route that takes one, and what may be put wrong in it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

from tests.application import Application

#: Where in a body: keys and indices from the outside in.
Place = tuple[str | int, ...]


class Population(NamedTuple):
    """Ids of what is in the database."""

    flow: str
    flow_run: str
    task_run: str
    deployment: str
    block_type: str
    block_schema: str
    block_document: str
    variable: str
    artifact: str
    limit: str


def populate(application: Application) -> Population:
    """Make a flow with a deployment, a run, a task run and a log, and one of everything else."""

    def new(path: str, body: Any) -> str:
        answer = application.post(path, body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    flow = application.post("/flows/", {"name": f"flow-{uuid4()}"}).json()["id"]
    run = application.post("/flow_runs/", {"flow_id": flow}).json()["id"]
    keys = {"task_key": "t", "dynamic_key": "0"}
    task_run = application.post("/task_runs/", {"flow_run_id": run, **keys}).json()["id"]
    log = {"name": "n", "level": 20, "message": "m", "timestamp": "2026-01-02T03:04:05Z"}
    answer = application.post("/logs/", [{**log, "flow_run_id": run, "task_run_id": task_run}])
    assert answer.status_code == 201
    deployed = {"flow_id": flow, "name": "d", "enforce_parameter_schema": False}
    deployment = application.post("/deployments/", deployed).json()["id"]
    name = str(uuid4())
    of_type = {"block_type_id": new("/block_types/", {"name": name, "slug": name})}
    fields = {"title": name, "properties": {}, "secret_fields": ["a"]}
    schema = new("/block_schemas/", {"fields": fields, **of_type})
    document = {"name": name, "block_schema_id": schema, "data": {"a": 1}, **of_type}
    return Population(
        flow,
        run,
        task_run,
        deployment,
        block_type=of_type["block_type_id"],
        block_schema=schema,
        block_document=new("/block_documents/", document),
        variable=new("/variables/", {"name": name, "value": 1}),
        artifact=new("/artifacts/", {"key": name}),
        limit=new("/v2/concurrency_limits/", {"name": name, "limit": 1}),
    )


class Site(NamedTuple):
    """A route, and a body in which every member that it knows has a value."""

    method: str
    path: str
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def holes(self) -> Iterator[Place]:
        """Every place of the body, the whole one first."""
        yield from _places(self.body, ())

    def request(self, known: Population, place: Place, value: str) -> tuple[str, str, bytes]:
        """Method, path and body with `value`, which is JSON text, at `place`."""
        method, path, text = self._filled(_with_hole(self.body, place), known)
        return method, path, text.replace(f'"{_HOLE}"', value).encode()

    def sound(self, known: Population) -> tuple[str, str, bytes]:
        """Method, path and the body as it should be."""
        method, path, text = self._filled(self.body, known)
        return method, path, text.encode()

    def _filled(self, body: Any, known: Population) -> tuple[str, str, str]:
        text, path = json.dumps(body), self.path
        for name, id in {**known._asdict(), "new": str(uuid4())}.items():
            text, path = text.replace(f"<{name}>", id), path.replace(f"<{name}>", id)
        return self.method, path, text


_HOLE = "<hole>"


def _places(value: Any, at: Place) -> Iterator[Place]:
    yield at
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _places(member, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, (*at, index))


def _with_hole(body: Any, place: Place) -> Any:
    if not place:
        return _HOLE
    changed = copy.deepcopy(body)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = _HOLE
    return changed


_DATE = "2026-01-02T03:04:05Z"
_DETAILS = {
    "flow_run_id": "<flow_run>",
    "scheduled_time": _DATE,
    "cache_key": "c",
    "cache_expiration": _DATE,
    "deferred": False,
    "pause_timeout": _DATE,
    "pause_key": "p",
    "run_input_keyset": {"a": "b"},
    "transition_id": "<new>",
    "traceparent": "t",
}
_DATA = {"artifact_key": "k", "artifact_type": "t", "artifact_description": "d", "value": [1]}
_BRIEF = {"name": "n", "message": "m"}
_PAUSED = {"type": "PAUSED", **_BRIEF, "data": _DATA, "state_details": _DETAILS}
_FAILED = {"type": "FAILED", **_BRIEF}
_FLOW_POLICY = {
    "max_retries": 1,
    "retry_delay_seconds": 1.5,
    "retries": 1,
    "retry_delay": 1,
    "pause_keys": ["a"],
    "resuming": False,
}
_TASK_POLICY = {"retries": 1, "retry_delay": [1, 2.5], "retry_jitter_factor": 0.5}
_COMMON = {"tags": ["a"], "labels": {"a": 1}}
_ABOUT = {"id": {"any_": ["<flow>"]}, "name": {"any_": ["a"], "like_": "b"}}
_TAGS = {"operator": "or_", "all_": ["a"], "is_null_": True}
_FLOW_FILTER = {"operator": "and_", **_ABOUT, "tags": _TAGS}
_FLOW_RUN_FILTER = {
    "tags": {**_TAGS, "any_": ["b"]},
    "state": {"type": {"any_": ["RUNNING"]}, "name": {"not_any_": ["a"]}},
    "start_time": {"before_": _DATE, "is_null_": False},
    "parent_flow_run_id": {"any_": ["<flow_run>"]},
    "created_by": {"id_": ["<flow>"], "type_": ["a"]},
}
_TASK_RUN_FILTER = {
    "tags": _TAGS,
    "subflow_runs": {"exists_": True},
    "flow_run_id": {"any_": ["<flow_run>"]},
}
_DEPLOYMENT_FILTER = {"name": {"like_": "a"}, "concurrency_limit": {"ge_": 1}}
_RELATED = {"task_runs": _TASK_RUN_FILTER, "deployments": _DEPLOYMENT_FILTER}
_PART = {"sort": "NAME_ASC", "limit": 5, "offset": 0}
_LOG_FILTER = {
    "level": {"ge_": 1, "le_": 2},
    "timestamp": {"before_": _DATE},
    "flow_run_id": {"any_": ["<flow_run>"]},
    "task_run_id": {"any_": ["<task_run>"], "is_null_": False},
    "text": {"query": 'a -b +"c"'},
}
_FLOW_RUN = {
    "flow_id": "<flow>",
    "name": "n",
    "flow_version": "v",
    "parameters": {"a": 1},
    "context": {"a": 1},
    "parent_task_run_id": "<task_run>",
    "empirical_policy": _FLOW_POLICY,
    **_COMMON,
    "idempotency_key": "<new>",
    "state": {"type": "COMPLETED", **_BRIEF, "data": _DATA},
    "job_variables": {"a": 1},
    "work_pool_name": None,
    "work_queue_name": "q",
    "deployment_id": None,
}
#: What can be said of a run of a deployment that is in no pool.
_DEPLOYED_RUN = {
    name: value
    for name, value in _FLOW_RUN.items()
    if name not in ("flow_id", "flow_version", "work_pool_name", "deployment_id")
} | {
    "work_queue_name": None,
    "enforce_parameter_schema": True,
    "parameters": {"a": {"__prefect_kind": "json", "value": "1"}},
}
_INPUTS = [
    {"input_type": "parameter", "name": "p"},
    {"input_type": "task_run", "id": "<task_run>"},
    {"input_type": "constant", "type": "t"},
]
_TASK_RUN = {
    "name": "n",
    "flow_run_id": "<flow_run>",
    "task_key": "t",
    "dynamic_key": "<new>",
    "cache_key": "c",
    "cache_expiration": _DATE,
    "task_version": "v",
    "empirical_policy": _TASK_POLICY,
    **_COMMON,
    "task_inputs": {"a": _INPUTS},
    "state": {"type": "RUNNING", **_BRIEF},
}
_EVENT = {
    "id": "<new>",
    "occurred": _DATE,
    "event": "e",
    "resource": {"prefect.resource.id": "r", "a": "b"},
    "related": [{"prefect.resource.id": "r", "prefect.resource.role": "s"}],
    "payload": {"a": [1]},
    "follows": "<flow>",
}
_LOG = {
    "name": "n",
    "level": 20,
    "message": "m",
    "timestamp": _DATE,
    "flow_run_id": "<flow_run>",
    "task_run_id": "<task_run>",
}
_CRON = {"schedule": {"cron": "0 * * * *", "timezone": "UTC", "day_or": True}}
_INTERVAL = {"schedule": {"interval": 60, "anchor_date": _DATE, "timezone": "UTC"}}
_RRULE = {"schedule": {"rrule": "FREQ=DAILY", "timezone": "UTC"}}
_AHEAD = {"active": True, "max_scheduled_runs": 3, "parameters": {"a": 1}, "slug": "s"}
_DEPLOYED = {
    "version": "v",
    "description": "d",
    "paused": False,
    "tags": ["a"],
    "parameters": {"a": 1},
    "parameter_openapi_schema": {"type": "object", "properties": {"a": {"type": "integer"}}},
    "enforce_parameter_schema": True,
    "concurrency_limit": 1,
    "concurrency_options": {"collision_strategy": "ENQUEUE", "grace_period_seconds": 60},
    "pull_steps": [{"a": {"b": 1}}],
    "path": "p",
    "entrypoint": "e",
    "job_variables": {"a": 1},
    "work_pool_name": None,
    "work_queue_name": "q",
    "version_info": {"type": "t", "version": "v", "a": 1},
}
_DEPLOYMENT = {"name": "<new>", "flow_id": "<flow>", "labels": {"a": 1}, **_DEPLOYED}

_SHOWN = {
    "logo_url": "https://example.com/a.png",
    "documentation_url": "https://example.com",
    "description": "d",
    "code_example": "c",
}
_SCHEMA = {
    "fields": {
        "title": "<new>",
        "type": "object",
        "properties": {"a": {"title": "A", "$ref": "#/definitions/B"}},
        "definitions": {"B": {"type": "object", "properties": {"c": {"type": "string"}}}},
        "required": ["a"],
        "secret_fields": ["a.c", "d.*"],
        "block_type_slug": "s",
        "block_schema_references": {},
    },
    "block_type_id": "<block_type>",
    "capabilities": ["a"],
    "version": "v",
}
_DATA_OF_BLOCK = {
    "a": {"c": "secret"},
    "d": {"e": [1]},
    "inner": {"$ref": {"block_document_id": "<block_document>"}},
}
_DOCUMENT = {
    "name": "<new>",
    "data": _DATA_OF_BLOCK,
    "block_schema_id": "<block_schema>",
    "block_type_id": "<block_type>",
    "is_anonymous": False,
}
_CHANGED = {
    "block_schema_id": "<block_schema>",
    "data": {"a": "********", "d": {"e": [1]}},
    "merge_existing_data": False,
}
_ARTIFACT = {"data": {"a": [1]}, "description": "d", "metadata_": {"a": "b"}}
_LIMIT = {"limit": 5, "active": True, "active_slots": 1, "slot_decay_per_second": 0.5}
_SLOTS = {
    "names": ["nothing"],
    "slots": 1,
    "mode": "concurrency",
    "lease_duration": 60,
    "holder": {"type": "task_run", "id": "<task_run>"},
}
_DOCUMENT_FILTERS = {
    "block_documents": {
        "is_anonymous": {"eq_": False},
        "block_type_id": {"any_": ["<flow>"]},
        **_ABOUT,
    },
    "block_types": {"name": {"like_": "a"}, "slug": {"any_": ["a"]}},
    "block_schemas": {"block_capabilities": {"all_": ["a"]}, "version": {"any_": ["v"]}},
    "include_secrets": True,
}
_KEYS = {"any_": ["a"], "like_": "b", "exists_": True}
_ARTIFACT_FILTER = {
    "operator": "or_",
    "id": {"any_": ["<artifact>"]},
    "key": _KEYS,
    "type": {"any_": ["a"], "not_any_": ["b"]},
    "flow_run_id": {"any_": ["<flow_run>"]},
}
_LATEST = {"latest_id": {"any_": ["<artifact>"]}, "key": _KEYS}
_STATES = {"state": {"type": {"any_": ["RUNNING"]}}}
#: What writes.
WRITES = (
    Site("POST", "/flows/", {"name": "n", **_COMMON}),
    Site("PATCH", "/flows/<flow>", {"tags": ["a"]}),
    Site("POST", "/flow_runs/", _FLOW_RUN),
    Site("PATCH", "/flow_runs/<flow_run>", {"name": "n", "parameters": {}, "tags": ["a"]}),
    Site("PATCH", "/flow_runs/<flow_run>/labels", {"a": 1}),
    Site("POST", "/flow_runs/<flow_run>/set_state", {"state": _PAUSED, "force": True}),
    Site("POST", "/task_runs/", _TASK_RUN),
    Site("PATCH", "/task_runs/<task_run>", {"name": "n"}),
    Site("POST", "/task_runs/<task_run>/set_state", {"state": _FAILED, "force": False}),
    Site("POST", "/deployments/", {**_DEPLOYMENT, "schedules": [{**_CRON, **_AHEAD}, _RRULE]}),
    Site("PATCH", "/deployments/<deployment>", {**_DEPLOYED, "schedules": [_INTERVAL]}),
    Site("POST", "/deployments/<deployment>/schedules", [{**_INTERVAL, "parameters": {"a": 1}}]),
    Site("POST", "/deployments/<deployment>/create_flow_run", _DEPLOYED_RUN),
    Site("POST", "/deployments/<deployment>/create_flow_run/bulk", [_DEPLOYED_RUN]),
    Site("POST", "/logs/", [_LOG]),
    Site("POST", "/events", [_EVENT]),
    Site("POST", "/block_types/", {"name": "<new>", "slug": "<new>", **_SHOWN}),
    Site("PATCH", "/block_types/<block_type>", _SHOWN),
    Site("POST", "/block_schemas/", _SCHEMA),
    Site("POST", "/block_documents/", _DOCUMENT),
    Site("PATCH", "/block_documents/<block_document>", _CHANGED),
    Site("POST", "/variables/", {"name": "<new>", "value": {"a": [1]}, "tags": ["a"]}),
    Site("PATCH", "/variables/<variable>", {"value": {"a": [1]}, "tags": ["a"]}),
    Site("POST", "/artifacts/", {"key": "k", "flow_run_id": "<flow_run>", **_ARTIFACT}),
    Site("PATCH", "/artifacts/<artifact>", _ARTIFACT),
    Site("POST", "/v2/concurrency_limits/", {"name": "<new>", **_LIMIT}),
    Site("PATCH", "/v2/concurrency_limits/<limit>", _LIMIT),
    Site("POST", "/v2/concurrency_limits/increment-with-lease", _SLOTS),
    Site("POST", "/concurrency_limits/", {"tag": "<new>", "concurrency_limit": 1}),
)
#: What reads.
READS = (
    Site("POST", "/flow_runs/filter", {"flow_runs": _FLOW_RUN_FILTER, **_PART}),
    Site("POST", "/task_runs/filter", {**_RELATED, **_PART}),
    Site("POST", "/flows/paginate", {"flows": _FLOW_FILTER, "limit": 5, "page": 1}),
    Site("POST", "/deployments/paginate", {**_RELATED, "work_pools": {"name": {"any_": ["a"]}}}),
    Site("POST", "/logs/filter", {"logs": _LOG_FILTER, "limit": 5, "offset": 0}),
    Site("POST", "/block_documents/filter", {**_DOCUMENT_FILTERS, **_PART}),
    Site("POST", "/variables/filter", {"variables": {"tags": _TAGS, **_ABOUT}, **_PART}),
    Site("POST", "/artifacts/filter", {"artifacts": _ARTIFACT_FILTER, "flow_runs": _STATES}),
    Site("POST", "/artifacts/latest/filter", {"artifacts": _LATEST, "limit": 5, "offset": 0}),
)


def _random_text() -> str:
    return "".join(random.Random(3).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=10_001))


#: JSON text of values that are valid in many places, but not for every database.
STORED = {
    "63 bits": str(2**63 - 1),
    "64 bits": str(-(2**63) - 1),
    "the smallest float": "5e-324",
    "a NUL": '"a\\u0000b"',
    "half a character": '"\\ud800"',
    "long text": f'"{_random_text()}"',
    "wildcards": '"%_\\\\\'\\"--"',
    "before the first year": '"0001-01-01T00:00:00+14:00"',
    "300 items": "[" + ",".join(f'"{n}"' for n in range(300)) + "]",
}
#: The same of values that are refused before they come near a database, or mean nothing to it.
PARSED = {
    "null": "null",
    "a float beyond floats": "1e400",
    "1,300 bits": "1" + "0" * 400,
    "after the last year": '"9999-12-31T23:59:59.999999-14:00"',
    "no members": "{}",
    "odd members": '{"\\u0000":"\\u0000","\\ud800":"\\udfff","":NaN}',
}
