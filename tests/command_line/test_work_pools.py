"""``prefect work-pool``, where it asks what types of pools there are."""

from __future__ import annotations

import json

import pytest

from tests.command_line.commands import CommandLine

pytestmark = pytest.mark.timeout(240)


def test_pools_are_made_of_the_types_that_the_server_knows(prefect: CommandLine) -> None:
    for name, kind in (("local", "process"), ("boxes", "docker")):
        assert f"Type: {kind}" in prefect("work-pool", "create", name, "--type", kind)
    said = prefect.refused("work-pool", "create", "other", "--type", "nonsense")
    for kind in ("docker", "ecs", "kubernetes", "process", "vertex-ai"):
        assert kind in said
    template = json.loads(
        prefect("work-pool", "get-default-base-job-template", "--type", "kubernetes")
    )
    assert set(template) == {"job_configuration", "variables"}
    assert "image" in template["variables"]["properties"]
    shown = prefect.json("work-pool", "inspect", "boxes")
    assert shown["type"] == "docker"
    assert "image" in shown["base_job_template"]["variables"]["properties"]
