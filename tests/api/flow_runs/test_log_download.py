"""The logs of a flow run as a CSV file."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

from tests.application import Application
from tests.orchestration.runs import Run, Runs

HEADER = "timestamp,level,flow_run_id,task_run_id,message\r\n"


def _write(run: Run, *logs: dict[str, Any]) -> None:
    filling = {"name": "a", "level": 20, "message": "a", "timestamp": "2026-01-01T00:00:00Z"}
    reply = run.application.post(
        "/logs/", [{**filling, "flow_run_id": run.id, **log} for log in logs]
    )
    assert reply.status_code == 201


def _download(run: Run) -> str:
    reply = run.application.get(f"/flow_runs/{run.id}/logs/download")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    return reply.content.decode()


def test_a_log_is_a_line(runs: Runs) -> None:
    run, task = runs.flow_run(), str(uuid4())
    _write(
        run,
        {"timestamp": "2026-01-01T00:00:00.5Z", "message": "later", "task_run_id": task},
        {"message": 'hello, "w"\nline2', "level": 40},
    )

    assert _download(run) == (
        HEADER + f'2026-01-01 00:00:00+00:00,40,{run.id},,"hello, ""w""\nline2"\r\n'
        f"2026-01-01 00:00:00.500000+00:00,20,{run.id},{task},later\r\n"
    )


def test_a_run_without_logs_has_a_header_alone(runs: Runs) -> None:
    assert _download(runs.flow_run()) == HEADER


def test_pages_hold_each_log_once_and_in_order(runs: Runs) -> None:
    run, other = runs.flow_run(), runs.flow_run()
    instants = [f"2026-01-01T00:00:0{number % 3}Z" for number in range(2500)]
    _write(run, *[{"message": str(n), "timestamp": at} for n, at in enumerate(instants)])
    _write(other, {"message": "of another run"})

    rows = list(csv.DictReader(io.StringIO(_download(run), newline="")))

    expected = sorted(range(2500), key=lambda number: (number % 3, number))
    assert [int(row["message"]) for row in rows] == expected


def test_the_file_is_named_after_the_run(runs: Runs) -> None:
    run = runs.flow_run(name='né "1"/2; x')

    reply = run.application.get(f"/flow_runs/{run.id}/logs/download")

    assert reply.headers["content-disposition"] == (
        'attachment; filename="flow-run-logs.csv"; '
        "filename*=UTF-8''n%C3%A9%20%221%22%2F2%3B%20x-logs.csv"
    )


def test_a_compressed_download_is_the_same(runs: Runs) -> None:
    run = runs.flow_run()
    _write(run, *[{"message": str(number)} for number in range(1001)])

    path = f"/flow_runs/{run.id}/logs/download"
    reply = run.application.get(path, headers={"accept-encoding": "gzip"})
    bare = run.application.get(path, headers={"accept-encoding": "identity"})

    assert reply.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in bare.headers
    assert reply.content == bare.content


def test_an_unknown_run_has_no_file(application: Application) -> None:
    reply = application.get(f"/flow_runs/{uuid4()}/logs/download")

    assert (reply.status_code, reply.json()) == (404, {"detail": "Flow run not found"})
