"""What a handle asks of the thing that runs its server: a thread or a child process."""

from __future__ import annotations

from typing import Any, Protocol


class Backend(Protocol):
    """One run of one server. It is started once and stopped once.

    A backend listens on ``settings.host`` and ``settings.port``. The directory of the server is
    made before `start` and deleted after `stop` by the handle, never by a backend.
    """

    def start(self, timeout: float) -> None:
        """Serve; return when the first request can be answered.

        Args:
            timeout: seconds this may take.

        Raises:
            PortInUseError: the address is taken.
            StartError: anything else went wrong; the cause is chained, and nothing of the
                server (thread, process, descriptor) is left.
        """
        ...

    def stop(self, timeout: float) -> None:
        """End the server; return when nothing of it is left. Calling it again does nothing.

        Args:
            timeout: seconds that open requests and queued work may take; then they are cut.

        Raises:
            ShutdownError: the thread or process did not end even when it was forced to.
        """
        ...

    def abandon(self) -> None:
        """Forget the server without ending it, in a forked child of the process that runs it.

        Closes the copies of its descriptors that the fork made, and touches no lock.
        """
        ...

    def run_service(self, name: str) -> Any:
        """What one pass of a service does, see `EphemeralServer.run_service`."""
        ...

    @property
    def url(self) -> str:
        """``http://host:port``, known when `start` has returned."""
        ...

    @property
    def port(self) -> int:
        """The port that is listened on, known when `start` has returned."""
        ...

    @property
    def is_running(self) -> bool:
        """Whether requests are answered now."""
        ...
