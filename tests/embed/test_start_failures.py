"""A start that fails is an error where the user stands, with its cause, and leaves nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from ephemeral_server import EphemeralServer, Settings, ephemeral
from ephemeral_server.errors import PortInUseError, SettingsError, StartError
from tests.embed.support import application


def failing(error: BaseException) -> EphemeralServer:
    """A server whose application raises `error` when it starts."""

    async def fail() -> None:
        raise error

    return with_application(start=fail)


def with_application(**parts: object) -> EphemeralServer:
    settings = Settings.load(ephemeral=True, activate=False, start_timeout=5.0)
    return EphemeralServer(settings, build=application(**parts))  # type: ignore[arg-type]


def test_a_taken_port_is_said_to_be_taken() -> None:
    with ephemeral(activate=False) as other:
        second = ephemeral(port=other.port, activate=False)
        with pytest.raises(PortInUseError, match=rf"Port {other.port} on 127\.0\.0\.1 is taken"):
            second.start()


def test_a_taken_port_has_the_error_of_the_system_as_its_cause() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        server = ephemeral(port=other.getsockname()[1], activate=False)
        with pytest.raises(PortInUseError) as caught:
            server.start()
    assert isinstance(caught.value.__cause__, OSError)


def test_the_server_that_has_the_port_is_not_disturbed() -> None:
    with ephemeral(activate=False) as other:
        with pytest.raises(PortInUseError):
            ephemeral(port=other.port, activate=False).start()
        assert other.is_running


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError, match=r"cannot listen on '192\.0\.2\.1'"):
        ephemeral(host="192.0.2.1", activate=False).start()


def test_a_host_that_does_not_exist_is_refused() -> None:
    with pytest.raises(StartError, match=r"cannot listen on 'no-such-host\.invalid'"):
        ephemeral(host="no-such-host.invalid", activate=False).start()


def test_a_temporary_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StartError, match="temp_directory") as caught:
        ephemeral(temp_directory=str(file), activate=False).start()
    assert isinstance(caught.value.__cause__, OSError)


def test_a_database_below_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    url = f"sqlite+aiosqlite:///{file / 'data.db'}"
    with pytest.raises(StartError, match="The folder of the database does not exist") as caught:
        ephemeral(database_url=url, activate=False).start()
    assert isinstance(caught.value.__cause__, SettingsError)


def test_an_error_of_the_application_is_the_cause() -> None:
    error = ZeroDivisionError("of the application")
    with pytest.raises(StartError, match="ZeroDivisionError: of the application") as caught:
        failing(error).start()
    assert caught.value.__cause__ is error


def test_an_exit_of_the_application_is_the_cause() -> None:
    with pytest.raises(StartError) as caught:
        failing(SystemExit(3)).start()
    assert isinstance(caught.value.__cause__, SystemExit)


def test_an_error_while_the_application_is_built_is_the_cause() -> None:
    def build(settings: Settings) -> None:
        raise ImportError("no such thing")

    settings = Settings.load(ephemeral=True, activate=False)
    server = EphemeralServer(settings, build=build)  # type: ignore[arg-type]
    with pytest.raises(StartError, match=r"importing and building.*no such thing"):
        server.start()


def test_async_with_raises_the_same_error() -> None:
    async def main() -> None:
        async with failing(ZeroDivisionError()):
            pass

    with pytest.raises(StartError) as caught:
        asyncio.run(main())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_nothing_is_printed_about_a_failure_that_is_raised(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(StartError):
        failing(ZeroDivisionError()).start()
    assert capfd.readouterr() == ("", "")


def test_a_failed_start_leaves_no_directory() -> None:
    server = failing(ZeroDivisionError())
    assert server.app is not None  # asking for it makes the directory
    directory = server.directory
    with pytest.raises(StartError):
        server.start()
    assert not directory.exists()
    assert not server.is_running


def test_a_handle_that_failed_to_start_can_be_started_again() -> None:
    broken = [ZeroDivisionError()]

    async def fail_once() -> None:
        if broken:
            raise broken.pop()

    server = with_application(start=fail_once)
    with pytest.raises(StartError):
        server.start()
    with server:
        assert server.is_running


def test_a_start_that_takes_too_long_says_what_was_slow() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    settings = Settings.load(ephemeral=True, activate=False, start_timeout=0.3)
    server = EphemeralServer(settings, build=application(start=hang))
    with pytest.raises(StartError, match=r"within 0\.3 s.*still starting the application"):
        server.start()


def test_a_start_can_be_cancelled_by_async_with() -> None:
    release = threading.Event()

    async def wait() -> None:
        await asyncio.to_thread(release.wait, 10)

    server = with_application(start=wait)

    async def main() -> None:
        entering = asyncio.ensure_future(server.__aenter__())
        await asyncio.sleep(0.05)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering

    asyncio.run(main())
    release.set()
    _join_helpers()
    assert not server.is_running


def _join_helpers() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("ephemeral-server"):
            thread.join(10)
