"""Routes whose usual requests take a short way to the endpoint.

FastAPI finds out anew at each request what an endpoint takes, which costs more than most
endpoints of ours. A `DirectRoute` finds it out once. What is out of the usual (a body that does
not fit, a header that a dependency reads, another content type) goes FastAPI's way from the
start, so it gets FastAPI's answers, and the endpoint sees the same values on both ways.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, get_origin
from uuid import UUID

from fastapi import HTTPException, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from fastapi._compat import ModelField

Values = dict[str, Any]

_JSON = b"application/json"
#: What the short way makes of parts of the path and of the query.
_PATH = (UUID, str)
_QUERY = (str, str | None, bool, int)


class DirectRoute(APIRoute):
    """A route for endpoints that take a request, ids, names, a JSON body and optional headers.

    Endpoints that take anything else are served as by `APIRoute`.

    Attributes:
        is_direct: whether the endpoint is one that the short way knows.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.is_direct = _Plan.fits(self.dependant)
        if self.is_direct:
            self.app = _short_way(_Plan(self.dependant), endpoint, self.app)


class _Plan:
    """Where an endpoint's arguments come from."""

    def __init__(self, dependant: Dependant) -> None:
        self._request = dependant.request_param_name
        self._path = [_Text(param) for param in dependant.path_params]
        self._query = [_Text(param) for param in dependant.query_params]
        self._body = _Body(dependant) if dependant.body_params else None
        self._defaults: list[tuple[str, Callable[..., Awaitable[Any]], Values]] = []
        headers = set()
        for dependency in dependant.dependencies:
            assert dependency.name is not None
            assert dependency.call is not None
            values = {param.name: param.default for param in dependency.header_params}
            self._defaults.append((dependency.name, dependency.call, values))
            headers |= {param.alias.lower().encode() for param in dependency.header_params}
        self._unusual = frozenset(headers)

    @staticmethod
    def fits(dependant: Dependant) -> bool:
        """Whether the short way knows all that the endpoint takes."""
        taken = {
            dependant.request_param_name,
            *(param.name for param in dependant.path_params + dependant.query_params),
            *(param.name for param in dependant.body_params),
            *(dependency.name for dependency in dependant.dependencies),
        }
        return (
            dependant.call is not None
            and inspect.iscoroutinefunction(dependant.call)
            and taken - {None} == set(inspect.signature(dependant.call).parameters)
            and all(_kind(param) in _PATH for param in dependant.path_params)
            and all(_kind(param) in _QUERY for param in dependant.query_params)
            and len(dependant.body_params) <= 1
            and not any(getattr(p.field_info, "embed", None) for p in dependant.body_params)
            and all(map(_takes_optional_headers_alone, dependant.dependencies))
        )

    async def values(self, request: Request) -> Values | None:
        """The endpoint's arguments, or None if the request is out of the usual.

        Raises:
            HTTPException: the body was refused while it came in.
        """
        values: Values = {}
        if self._request is not None:
            values[self._request] = request
        for text in self._path:
            if not text.put_into(values, request.scope["path_params"]):
                return None
        for text in self._query:
            if not text.put_into(values, request.query_params):
                return None
        if self._unusual and not self._unusual.isdisjoint(
            name for name, _ in request.scope["headers"]
        ):
            return None
        for name, call, defaults in self._defaults:
            values[name] = await call(**defaults)
        if self._body is not None and not await self._body.put_into(values, request):
            return None
        return values


class _Text:
    """A parameter that is a part of the path or of the query."""

    def __init__(self, param: ModelField) -> None:
        self._name = param.name
        self._alias = param.alias
        self._is_id = _kind(param) is UUID
        self._field = param.field_info

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return _adapter_of(self._field)

    def put_into(self, values: Values, given: Mapping[str, Any]) -> bool:
        """Add the parameter's value; whether it could be made."""
        value = given.get(self._alias)
        if value is None:
            values[self._name] = self._field.default
            return not self._field.is_required()
        if isinstance(value, UUID):  # the router has made it
            values[self._name] = value
            return self._is_id
        try:
            values[self._name] = self._adapter.validate_python(value)
        except ValidationError:
            return False
        return True


class _Body:
    """The body's parameter, and what makes its value from JSON."""

    def __init__(self, dependant: Dependant) -> None:
        param = dependant.body_params[0]
        self._name = param.name
        self._field = param.field_info
        self._may_be_absent = not self._field.is_required()

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return _adapter_of(self._field)

    async def put_into(self, values: Values, request: Request) -> bool:
        """Add the body's value; whether it could be made."""
        try:
            raw = await request.body()
        except ClientDisconnect:
            raise HTTPException(400, "There was an error parsing the body") from None
        if not raw:
            values[self._name] = None
            return self._may_be_absent and self._field.default is None
        if not any(name == b"content-type" and kind == _JSON for name, kind in _headers(request)):
            return False
        try:
            values[self._name] = self._adapter.validate_json(raw)
        except ValidationError:
            return False
        return True


def _kind(param: ModelField) -> Any:
    """The type of a parameter without what is said of it besides."""
    annotation: Any = param.field_info.annotation
    return annotation.__origin__ if get_origin(annotation) is Annotated else annotation


def _adapter_of(field: FieldInfo) -> TypeAdapter[Any]:
    # Made at the first request: many routes are never asked for.
    kind: Any = Annotated[field.annotation, field]
    return TypeAdapter(kind)


def _headers(request: Request) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = request.scope["headers"]
    return headers


def _takes_optional_headers_alone(dependency: Dependant) -> bool:
    return (
        dependency.name is not None  # else it stands before the route, and may refuse
        and inspect.iscoroutinefunction(dependency.call)
        and bool(dependency.header_params)
        and not any(param.field_info.is_required() for param in dependency.header_params)
        and {param.name for param in dependency.header_params}
        == set(inspect.signature(dependency.call).parameters)
    )


def _short_way(plan: _Plan, endpoint: Callable[..., Any], usual: ASGIApp) -> ASGIApp:
    """An application that asks `endpoint` itself where the plan knows its arguments."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        values = await plan.values(request)
        if values is None:
            await usual(scope, _again(request, receive), send)
            return
        response = await endpoint(**values)
        await response(scope, receive, send)

    return app


def _again(request: Request, receive: Receive) -> Receive:
    """What `receive` gave, once more, if the body was read."""
    if not hasattr(request, "_body"):
        return receive
    bodies = [request._body]

    async def replay() -> Message:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        return await receive()

    return replay
