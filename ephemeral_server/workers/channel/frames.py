"""What workers say over their channel."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from ephemeral_server.fields import IdText, JsonObject, Storable

#: The version of the protocol that is spoken here.
VERSION = "work_pool_worker_channel.v1"

HEARTBEAT = "worker_heartbeat.v1"
SNAPSHOT = "work_pool_snapshot.v1"
CLEANUP = "cleanup_delivery.v1"

#: What a worker must be able to do.
REQUIRED = frozenset({HEARTBEAT, SNAPSHOT})

#: How long a name may be, in characters: both databases index so much of it.
LONGEST_NAME = 500
#: How long a list may be.
LONGEST_LIST = 1000
#: The longest interval between heartbeats that is stored (seconds).
LONGEST_INTERVAL = 2**31 - 1

CleanupKind = Literal["cancelling_timeout_teardown.v1", "pending_claim_teardown.v1"]

_Name = Annotated[Storable, Field(min_length=1, max_length=LONGEST_NAME)]
_Names = Annotated[list[_Name], Field(max_length=LONGEST_LIST)]
_Interval = Annotated[int, Field(gt=0, le=LONGEST_INTERVAL)]
_Text = Annotated[str, Field(min_length=1)]


class _Exact(BaseModel):
    """Holds what is declared and nothing else."""

    model_config = ConfigDict(extra="forbid")


class Hello(_Exact):
    """Who a worker is, and what it wants.

    Attributes:
        consumer_id: stays the same when the worker connects again.
        work_queue_names: of the pool's queues that it serves; all of them if there are none.
        handled_cleanup_kinds: which messages it can do with.
        max_cleanup_concurrency: how many of them at a time.
        default_base_job_template: for a pool that is new or has none.
    """

    consumer_id: IdText
    worker_name: _Name
    worker_type: _Name
    heartbeat_interval_seconds: _Interval
    supported_channel_versions: Annotated[_Names, Field(min_length=1)]
    requested_capabilities: Annotated[_Names, Field(min_length=1)]
    work_queue_names: _Names = []
    handled_cleanup_kinds: Annotated[list[CleanupKind], Field(max_length=LONGEST_LIST)] = []
    max_cleanup_concurrency: Annotated[int, Field(ge=0)] = 1
    create_pool_if_not_found: bool = False
    default_base_job_template: JsonObject = {}
    worker_metadata: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Hello:
        if not REQUIRED.issubset(self.requested_capabilities):
            raise ValueError("heartbeats and snapshots must be requested")
        if CLEANUP not in self.requested_capabilities:
            stated = "max_cleanup_concurrency" in self.model_fields_set
            if self.handled_cleanup_kinds or (stated and self.max_cleanup_concurrency):
                raise ValueError("nothing is cleaned up unless its delivery is requested")
        return self

    @property
    def cleanup_concurrency(self) -> int:
        """How many cleanup messages the worker takes at a time."""
        takes = CLEANUP in self.requested_capabilities and self.handled_cleanup_kinds
        return self.max_cleanup_concurrency if takes else 0

    @property
    def accepted_capabilities(self) -> list[str]:
        """What it wants and gets."""
        known = REQUIRED | {CLEANUP} if self.cleanup_concurrency else REQUIRED
        return [each for each in dict.fromkeys(self.requested_capabilities) if each in known]

    @property
    def rejected_capabilities(self) -> list[str]:
        """What it wants and does not get."""
        accepted = self.accepted_capabilities
        return [each for each in dict.fromkeys(self.requested_capabilities) if each not in accepted]


class Heartbeat(_Exact):
    """A sign of life.

    Attributes:
        heartbeat_interval_seconds: until the next one.
    """

    consumer_id: IdText
    worker_name: _Name
    heartbeat_interval_seconds: _Interval


class CleanupOperation(_Exact):
    """What becomes of a cleanup message; the token tells which delivery of it is meant."""

    message_id: IdText
    reservation_token: _Text


class CleanupRelease(CleanupOperation):
    """Why a message is given back."""

    reason: _Text


class _Frame(_Exact):
    id: IdText
    sent_at: datetime


class HelloFrame(_Frame):
    type: Literal["worker.hello.v1"]
    payload: Hello


class HeartbeatFrame(_Frame):
    type: Literal["worker.heartbeat.v1"]
    payload: Heartbeat


class OperationFrame(_Frame):
    type: Literal["cleanup.ack.v1", "cleanup.renew.v1"]
    payload: CleanupOperation


class ReleaseFrame(_Frame):
    type: Literal["cleanup.release.v1"]
    payload: CleanupRelease


#: What a worker says first.
hello_frame: TypeAdapter[HelloFrame] = TypeAdapter(HelloFrame)

#: What it says from then on.
frame: TypeAdapter[HeartbeatFrame | OperationFrame | ReleaseFrame] = TypeAdapter(
    Annotated[HeartbeatFrame | OperationFrame | ReleaseFrame, Field(discriminator="type")]
)
