"""A server in a notebook, in all the ways notebooks are patched by their users."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.leaks import LeakGuard
from tests.notebook.kernel import Cell, run_cells, servers

#: A kernel, the client's import and some flows, also on a machine that is busy with others.
pytestmark = pytest.mark.timeout(180)

CELLS = {
    "import": """
        import asyncio, os, signal, subprocess, sys, threading
        from prefect import flow, task
        from prefect.client.orchestration import get_client

        @task
        def double(number):
            return 2 * number

        @flow(name="doubles")
        def doubles(count):
            return [double(number) for number in range(count)]

        @flow(name="patient")
        async def patient():
            await asyncio.sleep(0)
            return doubles(1)

        async def finished():
            async with get_client() as client:
                runs = await client.read_flow_runs()
            return sorted(run.state_name for run in runs)
    """,
    "start": """
        from ephemeral_server import create_app
        server = create_app(ephemeral=True)
        server.is_running
    """,
    "flow": "doubles(3)",
    "await a flow": "await patient()",
    "start again": "create_app(ephemeral=True) is server",
    "await": "await finished()",
    "run": "server.run(finished())",
    "run nested": """
        client = get_client()
        await client.__aenter__()
        len(server.run(client.read_flow_runs(), nested=True))
    """,
    "close the client": "await client.__aexit__(None, None, None)",
    "flow after nesting": "doubles(1)",
    "interrupt": """
        async def interrupted():
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(60)

        try:
            server.run(interrupted())
        except KeyboardInterrupt:
            print("interrupted", server.is_running)
    """,
    "child": """
        look = "import prefect.settings as s; print(s.get_current_settings().api.url)"
        said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
        said.stdout.strip() == server.api_url
    """,
    "show": "server",
    "shut down": """
        server.shutdown()
        [thread.name for thread in threading.enumerate() if "ephemeral" in thread.name]
    """,
    "show the end": "server",
    "client after": """
        from prefect.settings import get_current_settings
        get_current_settings().api.url, os.environ.get("PREFECT_API_URL")
    """,
    "start anew": """
        server = create_app(ephemeral=True)
        await finished()
    """,
    "left running": """
        print(server.directory)
        server.is_running
    """,
}

PATCHES = {
    "not patched": {},
    "patched before": {"patch": "import nest_asyncio\nnest_asyncio.apply()"},
    "patched after": {"patch": "import nest_asyncio\nnest_asyncio.apply()"},
    "patched before by the successor": {"patch": "import nest_asyncio2\nnest_asyncio2.apply()"},
    "patched after by the successor": {"patch": "import nest_asyncio2\nnest_asyncio2.apply()"},
}


@pytest.fixture(scope="module", params=PATCHES)
def notebook(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, leak_guard: LeakGuard
) -> tuple[dict[str, Cell], Path]:
    """All cells, run in one kernel, and the folder of the notebook."""
    cells = {name: textwrap.dedent(source).strip() for name, source in CELLS.items()}
    patch = PATCHES[request.param]
    if "after" in request.param:
        names = list(cells)
        early = names[: names.index("flow")]
        cells = {
            **{name: cells[name] for name in early},
            **patch,
            **{name: cells[name] for name in names if name not in early},
        }
    else:
        cells = {**patch, **cells}
    folder = tmp_path_factory.mktemp("notebook")
    with leak_guard.adopt():
        done = run_cells(cells, folder)
    return done, folder


@pytest.fixture
def cells(notebook: tuple[dict[str, Cell], Path]) -> dict[str, Cell]:
    return notebook[0]


def test_the_server_runs_when_its_cell_is_done(cells: dict[str, Cell]) -> None:
    assert cells["start"].value == "True"


def test_flows_run_in_cells(cells: dict[str, Cell]) -> None:
    assert cells["flow"].value == "[0, 2, 4]"


def test_flows_are_awaited_in_cells(cells: dict[str, Cell]) -> None:
    assert cells["await a flow"].value == "[0]"


def test_running_the_cell_again_gives_the_same_server(cells: dict[str, Cell]) -> None:
    assert cells["start again"].value == "True"


def test_the_client_is_awaited_in_cells(cells: dict[str, Cell]) -> None:
    assert cells["await"].value == "['Completed', 'Completed', 'Completed']"


def test_run_waits_for_a_coroutine_although_the_kernel_s_loop_runs(cells: dict[str, Cell]) -> None:
    assert cells["run"].value == "['Completed', 'Completed', 'Completed']"


def test_run_nested_uses_a_client_that_an_earlier_cell_has_opened(cells: dict[str, Cell]) -> None:
    assert cells["run nested"].value == "3"


def test_flows_run_after_the_loop_was_nested(cells: dict[str, Cell]) -> None:
    assert cells["flow after nesting"].value == "[0]"


def test_interrupting_a_cell_interrupts_run_and_not_the_server(cells: dict[str, Cell]) -> None:
    assert cells["interrupt"].printed == "interrupted True\n"


def test_a_child_process_talks_to_the_server(cells: dict[str, Cell]) -> None:
    assert cells["child"].value == "True"


def test_the_handle_shows_what_the_server_holds(cells: dict[str, Cell]) -> None:
    shown = cells["show"].shown["text/html"]
    assert "http://127.0.0.1:" in shown
    assert "4 flow runs" in shown
    assert shown.count("<rect") == 4
    assert cells["show"].value.startswith("<EphemeralServer http://127.0.0.1:")


def test_after_shutdown_no_thread_of_the_server_is_left(cells: dict[str, Cell]) -> None:
    assert cells["shut down"].value == "[]"


def test_after_shutdown_the_handle_says_so(cells: dict[str, Cell]) -> None:
    assert "not running" in cells["show the end"].shown["text/html"]


def test_after_shutdown_the_client_is_pointed_back(cells: dict[str, Cell]) -> None:
    assert cells["client after"].value == "(None, None)"


def test_after_shutdown_the_cell_starts_an_empty_server(cells: dict[str, Cell]) -> None:
    assert cells["start anew"].value == "[]"


def test_a_server_left_running_ends_with_the_kernel(
    notebook: tuple[dict[str, Cell], Path],
) -> None:
    cells, folder = notebook
    assert cells["left running"].value == "True"
    assert Path(cells["left running"].printed.strip()).parent == servers(folder)
    assert list(servers(folder).iterdir()) == []


def test_nothing_complains(cells: dict[str, Cell]) -> None:
    for cell in cells.values():
        assert "Traceback" not in cell.errors
        assert "rror" not in cell.errors, cell.source
        assert "Warning" not in cell.errors
