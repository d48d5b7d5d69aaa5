"""What the README says can be done, done as it says."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ephemeral_server import Settings
from ephemeral_server.services.registry import SERVICES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """The code block after a marker."""
    found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    assert found is not None, name
    return found[1]


def run(*command: str, folder: Path) -> str:
    """What a Python process prints, in a folder of its own; it must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["EPHEMERAL_SERVER_TEMP_DIRECTORY"] = str(folder / "servers")
    done = subprocess.run(
        [sys.executable, *command],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert list((folder / "servers").iterdir()) == []
    return done.stdout


def test_the_script(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(example("script"), encoding="utf-8")

    said = run("script.py", folder=tmp_path)

    assert re.search(r"^6 by http://127\.0\.0\.1:\d+/api$", said, re.MULTILINE)
    assert "['Completed', 'Completed']" in said


def test_the_service(tmp_path: Path) -> None:
    code = example("service")
    (tmp_path / "script.py").write_text(code, encoding="utf-8")

    said = run("script.py", folder=tmp_path)

    assert said.strip() == code.rpartition("# ")[2].strip()


def test_the_services_it_names_are_those_there_are() -> None:
    settings = Settings()
    rows = re.findall(r"^\| `([a-z-]+)` \| .* \| (\d+) s \|$", README, re.MULTILINE)

    periods = {service.name: f"{getattr(settings, service.period):g}" for service in SERVICES}
    assert dict(rows) == periods
    assert f"{settings.late_runs_after_seconds:g} s after their time" in README
    assert f"Cancelling for {settings.cancelling_timeout_seconds:g} s" in README


def test_the_test_file(tmp_path: Path) -> None:
    (tmp_path / "test_flows.py").write_text(example("pytest"), encoding="utf-8")

    said = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "test_flows.py", folder=tmp_path)

    assert "1 passed" in said


def test_every_setting_it_names_exists() -> None:
    names = {field.name for field in dataclasses.fields(Settings)}
    table = re.findall(r"^\| (`.*?) \|", README, re.MULTILINE)
    named = {name for cell in table for name in re.findall(r"`([\w-]+)", cell)} - {"PATH"}
    named -= {service.name for service in SERVICES}
    variables = re.findall(r"EPHEMERAL_SERVER_(\w+)=", README)

    assert named >= {"port", "auth", "mode", "activate", "database_url"}
    assert named <= names
    assert {variable.lower() for variable in variables} <= names


@pytest.mark.parametrize(
    "command", sorted(set(re.findall(r"^ephemeral-server ([\w-]+)", README, re.M)))
)
def test_every_command_it_names_exists(command: str, tmp_path: Path) -> None:
    (tmp_path / "servers").mkdir()

    assert "Usage" in run("-m", "ephemeral_server", command, "--help", folder=tmp_path)
