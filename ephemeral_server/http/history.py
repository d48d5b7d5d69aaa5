"""The body and the answer of the routes that count runs over time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import HTTPException
from pydantic import BaseModel, Field

from ephemeral_server.clock import FIRST, LAST, SECOND, micros
from ephemeral_server.fields import UtcDatetime
from ephemeral_server.http.body import QueryBody
from ephemeral_server.orchestration.history import Buckets
from ephemeral_server.orchestration.states import StateType

#: A history of more buckets ends with this one.
MOST_BUCKETS = 500


class HistoryQuery(QueryBody):
    """Which stretch of time, and how long its buckets are.

    Attributes:
        history_interval_seconds: at least one second.
    """

    history_start: UtcDatetime
    history_end: UtcDatetime
    history_interval_seconds: Annotated[
        float, Field(allow_inf_nan=False, json_schema_extra={"format": "time-delta"})
    ]

    def buckets(self) -> Buckets:
        """The stretch of time in buckets.

        Raises:
            HTTPException: 422, the buckets are shorter than a second.
        """
        if self.history_interval_seconds < 1:
            raise HTTPException(422, "History interval must not be less than 1 second.")
        interval = round(min(self.history_interval_seconds * SECOND, LAST - FIRST))
        start = micros(self.history_start)
        elapsed = micros(self.history_end) - start
        count = min(max(0, -(-elapsed // interval)), MOST_BUCKETS)
        return Buckets(start, interval, count)


class HistoryResponseState(BaseModel):
    """The runs of one bucket that are in one state; sums are seconds."""

    state_type: StateType
    state_name: str
    count_runs: int
    sum_estimated_run_time: float
    sum_estimated_lateness: float


class HistoryResponse(BaseModel):
    """One bucket: from its start up to, and without, its end."""

    interval_start: datetime
    interval_end: datetime
    states: list[HistoryResponseState]
