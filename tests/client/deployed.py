"""Flows that are deployed from this file; run as a program, it serves one of them."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta, timezone
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from prefect.schedules import Interval


@flow(persist_result=True)
def reports(name: str = "nobody") -> dict[str, Any]:
    """Tells where and as what it runs."""
    return {
        "name": name,
        "pid": os.getpid(),
        "folder": os.getcwd(),
        "variable": os.environ.get("VARIABLE"),
        "tags": sorted(flow_run.tags),
    }


@flow
def never_ends() -> None:
    """Waits for what does not come."""
    threading.Event().wait()


if __name__ == "__main__":
    soon = datetime.now(timezone.utc) + timedelta(seconds=5)
    reports.serve("served", schedule=Interval(3600, anchor_date=soon), tags=["served"])
