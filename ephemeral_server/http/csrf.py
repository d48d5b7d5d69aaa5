"""Protection against cross-site requests by tokens, as the Prefect client knows it.

A client asks for a token once in its life and shows it with every request that writes. The
token is signed and holds its own end and its client, so the server keeps no table of tokens,
asking writes nothing, and nobody can end another client's token by asking in its name.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from starlette.types import ASGIApp, Receive, Scope, Send

from ephemeral_server.clock import SECOND, Clock, isoformat
from ephemeral_server.http.asgi import Header, header, send_json
from ephemeral_server.ids import new_id

#: What the token route answers, with 422, when the protection is off. The Prefect client stops
#: asking for tokens when it reads exactly this.
DISABLED = "CSRF protection is disabled."

_WRITING = ("POST", "PUT", "PATCH", "DELETE")
_END_DIGITS = 16
_SIGNATURE_DIGITS = 48
_ANY_ORIGIN: Header = (b"access-control-allow-origin", b"*")


class CsrfTokens:
    """Issues tokens and knows them again.

    A token is 64 hexadecimal digits: 16 for its end (microseconds since 1970 UTC) and 48 of an
    HMAC-SHA256 over the end and the client.

    Args:
        key: secret random bytes; server processes that share clients share the key.
        lifetime_seconds: how long a token holds.
        clock: where the time comes from.
    """

    def __init__(self, key: bytes, lifetime_seconds: float, clock: Clock) -> None:
        self._key = key
        self._lifetime = round(lifetime_seconds * SECOND)
        self._clock = clock

    @classmethod
    def random(cls, lifetime_seconds: float, clock: Clock) -> CsrfTokens:
        """Tokens under a new key that nobody else knows."""
        return cls(secrets.token_bytes(32), lifetime_seconds, clock)

    def issue(self, client: str) -> dict[str, str]:
        """A new token for `client` in the shape of the wire (``CsrfToken``)."""
        now = self._clock.now()
        ends = now + self._lifetime
        end = f"{ends:0{_END_DIGITS}x}"
        return {
            "id": new_id(now),
            "created": isoformat(now),
            "updated": isoformat(now),
            "token": end + self._signature(end, client),
            "client": client,
            "expiration": isoformat(ends),
        }

    def valid(self, client: str, token: str) -> bool:
        """Whether `token` was issued here for `client` and still holds."""
        end, signature = token[:_END_DIGITS], token[_END_DIGITS:]
        expected = self._signature(end, client)
        if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected.encode()):
            return False
        return int(end, 16) > self._clock.now()  # signed, so it is a number of ours

    def _signature(self, end: str, client: str) -> str:
        text = f"{end}:{client}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:_SIGNATURE_DIGITS]


class CsrfMiddleware:
    """Refuses writing requests (POST, PUT, PATCH, DELETE) that show no valid token, with 403.

    Reading requests and WebSockets pass. The Prefect client asks for a new token and tries
    again when an answer says ``Invalid CSRF token``.

    Args:
        app: what to protect.
        tokens: knows the valid ones.
    """

    def __init__(self, app: ASGIApp, tokens: CsrfTokens) -> None:
        self.app = app
        self.tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _WRITING:
            await self.app(scope, receive, send)
            return
        token = header(scope, b"prefect-csrf-token")
        client = header(scope, b"prefect-csrf-client")
        if token is None:
            await send_json(send, 403, {"detail": "Missing CSRF token."})
        elif client is None:
            await send_json(send, 403, {"detail": "Missing client identifier."})
        elif not self.tokens.valid(client, token):
            detail = {"detail": "Invalid CSRF token or client identifier."}
            await send_json(send, 403, detail, (_ANY_ORIGIN,))
        else:
            await self.app(scope, receive, send)
