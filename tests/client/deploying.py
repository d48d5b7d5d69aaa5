"""Deploying flows with the real client, and starting runs of what was deployed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.flows import Flow


def deploy(flow: Flow[Any, Any], name: str = "deployed", **options: Any) -> UUID:
    """Deploy a flow; the id of the deployment."""
    deployment: Any = flow.to_deployment(name, **options)
    made = deployment.apply()
    assert isinstance(made, UUID)
    return made


def start(made: UUID, name: str | None = None, **options: Any) -> FlowRun:
    """A new run of a deployment, not waited for, and no subflow unless that is wanted."""
    given = {"flow_run_name": name, "timeout": 0, "as_subflow": False, **options}
    run: Any = run_deployment(made, **given)
    assert isinstance(run, FlowRun)
    return run
