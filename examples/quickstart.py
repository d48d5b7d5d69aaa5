"""A real Prefect flow, recorded by a server that lives inside this very process.

::

    pip install '.[prefect]'
    python examples/quickstart.py

Nothing is left behind: no process, no file, no setting.
"""

from __future__ import annotations

from prefect import flow, task
from prefect.client.orchestration import get_client
from prefect.runtime import task_run

from ephemeral_server import ephemeral


@task(retries=1)
def fetch_prices(shop: str) -> list[float]:
    """The line to the shop is bad: it breaks the first time."""
    if task_run.run_count == 1:
        raise ConnectionError(f"{shop} did not answer")
    return [1.5, 2.25, 4.0]


@task
def add_up(prices: list[float]) -> float:
    return sum(prices)


@flow
def receipt(shop: str) -> float:
    return add_up(fetch_prices(shop))


@flow
def shopping() -> float:
    return receipt("bakery")


def main() -> None:
    with ephemeral() as server:
        print(f"The server answers at {server.url}")
        print(f"The flow returned {shopping()}")

        with get_client(sync_client=True) as client:
            print("The server recorded:")
            for run in client.read_flow_runs():
                print(f"  flow run {run.name}: {run.state_name}, {run.run_count} attempt(s)")
            for run in client.read_task_runs():
                print(f"  task run {run.name}: {run.state_name}, {run.run_count} attempt(s)")

    print("The server is gone, and all it held with it.")


if __name__ == "__main__":
    main()
