"""The command ``ephemeral-server``, run as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ephemeral_server import ephemeral
from ephemeral_server.services.registry import SERVICES
from ephemeral_server.version import __version__
from tests import web

COMMAND = [sys.executable, "-m", "ephemeral_server"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30)


@contextmanager
def started(*arguments: str, log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in the foreground of a process, and where its API answers."""
    with log.open("w") as errors:
        command = [*COMMAND, "start", "--port", "0", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        api_url = process.stdout.readline().strip()
        assert api_url, log.read_text()
        yield process, api_url
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stopped(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    return process.wait(timeout=15)


class TestStart:
    def test_data_of_a_lasting_server_is_there_after_a_restart(self, tmp_path: Path) -> None:
        database = ["--database-url", f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}"]
        with started(*database, log=tmp_path / "log") as (process, api_url):
            made = web.post(f"{api_url}/flows/", json={"name": "kept"})
            assert made.status_code == 201
            assert stopped(process, signal.SIGTERM) in (0, -signal.SIGTERM)
        with started(*database, log=tmp_path / "log") as (process, api_url):
            found = web.get(f"{api_url}/flows/name/kept")
            assert found.json()["id"] == made.json()["id"]

    def test_ctrl_c_ends_it_although_a_connection_is_open(self, tmp_path: Path) -> None:
        with (
            started("--ephemeral", log=tmp_path / "log") as (process, api_url),
            web.client(api_url) as client,
        ):
            assert client.get("/health").json() is True
            assert stopped(process, signal.SIGINT) in (0, -signal.SIGINT, 130)

    def test_a_taken_port_is_told_in_one_sentence(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            result = run("start", "--ephemeral", "--port", str(port))
        assert result.returncode == 1
        assert f"Port {port} on 127.0.0.1 is taken" in result.stderr
        assert "Traceback" not in result.stderr

    def test_an_unusable_setting_is_told_with_its_name(self) -> None:
        result = run("start", "--ephemeral", "--port", "0", "--auth-string", "no colon")
        assert result.returncode == 1
        assert "auth_string" in result.stderr

    def test_settings_come_from_the_environment_too(self, tmp_path: Path) -> None:
        environment = {**os.environ, "EPHEMERAL_SERVER_AUTH_STRING": "user:secret"}
        environment["EPHEMERAL_SERVER_PORT"] = "0"
        process = subprocess.Popen(
            [*COMMAND, "start", "--ephemeral"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            api_url = process.stdout.readline().strip()
            refused = web.get(f"{api_url}/version")
            allowed = web.get(f"{api_url}/version", auth=("user", "secret"))
            assert (refused.status_code, allowed.status_code) == (401, 200)
        finally:
            process.terminate()
            process.communicate()

    def test_services_run_as_one_says(self, tmp_path: Path) -> None:
        lasting = ["--database-url", f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}"]
        for options, run in (
            (["--ephemeral", "--services"], True),
            (
                [*lasting, "--no-services"],
                False,
            ),
        ):
            with started(*options, log=tmp_path / "log") as (process, api_url):
                tree = web.get(f"{api_url}/admin/settings").json()
                assert stopped(process, signal.SIGTERM) in (0, -signal.SIGTERM)
            assert tree["server"]["services"]["late_runs"]["enabled"] is run


class TestOtherCommands:
    def test_services_are_listed_with_what_they_do(self) -> None:
        lines = run("services").stdout.splitlines()
        assert "late-runs             Calls scheduled flow runs Late that" in lines[0]
        assert len(lines) == len(SERVICES)

    def test_ps_lists_the_servers_that_live(self) -> None:
        with ephemeral(activate=False) as server:
            url, listed = server.url, run("ps").stdout
        assert url in listed
        assert str(os.getpid()) in listed
        assert url not in run("ps").stdout

    def test_openapi_prints_the_document(self) -> None:
        document = json.loads(run("openapi").stdout)
        assert "/flow_runs/{id}/set_state" in document["paths"]

    def test_version(self) -> None:
        assert __version__ in run("--version").stdout


class TestRotateKey:
    def test_the_first_key_is_made_where_there_is_no_secret_yet(self, tmp_path: Path) -> None:
        url = f"sqlite+aiosqlite:///{tmp_path / 'kept.db'}"
        with ephemeral(database_url=url, activate=False):
            result = run("rotate-key", "--database-url", url)
        assert result.stdout == "The secrets of 0 block documents are sealed anew.\n"
        assert (tmp_path / "kept.db.key").exists()

    def test_a_database_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        result = run("rotate-key", "--database-url", f"sqlite+aiosqlite:///{tmp_path / 'none.db'}")
        assert result.returncode == 1
        assert result.stderr.startswith("Error: There is no database")
        assert list(tmp_path.iterdir()) == []
