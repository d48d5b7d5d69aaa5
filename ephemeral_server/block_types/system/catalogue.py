"""All system block types."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from ephemeral_server.block_types.system import data, notifications
from ephemeral_server.block_types.system.declaring import SystemType
from ephemeral_server.version import PREFECT_VERSION
from ephemeral_server.wire import dump

SYSTEM_TYPES: tuple[SystemType, ...] = (
    data.SECRET,
    data.WEBHOOK,
    data.LOCAL_FILES,
    data.REMOTE_FILES,
    data.SMB_FILES,
    notifications.CUSTOM,
    notifications.DISCORD,
    notifications.MATTERMOST,
    notifications.OPSGENIE,
    notifications.PAGER_DUTY,
    notifications.SENDGRID,
    notifications.SLACK,
    notifications.TEAMS,
    notifications.TWILIO,
)


@lru_cache(maxsize=1)
def digest() -> str:
    """What changes when a type or its schema does, or the version that they are offered as."""
    types = [(type.columns(), type.fields(), type.capabilities) for type in SYSTEM_TYPES]
    return hashlib.sha256(dump([PREFECT_VERSION, types]).encode()).hexdigest()
