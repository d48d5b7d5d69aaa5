"""The real client, pointed at servers and back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from prefect.settings import get_current_settings

from ephemeral_server import ephemeral
from tests.embed.programs import run_program


def target() -> str | None:
    """Where the client of this thread talks to."""
    return get_current_settings().api.url


def test_a_client_imported_before_talks_to_the_server_and_back() -> None:
    assert target() is None
    with ephemeral() as server:
        assert target() == server.api_url
    assert target() is None


def test_a_client_imported_while_the_server_runs_talks_to_it_and_back() -> None:
    said, _ = run_program("""
        import sys
        from ephemeral_server import ephemeral

        with ephemeral() as server:
            print("prefect" in sys.modules)
            from prefect.settings import get_current_settings
            print(get_current_settings().api.url == server.api_url)
        print(get_current_settings().api.url)
    """)
    assert said == ["False", "True", "None"]


def test_nothing_of_ours_imports_the_client() -> None:
    said, errors = run_program("""
        import sys
        from ephemeral_server import ephemeral

        with ephemeral() as server:
            server.run(__import__("asyncio").sleep(0))
            server._repr_html_()
        print([name for name in sys.modules if name.split(".")[0] == "prefect"])
    """)
    assert said == ["[]"]
    assert errors == ""


def test_where_the_client_was_pointed_before_it_is_pointed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from prefect.context import refresh_global_settings_context

    monkeypatch.setenv("PREFECT_API_URL", "http://production/api")
    refresh_global_settings_context()
    try:
        with ephemeral() as server:
            assert target() == server.api_url
        assert target() == "http://production/api"
    finally:
        monkeypatch.undo()
        refresh_global_settings_context()


def test_a_thread_started_before_sees_the_change() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(target).result() is None
        with ephemeral() as server:
            assert pool.submit(target).result() == server.api_url
        assert pool.submit(target).result() is None


def test_a_task_on_a_running_loop_sees_the_change() -> None:
    async def main() -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def bystander() -> str | None:
            started.set()
            await go_on.wait()
            return target()

        task = asyncio.create_task(bystander())
        await started.wait()
        async with ephemeral() as server:
            go_on.set()
            assert await task == server.api_url
        assert target() is None

    asyncio.run(main())


def test_a_child_process_inherits_the_server() -> None:
    look = (
        "from prefect.settings import get_current_settings; print(get_current_settings().api.url)"
    )
    with ephemeral() as server:
        said = subprocess.run(
            [sys.executable, "-c", look], capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == server.api_url


def test_nested_servers_are_left_in_order() -> None:
    with ephemeral() as outer:
        with ephemeral() as inner:
            assert target() == inner.api_url
        assert target() == outer.api_url
    assert target() is None


def test_servers_ended_out_of_order_leave_the_latest_in_force() -> None:
    one, two = ephemeral().start(), ephemeral().start()
    one.shutdown()
    assert target() == two.api_url
    two.shutdown()
    assert target() is None


def test_the_secret_of_a_server_reaches_the_client() -> None:
    with ephemeral(auth=True) as server:
        shown = get_current_settings().api.auth_string
        assert shown is not None
        assert shown.get_secret_value() == server.env["PREFECT_API_AUTH_STRING"]
    assert get_current_settings().api.auth_string is None


def test_a_server_that_is_not_activated_leaves_the_client_alone() -> None:
    with ephemeral(activate=False) as server:
        assert target() is None
        server.activate()
        assert target() == server.api_url
        server.deactivate()
        assert target() is None


@pytest.mark.one_python
@pytest.mark.parametrize("within_a_loop", [False, True])
def test_draining_a_client_whose_server_hangs_is_bounded_in_time(within_a_loop: bool) -> None:
    said, _ = run_program(
        """
        import asyncio, os, socket, sys, time
        from prefect.events import emit_event
        from ephemeral_server.embed.activation import Activation

        silent = socket.create_server(("127.0.0.1", 0))
        activation = Activation({"PREFECT_API_URL": f"http://127.0.0.1:{silent.getsockname()[1]}/api"})
        activation.apply()
        emit_event("to.nobody", resource={"prefect.resource.id": "x"})

        async def restore():
            activation.restore(0.5)

        begin = time.monotonic()
        asyncio.run(restore()) if sys.argv[1] == "True" else activation.restore(0.5)
        print(0.4 < time.monotonic() - begin < 3, os.environ.get("PREFECT_API_URL"), flush=True)
        os._exit(0)  # the client would wait for its event at exit
        """,
        str(within_a_loop),
    )
    assert said == ["True None"]
