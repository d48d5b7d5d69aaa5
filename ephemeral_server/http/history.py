"""The body and the answer of the routes that count runs over time."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import HTTPException
from pydantic import BaseModel, ConfigDict

from ephemeral_server.clock import FIRST, LAST, SECOND, micros
from ephemeral_server.fields import UtcDatetime
from ephemeral_server.http.body import QueryBody
from ephemeral_server.orchestration.history import Buckets
from ephemeral_server.orchestration.states import StateType

#: A history of more buckets ends with this one.
MOST_BUCKETS = 500
_MICROSECOND = timedelta(microseconds=1)


class HistoryQuery(QueryBody):
    """Which stretch of time, and how long its buckets are.

    Attributes:
        history_interval_seconds: at least one second.
    """

    model_config = ConfigDict(ser_json_timedelta="float")

    history_start: UtcDatetime
    history_end: UtcDatetime
    history_interval_seconds: timedelta

    def buckets(self) -> Buckets:
        """The stretch of time in buckets.

        Raises:
            HTTPException: 422, the buckets are shorter than a second.
        """
        interval = self.history_interval_seconds // _MICROSECOND
        if interval < SECOND:
            raise HTTPException(422, "History interval must not be less than 1 second.")
        start = micros(self.history_start)
        elapsed = micros(self.history_end) - start
        count = min(max(0, -(-elapsed // interval)), MOST_BUCKETS)
        return Buckets(start, min(interval, LAST - FIRST), count)


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
