"""A server that nobody shuts down ends all the same, and its directory goes."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from pathlib import Path

import pytest

from ephemeral_server import EphemeralServer, Settings, ephemeral
from ephemeral_server.embed.storage import list_live, sweep
from tests.embed.support import (
    application,
    finish,
    refuses_connections,
    run_script,
    start_script,
)

HEAD = """
from ephemeral_server import ephemeral
server = ephemeral().start()
print(server.directory, flush=True)
"""


def gone(directory: str) -> bool:
    return not Path(directory.strip()).exists()


def test_interpreter_exit_ends_a_server(tmp_path: Path) -> None:
    assert gone(run_script(tmp_path, HEAD))


def test_interpreter_exit_ends_a_server_of_create_app_without_a_name(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        """
        from ephemeral_server import create_app
        create_app(ephemeral=True)
        print(create_app(ephemeral=True).directory)
        """,
    )
    assert gone(out)


def test_interpreter_exit_ends_many_servers(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        """
        from ephemeral_server import ephemeral
        servers = [ephemeral().start() for _ in range(5)]
        print(*(server.directory for server in servers), sep="\\n")
        """,
    )
    assert len(out.splitlines()) == 5
    assert all(gone(line) for line in out.splitlines())


def test_a_server_serves_the_threads_that_outlive_the_main_one(tmp_path: Path) -> None:
    out = run_script(
        tmp_path,
        """
        import threading, urllib.request
        from ephemeral_server import ephemeral
        server = ephemeral().start()
        def ask():
            threading.main_thread().join()
            print(urllib.request.urlopen(server.api_url + "/health").read())
        threading.Thread(target=ask).start()
        """,
    )
    assert out == "b'true'\n"


def test_sys_exit_in_the_block_ends_the_server(tmp_path: Path) -> None:
    source = """
        import sys
        from ephemeral_server import ephemeral
        with ephemeral() as server:
            print(server.directory, flush=True)
            sys.exit(7)
        """
    code, out, err = finish(start_script(tmp_path, source))
    assert (code, err) == (7, "")
    assert gone(out)


def test_an_error_in_the_block_ends_the_server() -> None:
    with pytest.raises(ZeroDivisionError), ephemeral(activate=False) as server:
        raise ZeroDivisionError
    assert not server.is_running


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_keyboard_interrupt_in_the_block_ends_the_server(tmp_path: Path) -> None:
    source = """
        import time
        from ephemeral_server import ephemeral
        try:
            with ephemeral() as server:
                print(server.directory, flush=True)
                time.sleep(60)
        except KeyboardInterrupt:
            print(server.is_running)
        """
    process = start_script(tmp_path, source)
    assert process.stdout is not None
    directory = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out.split(), err) == (0, ["False"], "")
    assert gone(directory)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_keyboard_interrupt_without_a_block_ends_the_server(tmp_path: Path) -> None:
    process = start_script(tmp_path, HEAD + "import time; time.sleep(60)")
    assert process.stdout is not None
    directory = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, _, err = finish(process)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert gone(directory)


def test_keyboard_interrupt_during_a_start_leaves_nothing() -> None:
    async def interrupt() -> None:
        # What Ctrl-C does: the waiting main thread gets the signal.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    settings = Settings.load(ephemeral=True, activate=False)
    server = EphemeralServer(settings, build=application(start=interrupt))

    def start() -> None:
        server.start()
        threading.Event().wait(10)  # the signal may come a moment after the start

    with pytest.raises(KeyboardInterrupt):
        start()
    server.shutdown()
    assert not server.is_running


def test_a_collected_handle_ends_its_server() -> None:
    server = ephemeral(activate=False).start()
    port, directory = server.port, server.directory
    threads = _server_threads()
    del server
    gc.collect()
    for thread in threads | _server_threads():
        thread.join(10)
    assert refuses_connections(port)
    assert not directory.exists()


def test_a_collected_handle_that_was_never_started_leaves_no_directory() -> None:
    server = ephemeral(activate=False)
    assert server.app is not None
    directory = server.directory
    del server
    gc.collect()
    for thread in _server_threads():
        thread.join(10)
    assert not directory.exists()


def test_a_new_start_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    process = start_script(tmp_path, HEAD + "import time; time.sleep(60)")
    assert process.stdout is not None
    directory = process.stdout.readline()
    process.kill()
    finish(process)
    assert not gone(directory)
    with ephemeral(activate=False):
        assert gone(directory)


def test_a_live_server_of_another_process_is_not_swept(tmp_path: Path) -> None:
    process = start_script(tmp_path, HEAD + "input()")
    assert process.stdout is not None
    directory = process.stdout.readline().strip()
    base = str(Path(directory).parent)
    assert sweep(base) == []
    live = [entry for entry in list_live(base) if entry["directory"] == directory]
    assert [entry["pid"] for entry in live] == [process.pid]
    process.communicate("\n", timeout=30)
    assert gone(directory)


def _server_threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if t.name.startswith("ephemeral-server")}
