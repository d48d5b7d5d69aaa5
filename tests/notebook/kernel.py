"""Notebooks run by a real Jupyter kernel.

The kernel is driven from a process of its own, so that what its driver keeps for good (message
queues, threads) is not taken for something a server has left behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

_DRIVER = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
try:
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
finally:
    nbformat.write(notebook, sys.argv[2])
"""


@dataclass(frozen=True)
class Cell:
    """What a cell that was run has given.

    Attributes:
        source: the code.
        printed: its standard output.
        errors: its standard error.
        shown: what it displayed, by media type.
    """

    source: str
    printed: str
    errors: str
    shown: dict[str, str]

    @property
    def value(self) -> str:
        """The text of the value it ended with."""
        return self.shown["text/plain"]


def run_notebook(path: Path, folder: Path) -> list[Cell]:
    """Run a notebook from its first cell to its last; return its code cells.

    Args:
        path: of the notebook, which is not changed.
        folder: where its servers make their directories, and where the result is put.
    """
    result = folder / "result.ipynb"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "EPHEMERAL_SERVER_TEMP_DIRECTORY": str(servers(folder)),
        # A debugger that waits in the kernel warns about frozen modules on standard error.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "IPYTHONDIR": str(folder / "ipython"),
    }
    driver = subprocess.run(
        [sys.executable, "-c", _DRIVER, str(path), str(result)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert driver.returncode == 0, driver.stderr
    return [_cell(cell) for cell in code_cells(result)]


def run_cells(sources: dict[str, str], folder: Path) -> dict[str, Cell]:
    """Run cells in their order in one kernel; return them by the same names."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "source": source,
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources.values())
    ]
    path = folder / "cells.ipynb"
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
    )
    return dict(zip(sources, run_notebook(path, folder), strict=True))


def servers(folder: Path) -> Path:
    """Where the servers of a notebook make their directories."""
    return folder / "servers"


def code_cells(path: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook as its file holds them."""
    notebook = json.loads(path.read_text())
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _cell(cell: dict[str, Any]) -> Cell:
    streams = {"stdout": "", "stderr": ""}
    shown: dict[str, str] = {}
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            streams[output["name"]] += "".join(output["text"])
        else:
            shown.update({kind: "".join(data) for kind, data in output["data"].items()})
    return Cell("".join(cell["source"]), streams["stdout"], streams["stderr"], shown)
