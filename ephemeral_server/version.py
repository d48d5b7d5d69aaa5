"""The versions this package states, to Python and on the wire."""

from __future__ import annotations

__version__ = "0.1.0"

#: Version of the REST protocol spoken here (header ``X-PREFECT-API-VERSION``).
API_VERSION = "0.8.4"

#: Oldest protocol version that a client may ask for.
MINIMUM_API_VERSION = "0.8.0"

#: Version of the Prefect server whose behaviour is offered. Clients compare it with
#: their own: another major version is refused, an older server makes them warn.
PREFECT_VERSION = "3.8.8"
