"""The environment while servers are activated, and after."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ephemeral_server.embed.activation import VARIABLES, Activation

URL, SECRET = VARIABLES


def activation(name: str, secret: str | None = None) -> Activation:
    """An activation for a made-up server."""
    env = {URL: f"http://{name}/api"}
    return Activation(env if secret is None else {**env, SECRET: secret})


def seen() -> tuple[str | None, str | None]:
    """What a client in a child process would read."""
    return os.environ.get(URL), os.environ.get(SECRET)


def test_it_sets_the_variables_and_removes_them_again() -> None:
    one = activation("one", secret="user:word")
    one.apply()
    assert seen() == ("http://one/api", "user:word")
    one.restore()
    assert seen() == (None, None)


def test_it_restores_what_the_environment_had_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "http://production/api")
    monkeypatch.setenv(SECRET, "admin:secret")
    one = activation("one")
    one.apply()
    assert seen() == ("http://one/api", None), "the secret of another server must not be shown here"
    one.restore()
    assert seen() == ("http://production/api", "admin:secret")


def test_nested_activations_restore_in_order() -> None:
    one, two = activation("one"), activation("two", secret="a:b")
    one.apply()
    two.apply()
    assert seen() == ("http://two/api", "a:b")
    two.restore()
    assert seen() == ("http://one/api", None)
    one.restore()
    assert seen() == (None, None)


@pytest.mark.parametrize("outside", [None, "http://production/api"])
def test_an_activation_closed_out_of_order_changes_nothing_that_is_seen(
    monkeypatch: pytest.MonkeyPatch, outside: str | None
) -> None:
    if outside is not None:
        monkeypatch.setenv(URL, outside)
    one, two, three = activation("one"), activation("two"), activation("three")
    for each in (one, two, three):
        each.apply()
    two.restore()
    assert os.environ[URL] == "http://three/api"
    one.restore()
    assert os.environ[URL] == "http://three/api"
    three.restore()
    assert os.environ.get(URL) == outside


def test_applying_and_restoring_twice_is_once() -> None:
    one, two = activation("one"), activation("two")
    one.apply()
    two.apply()
    one.apply()
    assert os.environ[URL] == "http://two/api"
    two.restore()
    two.restore()
    assert os.environ[URL] == "http://one/api"
    one.restore()
    one.restore()
    assert seen() == (None, None)


def test_it_can_be_applied_again_after_it_was_restored() -> None:
    one = activation("one")
    live = []
    for _ in range(2):
        one.apply()
        live.append((one.is_active, os.environ.get(URL)))
        one.restore()
        live.append((one.is_active, os.environ.get(URL)))
    assert live == [(True, "http://one/api"), (False, None)] * 2


def test_a_variable_that_someone_else_changed_meanwhile_is_left_as_it_is() -> None:
    one = activation("one")
    one.apply()
    os.environ[URL] = "http://chosen-by-hand/api"
    one.restore()
    assert os.environ.pop(URL) == "http://chosen-by-hand/api"


def test_a_change_by_hand_between_two_activations_comes_back() -> None:
    one, two = activation("one"), activation("two")
    one.apply()
    os.environ[URL] = "http://chosen-by-hand/api"
    two.apply()
    one.restore()
    two.restore()
    assert os.environ.pop(URL) == "http://chosen-by-hand/api"


@pytest.mark.parametrize("client", ["not imported", "imported"])
def test_many_threads_may_activate_at_once(client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the client each turn takes its time; without it there are many more collisions."""
    turns = 500
    if client == "imported":
        import prefect.context

        turns = 3
    else:
        monkeypatch.delitem(sys.modules, "prefect.context", raising=False)
    together = threading.Barrier(8)

    def come_and_go(name: int) -> None:
        mine = activation(f"server-{name}")
        together.wait()
        for _ in range(turns):
            mine.apply()
            assert os.environ[URL].startswith("http://server-")
            mine.restore()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_and_go, range(8)))
    assert seen() == (None, None)
    if client == "imported":
        assert prefect.context.get_settings_context().settings.api.url is None
