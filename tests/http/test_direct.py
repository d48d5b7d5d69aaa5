"""The short way to an endpoint gives what FastAPI's way gives."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import (
    APIRouter,
    Body,
    Depends,
    FastAPI,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
)
from fastapi.routing import APIRoute
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import JSONResponse

from ephemeral_server.application import DOMAINS
from ephemeral_server.fields import NameText
from ephemeral_server.http.direct import DirectRoute
from ephemeral_server.http.errors import exception_handlers
from ephemeral_server.http.lazy import LazyRoutes
from tests.http.driving import Conversation, request

MAIN = threading.main_thread()
JSON = {"content-type": "application/json"}


class Item(BaseModel):
    name: str
    size: Annotated[int, Field(ge=0)] = 0
    at: AwareDatetime | None = None
    id: UUID | None = None
    free: Any = None


async def who(x_name: Annotated[UUID | None, Header()] = None) -> str | None:
    return None if x_name is None else f"name {x_name}"


Who = Annotated[str | None, Depends(who)]


def answer(request: Request, *values: Any) -> Response:
    """What the endpoint was given, and (in a header) whether FastAPI found it out."""
    frame, callers = sys._getframe(), set()
    while frame.f_back is not None:
        frame = frame.f_back
        callers.add(frame.f_code.co_name)
    # FastAPI's way leads through this function of its own, or through a thread.
    usual = "run_endpoint_function" in callers or threading.current_thread() is not MAIN
    way = "usual" if usual else "short"
    return JSONResponse([repr(value) for value in values], headers={"way": way})


def app_of(route_class: type[APIRoute]) -> FastAPI:
    router = APIRouter(route_class=route_class)

    @router.post("/items/{id:uuid}")
    async def item(id: UUID, request: Request, body: Item, who: Who) -> Response:
        return answer(request, id, body, who)

    @router.post("/optional")
    async def optional(request: Request, body: Item | None = None) -> Response:
        return answer(request, body)

    @router.post("/list")
    async def many(body: list[Item], request: Request) -> Response:
        return answer(request, body)

    @router.post("/labels")
    async def labels(labels: Annotated[dict[str, int], Body()], request: Request) -> Response:
        return answer(request, labels)

    @router.get("/fails/{id:uuid}")
    async def fails(id: UUID) -> Response:
        raise HTTPException(418, f"no {id}")

    @router.get("/query")
    async def query(request: Request, n: int = 0) -> Response:
        return answer(request, n)

    @router.get("/names/{name}")
    async def named(
        request: Request,
        name: NameText,
        version: str | None = None,
        secrets: Annotated[bool, Query(alias="include_secrets")] = False,
    ) -> Response:
        return answer(request, name, version, secrets)

    @router.get("/plain/{id}")
    async def plain(request: Request, id: UUID) -> Response:
        return answer(request, id)

    @router.get("/needed")
    async def needed(request: Request, id: str) -> Response:
        return answer(request, id)

    @router.get("/many")
    async def several(request: Request, n: Annotated[list[int], Query()]) -> Response:
        return answer(request, n)

    @router.get("/thread")
    def thread(request: Request) -> Response:
        return answer(request)

    app = FastAPI(exception_handlers=exception_handlers())
    app.include_router(router)
    # Like the routes of the API, which no other router includes.
    app.router.routes[:] = [*router.routes]
    return app


DIRECT, USUAL = app_of(DirectRoute), app_of(APIRoute)
ID = "/items/0189a0b0-0000-7000-8000-000000000001"
GOOD = b'{"name":"a","at":"2026-01-02T03:04:05Z","id":"0189A0B0000070008000000000000001"}'


def both(method: str, path: str, **given: Any) -> tuple[httpx.Response, str]:
    """The answer, the same on both ways, and the way that the direct route took."""
    direct, usual = (request(app, method, path, **given) for app in (DIRECT, USUAL))
    assert (direct.status_code, direct.content) == (usual.status_code, usual.content)
    return direct, direct.headers.get("way", "none")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (ID, GOOD),
        ("/optional", GOOD),
        ("/optional", b""),
        ("/list", b"[%s,%s]" % (GOOD, GOOD)),
        ("/labels", b'{"a":1}'),
    ],
)
def test_what_fits_takes_the_short_way(path: str, body: bytes) -> None:
    reply, way = both("POST", path, content=body, headers=JSON)

    assert (reply.status_code, way) == (200, "short")


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":1,"size":-1}',
        b"{}",
        b"[]",
        b"null",
        b"{",
        b"",
        b"\xff",
        '{"name":"a"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"name":"a"}',
        b'{"name":"\\ud800"}',
        b'{"name":"a","free":' + b"[" * 300 + b"]" * 300 + b"}",
        b'{"name":"a","size":' + b"9" * 5000 + b"}",
        b'{"name":"a","name":"b","size":"1","free":{"a":1,"a":2}}',
        b'{"name":"a","free":[NaN,Infinity,1e999,12345678901234567890,0.1]}',
    ],
)
@pytest.mark.parametrize("path", [ID, "/optional", "/list", "/labels"])
def test_an_odd_body_gets_the_same_answer(path: str, body: bytes) -> None:
    both("POST", path, content=body, headers=JSON)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "text/plain", "a/b+json", ""])
def test_another_content_type_goes_the_usual_way(kind: str) -> None:
    _, way = both("POST", ID, content=GOOD, headers={"content-type": kind})

    assert way in ("usual", "none")


@pytest.mark.parametrize("name", ["d7e4a1f0-5b7c-4f6e-9a55-0a8f2f1f9c11", "nonsense"])
def test_a_header_that_a_dependency_reads_goes_the_usual_way(name: str) -> None:
    reply, way = both("POST", ID, content=GOOD, headers={**JSON, "X-Name": name})

    assert (reply.status_code, way) in [(200, "usual"), (422, "none")]


def test_an_error_of_the_endpoint_is_answered_alike() -> None:
    reply, _ = both("GET", "/fails/0189a0b0-0000-7000-8000-000000000001")

    assert reply.status_code == 418


@pytest.mark.parametrize(
    "path",
    [
        "/query",
        "/query?n=1",
        "/query?n=1&n=2&m=3",
        "/names/a",
        "/names/%C3%A9%20b?version=&include_secrets=1",
        "/names/a?include_secrets=True&version=3.8%2B1",
        "/plain/0189a0b0-0000-7000-8000-000000000001",
        "/needed?id=a",
    ],
)
def test_names_and_queries_take_the_short_way(path: str) -> None:
    reply, way = both("GET", path)

    assert (reply.status_code, way) == (200, "short")


@pytest.mark.parametrize(
    "path",
    [
        "/query?n=x",
        "/query?n=",
        "/query?n=1&n=x",
        "/names/a%3Cb",
        "/names/a%00",
        "/names/a?include_secrets=perhaps",
        "/names/a?include_secrets=",
        "/plain/nobody",
        "/needed",
    ],
)
def test_odd_names_and_queries_get_the_same_answer(path: str) -> None:
    reply, _ = both("GET", path)

    assert reply.status_code == 422


@pytest.mark.parametrize("path", ["/many?n=1", "/many?n=1&n=2", "/thread"])
def test_endpoints_of_other_kinds_are_served_as_ever(path: str) -> None:
    _, way = both("GET", path)

    assert way in ("usual", "none")


def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_failure() -> None:
    async def leave() -> list[Any]:
        headers = ((b"content-type", b"application/json"), (b"content-length", b"100"))
        talk = Conversation(DIRECT, path=ID, method="POST", headers=headers)
        talk.deliver({"type": "http.request", "body": b'{"na', "more_body": True})
        talk.deliver({"type": "http.disconnect"})
        await talk.run()
        return talk.sent

    started, *_ = asyncio.run(leave())
    assert started["status"] == 400


def test_the_busiest_routes_take_the_short_way() -> None:
    routes = LazyRoutes(DOMAINS)
    short = {
        f"{''.join(route.methods or ())} {route.path}"
        for segment in ("flow_runs", "task_runs", "flows", "logs", "block_types")
        for route in routes.router(segment).routes
        if isinstance(route, DirectRoute) and route.is_direct
    }

    assert short >= {
        "POST /flow_runs/",
        "GET /flow_runs/{id:uuid}",
        "POST /flow_runs/{id:uuid}/set_state",
        "POST /flow_runs/filter",
        "POST /task_runs/",
        "POST /task_runs/filter",
        "POST /flows/",
        "POST /logs/",
        "GET /block_types/slug/{slug}/block_documents/name/{block_document_name}",
    }
