"""Work pools as JSON."""

from __future__ import annotations

import json

from ephemeral_server.wire import (
    Field,
    Shape,
    boolean,
    dump,
    field,
    instant,
    number,
    plain,
    raw,
    text,
)

#: Pools of this type are served by agents of old, which tell nothing of themselves.
AGENT_TYPE = "prefect-agent"


def _status(status: str, type: str) -> str:
    return "null" if type == AGENT_TYPE else f'"{status}"'


def _without_block(storage: str) -> str:
    known = json.loads(storage)
    known.pop("default_result_storage_block_id", None)
    return dump(known)


def _shape(storage: Field) -> Shape:
    return Shape(
        [
            field("id", plain),
            field("created", instant),
            field("updated", instant),
            field("name", text),
            field("description", text),
            field("type", text),
            field("base_job_template", raw),
            field("is_paused", boolean),
            field("concurrency_limit", number),
            Field("status", _status, ("status", "type")),
            field("default_queue_id", plain),
            storage,
            field("active_slots", number),
        ]
    )


#: Needs the columns of its `keys`; see `ephemeral_server.work_pools.store.POOLS`.
WORK_POOL = _shape(field("storage_configuration", raw))

#: For clients that refuse the member of the storage that they do not know.
WORK_POOL_OF_OLD = _shape(
    Field("storage_configuration", _without_block, ("storage_configuration",))
)
