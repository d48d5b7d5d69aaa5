"""The notebook that is shipped, exactly as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebook.kernel import ROOT, code_cells, run_notebook, servers

#: A kernel, the client's import and some flows, also on a machine that is busy with others.
pytestmark = pytest.mark.timeout(180)

NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


def test_the_shipped_notebook_runs_and_leaves_nothing(tmp_path: Path) -> None:
    _, start, flow, patient, again, awaited, run, show, end = run_notebook(NOTEBOOK, tmp_path)
    assert "running" in start.shown["text/html"]
    assert flow.value == "14"
    assert patient.value == "5"
    assert again.value == "True"
    assert awaited.value == "['3: Completed', '3: Completed', '4: Completed']"
    assert run.value == awaited.value
    assert "3 flow runs" in show.shown["text/html"]
    assert "not running" in end.shown["text/html"]
    assert list(servers(tmp_path).iterdir()) == []


def test_the_shipped_notebook_holds_no_outputs() -> None:
    for cell in code_cells(NOTEBOOK):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
