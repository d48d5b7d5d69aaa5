"""The world of `dataset`, once for each module and kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.filters import dataset


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fitting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dataset.Fitting]:
    """Tells which rows of a table fit a condition."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("world")
        url = f"sqlite+aiosqlite:///{folder / 'data.db'}"
        dataset.fill(url)
        yield partial(dataset.fitting, url)
        return
    postgres = request.getfixturevalue("postgres")
    name = postgres.create_database(request.getfixturevalue("_postgres_template"))
    url = postgres.url(name)
    dataset.fill(url)
    yield partial(dataset.fitting, url)
    postgres.drop_database(name)
