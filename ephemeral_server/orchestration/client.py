"""Who proposes a state, as far as rules care."""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, int, int]

_RELEASE = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(.*)")
#: Workers of these versions take and give back their slots themselves.
_TAKE_SLOTS = frozenset({"3.0.0rc20", "3.0.0", "3.0.1", "3.0.2", "3.0.3"})
_RENEWS_LEASES: Version = (3, 4, 11)
_LAST_WITHOUT_RESULT_STORAGE: Version = (3, 3, 7)


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the API, or the server itself.

    Attributes:
        api_version: the version of the protocol that it speaks; None: the newest.
        version: its own version (``3.8.8``); None: unknown.
    """

    api_version: Version | None = None
    version: str | None = None

    @property
    def retries_tasks(self) -> bool:
        """Whether it runs the failed tasks of a failed flow run again without being told."""
        return self.api_version is None or self.api_version >= (0, 8, 3)

    @property
    def knows_pauses(self) -> bool:
        """Whether it heeds what the policy of a flow run says about pauses and retries."""
        return self.api_version is None or self.api_version >= (0, 8, 4)

    @property
    def takes_slots(self) -> bool:
        """Whether it takes the slots of deployments by itself."""
        return self.version in _TAKE_SLOTS

    @property
    def renews_leases(self) -> bool:
        """Whether it renews the lease of a flow run while the run lasts."""
        return self._since(_RENEWS_LEASES) >= 0

    @property
    def knows_result_storage(self) -> bool:
        """Whether it knows that a work pool may say where results are kept."""
        return self.version is None or self._since(_LAST_WITHOUT_RESULT_STORAGE) > 0

    def _since(self, release: Version) -> int:
        """Whether its version is later than a release (1), the same (0), or earlier (-1)."""
        match = _RELEASE.fullmatch(self.version or "")
        if match is None:
            return -1
        own = (int(match[1]), int(match[2]), int(match[3]))
        if own != release:
            return 1 if own > release else -1
        if match[4] == "":
            return 0
        # What follows a release begins with these; anything else came before it.
        return 1 if match[4].startswith(("+", ".post")) else -1


def the_server() -> Client:
    """The server itself, or somebody who did not tell."""
    return _SERVER


_SERVER = Client()
