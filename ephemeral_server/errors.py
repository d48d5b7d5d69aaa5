"""Every error this package raises to its users.

::

    EphemeralServerError
    ├── SettingsError           a setting has an unusable value
    ├── StartError              a server could not start; the cause is chained
    │   └── PortInUseError      its address is taken
    ├── ShutdownError           a server did not end within its time
    ├── NotRunningError         the handle's server is not running (any more, or not yet)
    ├── WrongLoopError          an awaitable cannot be run where it was asked for
    ├── UnknownServiceError     no service has this name
    ├── ServiceError            a service failed in the server's process; the cause is chained
    ├── DatabaseClosedError     work for a database that is closed
    ├── SchemaMismatchError     a lasting database was made by another version
    ├── EncryptionKeyError      the key of stored secrets is lost or wrong (answered with 424)
    ├── ObjectNotFoundError     an id names nothing (answered with 404)
    ├── ChangeRefusedError      the present state of an object forbids it (answered with 400)
    ├── ProtectedObjectError    the server itself needs an object (answered with 403)
    ├── UnprocessableError      what is asked for makes no sense (answered with 422)
    ├── ConflictError           something of that name is there already (answered with 409)
    └── OverloadedError         the server cannot take this now (answered with 503)
"""

from __future__ import annotations


class EphemeralServerError(Exception):
    """Base of the errors of this package."""


class SettingsError(EphemeralServerError, ValueError):
    """A setting has an unusable value. The message says which, and what is allowed."""


class StartError(EphemeralServerError, RuntimeError):
    """A server could not start. ``__cause__`` is the reason; nothing is left behind."""


class PortInUseError(StartError):
    """The address a server should listen on is taken."""


class ShutdownError(EphemeralServerError, RuntimeError):
    """A server did not end within its time. The message says what was still busy."""


class NotRunningError(EphemeralServerError, RuntimeError):
    """The server of this handle is not running."""


class WrongLoopError(EphemeralServerError, RuntimeError):
    """An awaitable cannot be run from here. The message says how it can."""


class UnknownServiceError(EphemeralServerError, LookupError):
    """No service has this name. The message lists those that there are."""


class ServiceError(EphemeralServerError, RuntimeError):
    """A service failed in a server's process. ``__cause__`` has the traceback from there."""


class DatabaseClosedError(EphemeralServerError, RuntimeError):
    """Work was handed to a database that is closed."""


class SchemaMismatchError(EphemeralServerError, RuntimeError):
    """A lasting database was made by another version of this package."""


class EncryptionKeyError(EphemeralServerError, RuntimeError):
    """Secrets cannot be sealed or opened. Answered with 424: it will not do to ask again."""


class ObjectNotFoundError(EphemeralServerError, LookupError):
    """An id names nothing. Answered with 404 and the message."""


class ChangeRefusedError(EphemeralServerError, ValueError):
    """The present state of an object forbids a change. Answered with 400 and the message."""


class ProtectedObjectError(EphemeralServerError):
    """The server itself needs an object, which nobody may delete. Answered with 403."""


class UnprocessableError(EphemeralServerError, ValueError):
    """What is asked for makes no sense. Answered with 422 and the message."""


class ConflictError(EphemeralServerError, ValueError):
    """Something is there already that can be there only once. Answered with 409."""


class OverloadedError(EphemeralServerError, RuntimeError):
    """The server cannot take this request now. Answered with 503 and ``Retry-After``."""
