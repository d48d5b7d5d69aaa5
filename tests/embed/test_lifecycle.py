"""A server starts, answers, ends, and leaves nothing (the leak checks run around every test)."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ephemeral_server import EphemeralServer, Settings, ephemeral
from ephemeral_server.errors import NotRunningError, SettingsError
from tests.embed import patching
from tests.embed.support import get, post, refuses_connections

#: In the four processes that run these tests once more (`test_patched`), fewer tell as much.
IN_A_ROW = 30 if patching.VARIABLE in os.environ else 200


def quiet(**overrides: Any) -> EphemeralServer:
    """A server that the client of this process is not pointed at."""
    return ephemeral(activate=False, **overrides)


def test_a_server_answers_as_soon_as_the_block_is_entered() -> None:
    with quiet() as server:
        assert get(f"{server.api_url}/health") is True


def test_a_server_refuses_connections_after_the_block() -> None:
    with quiet() as server:
        port = server.port
    assert refuses_connections(port)


def test_async_with_does_the_same() -> None:
    async def main() -> tuple[EphemeralServer, int]:
        async with quiet() as server:
            assert await asyncio.to_thread(get, f"{server.api_url}/health") is True
            return server, server.port

    server, port = asyncio.run(main())
    assert not server.is_running
    assert refuses_connections(port)


def test_starting_does_not_block_the_loop_of_async_with() -> None:
    async def main() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with quiet():
            ticking.cancel()
        return ticks

    assert asyncio.run(main()) > 10


def test_start_and_shutdown_work_without_a_block() -> None:
    server = quiet().start()
    assert get(f"{server.api_url}/health") is True
    server.shutdown()
    assert not server.is_running


def test_starting_a_running_server_changes_nothing() -> None:
    with quiet() as server:
        url = server.url
        assert server.start() is server
        assert server.url == url


def test_the_handle_tells_where_the_server_is() -> None:
    with quiet() as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert server.api_url == f"{server.url}/api"
        assert server.env == {"PREFECT_API_URL": server.api_url}


def test_the_handle_tells_since_when_the_server_runs() -> None:
    with quiet() as server:
        assert server.started_at is not None
        age = datetime.now(timezone.utc) - server.started_at
        assert timedelta() <= age < timedelta(seconds=30)


def test_the_chosen_port_is_used() -> None:
    with quiet() as first:
        port = first.port
    with quiet(port=port) as second:
        assert second.port == port


def test_a_host_of_ipv6_gives_a_url_in_brackets() -> None:
    with quiet(host="::1") as server:
        assert server.url == f"http://[::1]:{server.port}"
        assert get(f"{server.api_url}/health") is True


def test_a_server_on_all_addresses_is_reached_by_the_loopback_address() -> None:
    with quiet(host="0.0.0.0") as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert get(f"{server.api_url}/health") is True


def test_the_api_can_be_mounted_elsewhere() -> None:
    with quiet(api_base_path="/orchestra/api") as server:
        assert server.api_url == f"{server.url}/orchestra/api"


def test_the_database_is_a_file_in_the_directory_of_the_server() -> None:
    with quiet() as server:
        file = Path(server.database_url.removeprefix("sqlite+aiosqlite:///"))
        assert file.parent == server.directory
        assert file.exists()


def test_the_directory_is_closed_to_other_users_and_deleted_at_the_end() -> None:
    with quiet() as server:
        directory = server.directory
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


def test_a_database_of_the_user_stays(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'mine.db'}"
    with quiet(database_url=url) as server:
        assert server.database_url == url
    assert (tmp_path / "mine.db").exists()


def test_auth_makes_a_secret_that_the_environment_tells() -> None:
    with quiet(auth=True) as first, quiet(auth=True) as second:
        secrets = [server.env["PREFECT_API_AUTH_STRING"] for server in (first, second)]
    assert secrets[0] != secrets[1]
    assert all(secret.startswith("ephemeral:") and len(secret) > 30 for secret in secrets)


def test_a_secret_of_the_user_is_kept() -> None:
    with quiet(auth_string="me:mine") as server:
        assert server.env["PREFECT_API_AUTH_STRING"] == "me:mine"


def test_the_representation_shows_the_address_the_state_and_what_runs() -> None:
    server = quiet()
    assert repr(server) == "<EphemeralServer not started: API>"
    with server:
        assert repr(server) == f"<EphemeralServer {server.url} running in a thread: API>"
    assert repr(server) == "<EphemeralServer shut down: API>"


def test_before_the_start_there_is_no_address() -> None:
    with pytest.raises(NotRunningError, match="has not been started"):
        _ = quiet().url


def test_after_the_end_there_is_no_address() -> None:
    with quiet() as server:
        pass
    with pytest.raises(NotRunningError, match="has been shut down"):
        _ = server.url


def test_a_started_again_server_has_new_data() -> None:
    server = quiet()
    with server:
        post(f"{server.api_url}/flows/", {"name": "one"})
    with server:
        assert post(f"{server.api_url}/flows/count", {}) == 0


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(SettingsError, match="no setting 'prot'"):
        ephemeral(prot=4200)
    with pytest.raises(SettingsError, match="no setting 'prot'"):
        ephemeral(Settings(), prot=4200)


def test_settings_can_be_given_whole_with_overrides() -> None:
    server = ephemeral(Settings(default_limit=7), activate=False)
    assert (server.settings.default_limit, server.settings.activate) == (7, False)
    assert server.settings.ephemeral


def test_many_servers_in_a_row_leave_threads_descriptors_and_files_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_RUNTIME_DIR", "EPHEMERAL_SERVER_TEMP_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def present() -> tuple[list[str], int | None, list[Path]]:
        threads = sorted(thread.name for thread in threading.enumerate())
        return threads, _descriptors(), sorted(tmp_path.rglob("*"))

    with quiet() as server:
        assert tmp_path in server.directory.parents
    before = present()  # what is loaded or made once may stay
    for _ in range(IN_A_ROW):
        with quiet() as server:
            assert get(f"{server.api_url}/health") is True
    assert present() == before


def test_20_servers_at_once_have_each_their_own_data() -> None:
    with ThreadPoolExecutor(20) as pool:
        servers = list(pool.map(lambda _: quiet().start(), range(20)))
        try:
            for number, server in enumerate(servers):
                for flow in range(number):
                    post(f"{server.api_url}/flows/", {"name": f"flow-{flow}"})
            counts = [post(f"{server.api_url}/flows/count", {}) for server in servers]
            assert counts == list(range(20))
            assert len({server.url for server in servers}) == 20
            assert len({server.directory for server in servers}) == 20
        finally:
            list(pool.map(EphemeralServer.shutdown, servers))
    assert not any(server.is_running for server in servers)


def test_the_logging_of_the_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    access = logging.getLogger("uvicorn.access")
    monkeypatch.setattr(access, "propagate", True)  # whatever others did before
    handler = logging.NullHandler()
    access.addHandler(handler)
    try:
        with quiet():
            pass
        assert handler in access.handlers
        assert access.propagate
    finally:
        access.removeHandler(handler)


def _descriptors() -> int | None:
    """How many are open, where the system tells."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
