"""Collections: views of what packages offer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.application import Application

WORKERS = "/collections/views/aggregate-worker-metadata"
MEMBERS = {
    "type",
    "display_name",
    "description",
    "documentation_url",
    "logo_url",
    "install_command",
    "is_beta",
    "default_base_job_configuration",
}


def _workers(application: Application) -> list[tuple[str, str, dict[str, Any]]]:
    reply = application.get(WORKERS)
    assert reply.status_code == 200
    return [(p, t, entry) for p, types in reply.json().items() for t, entry in types.items()]


def test_the_types_of_workers_are_known(application: Application) -> None:
    assert [(package, type) for package, type, _ in _workers(application)] == [
        ("prefect", "process"),
        ("prefect-aws", "ecs"),
        ("prefect-azure", "azure-container-instance"),
        ("prefect-docker", "docker"),
        ("prefect-gcp", "cloud-run"),
        ("prefect-gcp", "cloud-run-v2"),
        ("prefect-gcp", "vertex-ai"),
        ("prefect-kubernetes", "kubernetes"),
    ]


def test_each_says_what_it_is_and_how_to_get_it(application: Application) -> None:
    for package, type, entry in _workers(application):
        assert set(entry) == MEMBERS
        assert entry["type"] == type
        assert entry["display_name"]
        assert entry["description"]
        assert entry["install_command"] == f"pip install {package}"


def test_every_variable_has_a_place_in_the_job(application: Application) -> None:
    for _, type, entry in _workers(application):
        template = entry["default_base_job_configuration"]
        if template:
            placed = re.findall(r"{{ (\w+) }}", json.dumps(template["job_configuration"]))
            assert set(placed) == set(template["variables"]["properties"]), type


def test_a_pool_can_be_made_of_each(application: Application) -> None:
    for _, type, entry in _workers(application):
        template = entry["default_base_job_configuration"]
        pool = {"name": f"of {type}", "type": type, "base_job_template": template}
        reply = application.post("/work_pools/", pool)

        assert reply.status_code == 201, reply.text
        assert reply.json()["base_job_template"] == template


@pytest.mark.parametrize(
    "view", ["aggregate-block-metadata", "aggregate-flow-metadata", "demo-flows"]
)
def test_a_view_that_nothing_is_known_for_is_empty(application: Application, view: str) -> None:
    reply = application.get(f"/collections/views/{view}")

    assert (reply.status_code, reply.json()) == (200, {})


@pytest.mark.parametrize("view", ["nothing", "Demo-Flows", "..", "views.py"])
def test_other_views_are_not_found(application: Application, view: str) -> None:
    reply = application.get(f"/collections/views/{view}".replace("..", "%2E%2E"))

    assert reply.status_code == 404
    assert "not found" in reply.json()["detail"].lower()
