"""Passes of services, as tests run them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from ephemeral_server.database import Database, Transaction
from ephemeral_server.orchestration.changes import set_flow_run_state
from ephemeral_server.orchestration.policies import FLOW_MINIMAL
from ephemeral_server.orchestration.states import State, scheduled
from ephemeral_server.services import (
    cancellation_cleanup,
    cancelling_timeouts,
    cleanup_reconciler,
    foreman,
    late_runs,
    pause_expirations,
)
from ephemeral_server.services.cancellation_cleanup import CancellationCleanup
from ephemeral_server.services.cancelling_timeouts import CancellingTimeouts
from ephemeral_server.services.cleanup_reconciler import Reconciled
from ephemeral_server.services.foreman import Foreman
from ephemeral_server.services.late_runs import LateRuns
from ephemeral_server.services.pause_expirations import PauseExpirations
from ephemeral_server.settings import Settings
from tests.application import Application
from tests.orchestration.runs import Run

P = ParamSpec("P")
T = TypeVar("T")


class Passes:
    """Lets each service of an application do one pass.

    Attributes:
        meanwhile: what happens in a pass after it has looked for what is to be done.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.meanwhile: Callable[[Database], Awaitable[Any]] | None = None

    def late_runs(self) -> LateRuns:
        return self._pass(late_runs.run_once)

    def pause_expirations(self) -> PauseExpirations:
        return self._pass(pause_expirations.run_once)

    def cancellation_cleanup(self) -> CancellationCleanup:
        return self._pass(cancellation_cleanup.run_once)

    def cancelling_timeouts(self) -> CancellingTimeouts:
        return self._pass(cancelling_timeouts.run_once)

    def foreman(self) -> Foreman:
        return self._pass(foreman.run_once)

    def cleanup_reconciler(self, **settings: Any) -> Reconciled:
        return self._pass(cleanup_reconciler.run_once, **settings)

    def enter_meanwhile(self, run: Run, state_type: str, name: str | None = None) -> None:
        """Let a flow run enter a state between being found and being changed."""
        now = self.application.clock.now()
        if state_type == "SCHEDULED":
            state = scheduled(now, now, name or "Scheduled")
        else:
            state = State(state_type, name or state_type.capitalize(), now)
        settings = self.application.runtime.settings

        async def enter(database: Database) -> None:
            outcome = await database.write(
                set_flow_run_state, settings, run.id, state, policy=FLOW_MINIMAL
            )
            assert outcome.status == "ACCEPT"

        self.meanwhile = enter

    def _pass(self, run_once: Callable[[Database, Settings], Awaitable[T]], **settings: Any) -> T:
        runtime = self.application.runtime
        database: Database = runtime.database
        if self.meanwhile is not None:
            database = Meanwhile(database, self.meanwhile)
        return self.application.wait(run_once(database, runtime.settings.replace(**settings)))


class Meanwhile:
    """A database on which something happens after the first read."""

    def __init__(self, database: Database, action: Callable[[Database], Awaitable[Any]]) -> None:
        self._database = database
        self._actions = [action]
        self.url, self.dialect = database.url, database.dialect
        self.now, self.close = database.now, database.close
        self.notices = database.notices

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        found = await self._database.read(work, *args, **kwargs)
        while self._actions:
            await self._actions.pop()(self._database)
        return found

    async def write(
        self, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._database.write(work, *args, **kwargs)
