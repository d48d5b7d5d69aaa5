"""The short way to a mounted application."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class ShortcutMiddleware:
    """Hands what is below `prefix` to the application mounted there.

    It does what the mount does, without the router and the error layers of the outer
    application before it: the mounted application has its own. As the innermost middleware
    it is passed by all that the others let through.

    Args:
        app: what takes all other requests.
        prefix: path of the mount, without a slash at its end.
        mounted: the application there.
    """

    def __init__(self, app: ASGIApp, prefix: str, mounted: ASGIApp) -> None:
        self.app = app
        self._prefix = prefix
        self._below = prefix + "/"
        self._mounted = mounted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Behind a proxy's root path the mount itself knows better what the path is.
        if (
            scope["type"] in ("http", "websocket")
            and not scope.get("root_path")
            and scope["path"].startswith(self._below)
        ):
            inner = {**scope, "app_root_path": "", "root_path": self._prefix}
            await self._mounted(inner, receive, send)
        else:
            await self.app(scope, receive, send)
