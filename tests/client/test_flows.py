from __future__ import annotations

from prefect import flow, task

from tests.client.history import History
from tests.client.traffic import Traffic
import time

@task
def add(a: int, b: int) -> int:
    return a + b


def test_basic(history: History, traffic: Traffic) -> None:
    @flow(name="basic")
    def basic(x: int) -> int:
        return add.submit(x, 1).result() + add(x, 2)

    b=time.time()
    assert basic(x=2) == 7
    print(time.time()-b)
    run = history.flow_run()
    print(run)
    for t in history.task_runs(): print(t); print(history.state_names(t))
    print(history.state_names(run))
    for l in history.logs(run.id): print(l)
    for e in traffic.exchanges: print(e)
