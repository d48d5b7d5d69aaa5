"""Word of what was committed, for those in this process who wait for it."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[str], None]


class Notices:
    """Passes on what `Transaction.notify` tells, on the server's loop, after the commit.

    A notice says that there is something to look for, not what: it can come for nothing, and
    what another process commits brings none.
    """

    def __init__(self) -> None:
        self._listeners: dict[str, tuple[Listener, ...]] = {}

    def listen(self, topic: str, listener: Listener) -> None:
        """Call `listener` with the subject of every notice on `topic`; it must not fail."""
        self._listeners[topic] = (*self._listeners.get(topic, ()), listener)

    def tell(self, topic: str, subject: str) -> None:
        """Call those who listen to `topic`."""
        for listener in self._listeners.get(topic, ()):
            listener(subject)
