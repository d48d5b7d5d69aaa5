"""How a channel ends; clients know the reasons."""

from __future__ import annotations

from enum import Enum

from ephemeral_server.http.websockets import INTERNAL_ERROR, POLICY_VIOLATION, PROTOCOL_ERROR


class End(Enum):
    """Why the server ends a channel: close code and reason.

    After a 1011 the worker connects again; after the others it goes on without a channel.
    """

    AUTHENTICATION_FAILED = POLICY_VIOLATION, "authentication_failed"
    AUTHORIZATION_FAILED = POLICY_VIOLATION, "authorization_failed"
    UNSUPPORTED_VERSION = POLICY_VIOLATION, "unsupported_version"
    PROTOCOL_ERROR = PROTOCOL_ERROR, "protocol_error"
    HEARTBEAT_FAILED = INTERNAL_ERROR, "heartbeat_persistence_failed"
    TRANSIENT_ERROR = INTERNAL_ERROR, "transient_server_error"

    @property
    def code(self) -> int:
        return self.value[0]

    @property
    def reason(self) -> str:
        return self.value[1]


class ChannelError(Exception):
    """The channel must end.

    Attributes:
        end: how.
    """

    def __init__(self, end: End) -> None:
        super().__init__(end.reason)
        self.end = end
