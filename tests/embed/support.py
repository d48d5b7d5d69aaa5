"""What the tests of the embedding share: scripts in real processes, requests, odd applications."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ephemeral_server import Settings

ROOT = Path(__file__).parents[2]

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, timeout: float = 30.0) -> Any:
    """The JSON that a GET request is answered with, without any proxy."""
    with _OPENER.open(url, timeout=timeout) as answer:
        return json.loads(answer.read())


def post(url: str, body: object, timeout: float = 30.0) -> Any:
    """The JSON that a POST request is answered with."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with _OPENER.open(request, timeout=timeout) as answer:
        return json.loads(answer.read())


def refuses_connections(port: int) -> bool:
    """Whether nobody listens on this port of this machine."""
    with socket.socket() as client:
        client.settimeout(5)
        return client.connect_ex(("127.0.0.1", port)) != 0


def start_script(folder: Path, source: str, *options: str) -> subprocess.Popen[str]:
    """Start a script in a Python of its own that can import this package.

    Args:
        folder: where to write it; multiprocessing needs a file that it can import.
        source: the program; indentation is removed.
        *options: of the interpreter.
    """
    file = folder / "script.py"
    file.write_text(textwrap.dedent(source))
    return subprocess.Popen(
        [sys.executable, *options, str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *_inherited_path()])},
    )


def finish(process: subprocess.Popen[str], timeout: float = 60.0) -> tuple[int, str, str]:
    """The exit code and what was printed; a script that hangs fails the test."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"The script did not end.\n{out}\n{err}") from None
    return process.returncode, out, err


def run_script(folder: Path, source: str, *options: str) -> str:
    """What a script printed; it must end well and print nothing on its standard error."""
    code, out, err = finish(start_script(folder, source, *options))
    assert (code, err) == (0, ""), f"exit code {code}\n{out}\n{err}"
    return out


def application(
    start: Callable[[], Awaitable[None]] | None = None,
    stop: Callable[[], Awaitable[None]] | None = None,
    routes: dict[str, Callable[..., Any]] | None = None,
) -> Callable[[Settings], FastAPI]:
    """A small application for what the real one never does: to fail, to hang, to answer slowly.

    Args:
        start, stop: what its lifespan does.
        routes: GET routes by path.
    """

    def build(settings: Settings) -> FastAPI:
        from fastapi import FastAPI

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            if start is not None:
                await start()
            yield
            if stop is not None:
                await stop()

        app = FastAPI(lifespan=lifespan)
        for path, endpoint in (routes or {}).items():
            app.get(path)(endpoint)
        return app

    return build


def children_of(pid: str = "self") -> set[int]:
    """The child processes of a process."""
    tasks = Path(f"/proc/{pid}/task")
    while True:
        try:
            texts = [(thread / "children").read_text() for thread in tasks.iterdir()]
        except (FileNotFoundError, ProcessLookupError):
            if not tasks.is_dir():
                raise
            continue  # a thread has ended meanwhile
        return {int(child) for text in texts for child in text.split()}


def _inherited_path() -> list[str]:
    given = os.environ.get("PYTHONPATH")
    return [given] if given else []
