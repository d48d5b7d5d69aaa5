"""Blocks that keep results, and blocks that hold the source of flows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, task
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import PrefectHTTPStatusError
from prefect.filesystems import LocalFileSystem
from prefect.flows import load_flow_from_flow_run
from prefect.variables import Variable

from tests.client.blocks import load, save, save_secret
from tests.client.deploying import start
from tests.client.history import History
from tests.client.test_results import stored
from tests.client.traffic import Traffic

SOURCE = """
from prefect import flow

@flow
def doubles(n: int) -> int:
    return 2 * n
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a block named `here` keeps what it is given."""
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.fixture
def block(history: History, folder: Path) -> UUID:
    """The id of the block named `here`."""
    return save(LocalFileSystem(basepath=str(folder)), "here")


@task(persist_result=True)
def half(n: int) -> int:
    return n // 2


@flow(persist_result=True)
def halves(n: int) -> int:
    return half(n)


def pulled(run_id: UUID, history: History) -> Any:
    """The flow of a run, from where the steps of its deployment get it."""
    load: Any = load_flow_from_flow_run
    return asyncio.run(load(history.client.read_flow_run(run_id)))


def test_results_are_kept_where_the_server_says(
    history: History, traffic: Traffic, block: UUID, folder: Path
) -> None:
    client = history.client
    assert client.read_server_default_result_storage().default_result_storage_block_id is None
    client.update_server_default_result_storage(block)
    assert client.read_server_default_result_storage().default_result_storage_block_id == block
    assert halves(84) == 42
    states = [history.flow_run().state, history.task_run("half").state]
    assert [stored(state)["storage_block_id"] for state in states] == [str(block)] * 2
    assert {stored(state)["storage_key"] for state in states} == {
        file.name for file in folder.iterdir()
    }
    assert [state.result() for state in states if state is not None] == [42, 42]

    secret = save_secret("s", "secret")
    traffic.expect("PUT /admin/storage", 422)
    with pytest.raises(PrefectHTTPStatusError, match="cannot be used for result storage"):
        client.update_server_default_result_storage(secret)
    assert client.read_server_default_result_storage().default_result_storage_block_id == block
    client.delete_block_document(block)
    assert client.read_server_default_result_storage().default_result_storage_block_id is None
    halves(2)
    state = history.flow_runs()[-1].state
    assert stored(state)["storage_block_id"] is None


def test_the_default_result_storage_can_be_taken_back(history: History, block: UUID) -> None:
    history.client.update_server_default_result_storage(block)
    history.client.clear_server_default_result_storage()
    storage = history.client.read_server_default_result_storage()
    assert storage.default_result_storage_block_id is None


def test_flows_and_tasks_name_blocks_that_keep_their_results(
    history: History, block: UUID, folder: Path
) -> None:
    @task(persist_result=True, result_storage=load(LocalFileSystem, "here"))
    def counts() -> list[int]:
        return [1, 2]

    @flow(persist_result=True, result_storage="local-file-system/here")
    def keeps() -> int:
        return sum(counts())

    assert keeps() == 3
    states = [history.flow_run().state, history.task_run("counts").state]
    assert [stored(state)["storage_block_id"] for state in states] == [str(block)] * 2
    assert len(list(folder.iterdir())) == 2
    assert [state.result() for state in states if state is not None] == [3, [1, 2]]


def test_a_flow_is_deployed_from_a_block_and_pulled_from_there(
    history: History, block: UUID, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "source.py").write_text(SOURCE)
    workplace = tmp_path / "workplace"
    workplace.mkdir()
    monkeypatch.chdir(workplace)
    history.client.create_work_pool(WorkPoolCreate(name="pool", type="process"))
    source: Any = load(LocalFileSystem, "here")
    sourced: Any = flow.from_source(source, "source.py:doubles")
    made = sourced.deploy("sourced", work_pool_name="pool", print_next_steps=False)
    (step,) = history.client.read_deployment(made).pull_steps or []
    given = {"block_type_slug": "local-file-system", "block_document_name": "here"}
    assert step == {"prefect.deployments.steps.pull_with_block": given}
    loaded = pulled(start(made, parameters={"n": 21}).id, history)
    assert (loaded.name, loaded.fn(21)) == ("doubles", 42)
    assert Path.cwd().parent == workplace
    assert list(workplace.glob("*/source.py"))


def test_steps_that_pull_a_flow_refer_to_variables_and_blocks(
    history: History, folder: Path, block: UUID, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "source.py").write_text(SOURCE)
    Variable.set("folder", folder.name)
    place = "{{ prefect.blocks.local-file-system.here.basepath }}/../{{ prefect.variables.folder }}"
    made = history.client.create_deployment(
        flow_id=history.client.create_flow_from_name("doubles"),
        name="sourced",
        entrypoint="source.py:doubles",
        pull_steps=[{"prefect.deployments.steps.set_working_directory": {"directory": place}}],
    )
    loaded = pulled(start(made, parameters={"n": 2}).id, history)
    assert loaded.fn(2) == 4
    assert Path.cwd() == folder
