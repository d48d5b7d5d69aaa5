"""A flow that is deployed with a schedule: planned for later, and run now because it is asked for.

::

    pip install '.[prefect]'
    python examples/deployments.py

Nothing is left behind: no process, no file, no setting.
"""

from __future__ import annotations

import asyncio

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments import run_deployment
from prefect.runner import Runner

from ephemeral_server import ephemeral


@flow(persist_result=True)
def count_words(text: str = "") -> int:
    return len(text.split())


def main() -> None:
    # Services plan the runs of schedules; an ephemeral server has none unless it is told to.
    with ephemeral(services=True) as server, get_client(sync_client=True) as client:
        print(f"The server answers at {server.url}")
        runner = Runner(pause_on_shutdown=False)
        runner.add_flow(count_words, name="daily", cron="0 9 * * *")

        parameters = {"text": "to be or not to be"}
        asked = run_deployment("count-words/daily", parameters=parameters, timeout=0)
        asyncio.run(runner.start(run_once=True))  # runs what waits, each in a process of its own

        run = client.read_flow_run(asked.id)
        print(f"Flow run {run.name}: {run.state_name}, it returned {run.state.result()}")
        for run in client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_ASC):
            if run.auto_scheduled:
                print(f"Flow run {run.name}: planned for {run.expected_start_time}")

    print("The server is gone, and all it held with it.")


if __name__ == "__main__":
    main()
