"""What the tests of services share."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from ephemeral_server.database.tables import flow_run, task_run
from ephemeral_server.database.transaction import Transaction
from tests.application import Application, application
from tests.orchestration.runs import Runs
from tests.orchestration.slots import Slots
from tests.services.passes import Passes
from tests.services.planning import Planning

__all__ = ["application", "passes", "planning", "runs", "slots"]


@pytest.fixture
def runs(application: Application) -> Runs:
    """Makes the runs of one test; there are no others."""

    def work(tx: Transaction) -> None:
        tx.connection.execute(delete(flow_run))
        tx.connection.execute(delete(task_run))

    application.write(work)
    return Runs(application)


@pytest.fixture
def slots(runs: Runs) -> Slots:
    """Makes limits, and tells who has their slots."""
    return Slots(runs)


@pytest.fixture
def passes(runs: Runs) -> Passes:
    """Lets services work."""
    return Passes(runs.application)


@pytest.fixture
def planning(runs: Runs) -> Planning:
    """Makes the deployments of one test; there are no others."""
    return Planning(runs)
