"""create_app(ephemeral=True) gives the live server of its settings, so a cell can run again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from ephemeral_server import EphemeralServer, Settings, create_app

app = partial(create_app, ephemeral=True)


@pytest.fixture
def settings() -> Settings:
    return Settings.load(ephemeral=True, activate=False)


@pytest.fixture
def server(settings: Settings) -> Iterator[EphemeralServer]:
    with app(settings) as running:
        yield running


def test_it_runs_when_it_is_returned(server: EphemeralServer) -> None:
    assert server.is_running


def test_the_same_settings_give_the_same_server(
    server: EphemeralServer, settings: Settings
) -> None:
    assert app(settings) is server
    assert app(settings.replace(ephemeral=False)) is server


def test_other_settings_give_another_server(server: EphemeralServer, settings: Settings) -> None:
    with app(settings.replace(default_limit=7)) as other:
        assert other is not server
        assert other.url != server.url


def test_a_server_that_was_shut_down_is_replaced(
    server: EphemeralServer, settings: Settings
) -> None:
    server.shutdown()
    with app(settings) as other:
        assert other is not server
        assert other.is_running


def test_ignore_cache_gives_a_new_server_that_takes_the_place_of_the_old(
    server: EphemeralServer, settings: Settings
) -> None:
    with app(settings, ignore_cache=True) as other:
        assert other is not server
        assert server.is_running
        assert app(settings) is other


def test_threads_that_ask_at_once_get_one_server(settings: Settings) -> None:
    barrier = threading.Barrier(8)
    servers: list[EphemeralServer] = []

    def ask() -> None:
        barrier.wait()
        servers.append(app(settings))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(servers) == 8
    with servers[0]:
        assert len(set(map(id, servers))) == 1


def test_a_failed_start_is_not_remembered(server: EphemeralServer, settings: Settings) -> None:
    from ephemeral_server.errors import PortInUseError

    taken = settings.replace(port=server.port)
    with pytest.raises(PortInUseError):
        app(taken)
    server.shutdown()
    with app(taken) as other:
        assert other.is_running
