"""The limit of requests that work at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from ephemeral_server.http.limits import RequestLimitMiddleware
from tests.http.driving import Conversation, settle

BODY = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


class Work:
    """An app whose requests work until they are told to stop."""

    def __init__(self) -> None:
        self.working: list[str] = []
        self.bodies: dict[str, bytes] = {}
        self._stops: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        self.working.append(path)
        stop = self._stops[path] = asyncio.Event()
        await stop.wait()
        self.working.remove(path)
        if scope["type"] == "http":
            self.bodies[path] = (await receive())["body"]

    def stop(self, path: str) -> None:
        self._stops[path].set()


class Scene:
    """A limit of `limit` requests in front of `Work`."""

    def __init__(self, limit: int = 1) -> None:
        self.work = Work()
        self.app = RequestLimitMiddleware(self.work, limit)
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, path: str, kind: str = "http", body: bytes = b"", **scope: Any) -> Any:
        conversation = Conversation(self.app, kind, path, **scope)
        conversation.deliver({**BODY, "body": body})
        self.tasks.append(conversation.run())
        await settle()
        return conversation

    async def stop(self, *paths: str) -> None:
        for path in paths:
            self.work.stop(path)
            await settle()

    async def stop_all(self) -> None:
        while self.work.working:
            await self.stop(self.work.working[0])
        await asyncio.gather(*self.tasks, return_exceptions=True)


def scene(limit: int = 1) -> Callable[[Callable[[Scene], Coroutine[Any, Any, None]]], None]:
    """Run a coroutine function on a `Scene`, and end what still works."""

    def run(script: Callable[[Scene], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            stage = Scene(limit)
            await script(stage)
            await stage.stop_all()

        asyncio.run(whole())

    return run


def test_a_request_beyond_the_limit_waits_until_one_ends() -> None:
    async def script(s: Scene) -> None:
        for path in ("/a", "/b", "/c"):
            await s.come(path)
        assert s.work.working == ["/a", "/b"]
        await s.stop("/a")
        assert s.work.working == ["/b", "/c"]

    scene(limit=2)(script)


def test_requests_get_their_turn_in_the_order_of_their_coming() -> None:
    async def script(s: Scene) -> None:
        for path in ("/a", "/b", "/c", "/d"):
            await s.come(path)
        await s.stop("/a")
        assert s.work.working == ["/b"]
        await s.stop("/b")
        assert s.work.working == ["/c"]
        await s.stop("/c")
        assert s.work.working == ["/d"]

    scene()(script)


def test_a_newcomer_does_not_overtake_who_was_just_given_a_place() -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        await s.come("/b")
        s.work.stop("/a")
        await s.come("/c")
        assert s.work.working == ["/b"]

    scene()(script)


def test_a_waiting_request_keeps_its_body() -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        await s.come("/b", body=b"what b sent")
        await s.stop("/a", "/b")
        assert s.work.bodies["/b"] == b"what b sent"

    scene()(script)


def test_a_waiting_request_with_a_long_body_is_served_in_its_turn() -> None:
    body = b"x" * 1_000_000

    async def script(s: Scene) -> None:
        await s.come("/a")
        await s.come("/b", body=body)
        await s.stop("/a")
        assert s.work.working == ["/b"]
        await s.stop("/b")
        assert s.work.bodies["/b"] == body

    scene()(script)


def test_the_body_of_a_waiting_request_is_not_piled_up_in_memory() -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        second = await s.come("/b", body=b"x" * 100_000)
        for _ in range(50):
            second.deliver({**BODY, "body": b"x" * 100_000, "more_body": True})
        await settle()
        assert second.unread > 40

    scene()(script)


def test_a_request_takes_no_place_until_its_body_is_there() -> None:
    async def script(s: Scene) -> None:
        slow = Conversation(s.app, path="/slow")
        slow.deliver({**BODY, "body": b"one ", "more_body": True})
        s.tasks.append(slow.run())
        await s.come("/a")
        assert s.work.working == ["/a"]
        slow.deliver({**BODY, "body": b"two"})
        await settle()
        await s.stop("/a")
        assert s.work.working == ["/slow"]

    scene()(script)


def test_a_body_that_came_in_pieces_is_handed_on_in_pieces() -> None:
    bodies = []

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        bodies.append([(await receive())["body"] for _ in range(2)])

    async def run() -> None:
        conversation = Conversation(RequestLimitMiddleware(read, 1))
        conversation.deliver({**BODY, "body": b"one ", "more_body": True})
        conversation.deliver({**BODY, "body": b"two"})
        await conversation.run()

    asyncio.run(run())
    assert bodies == [[b"one ", b"two"]]


def test_a_request_is_dropped_whose_client_goes_away_before_its_body_is_there() -> None:
    async def script(s: Scene) -> None:
        half = Conversation(s.app, path="/half")
        half.deliver({**BODY, "body": b"one ", "more_body": True})
        half.deliver(GONE)
        await half.run()
        assert (s.work.working, half.sent) == ([], [])

    scene()(script)


def test_a_client_that_does_not_read_its_answer_keeps_no_place() -> None:
    answered = []

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        answered.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    class Stuck(Conversation):
        async def _send(self, message: Message) -> None:
            await asyncio.Event().wait()

    async def run() -> None:
        app = RequestLimitMiddleware(answer, 1)
        conversations = Stuck(app, path="/a"), Stuck(app, path="/b")
        for conversation in conversations:
            conversation.deliver(BODY)
        tasks = [conversation.run() for conversation in conversations]
        await settle()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())
    assert answered == ["/a", "/b"]


def test_a_client_that_goes_away_gives_up_its_place_in_the_queue() -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        second = await s.come("/b")
        await s.come("/c")
        second.deliver(GONE)
        await settle()
        await s.stop("/a")
        assert s.work.working == ["/c"]
        assert second.sent == []

    scene()(script)


def test_a_client_that_goes_away_when_its_turn_comes_hands_it_on() -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        second = await s.come("/b")
        await s.come("/c")
        second.deliver(GONE)
        s.work.stop("/a")  # in the same moment
        await settle()
        assert s.work.working in (["/b"], ["/c"])
        await s.stop(s.work.working[0])
        await s.stop_all()
        await s.come("/d")
        assert s.work.working == ["/d"]

    scene()(script)


@pytest.mark.parametrize("handed_over", [False, True])
def test_a_waiting_request_that_is_cancelled_keeps_no_place(handed_over: bool) -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        await s.come("/b")
        await s.come("/c")
        if handed_over:
            s.work.stop("/a")
            await asyncio.sleep(0)
        s.tasks[1].cancel()
        await settle()
        if not handed_over:
            await s.stop("/a")
        assert s.work.working == ["/c"]

    scene()(script)


def test_an_error_of_the_app_gives_the_place_back() -> None:
    calls = []

    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        calls.append(scope["path"])
        raise RuntimeError("boom")

    async def run() -> None:
        app = RequestLimitMiddleware(fails, 1)
        for _ in range(2):
            conversation = Conversation(app)
            conversation.deliver(BODY)
            with pytest.raises(RuntimeError, match="boom"):
                await conversation.run()

    asyncio.run(run())
    assert len(calls) == 2


def test_websockets_and_the_lifespan_take_no_place() -> None:
    async def script(s: Scene) -> None:
        await s.come("/life", "lifespan")
        for number in range(5):
            await s.come(f"/socket{number}", "websocket")
        await s.come("/a")
        await s.come("/b")
        assert s.work.working[-2:] == ["/socket4", "/a"]

    scene()(script)


@pytest.mark.parametrize("path", ["/health", "/ready", "/version"])
def test_a_health_check_passes_when_all_places_are_taken(path: str) -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        await s.come(path)
        assert s.work.working == ["/a", path]

    scene()(script)


def test_exempt_paths_count_below_the_mount() -> None:
    async def script(s: Scene) -> None:
        await s.come("/a")
        await s.come("/api/health", root_path="/api")
        await s.come("/flows/health", root_path="/api")
        assert s.work.working == ["/a", "/api/health"]

    scene()(script)


def test_one_app_serves_several_event_loops() -> None:
    stage = Scene()

    async def one(path: str) -> None:
        stage.tasks = []
        await stage.come(path)
        await stage.come(path + "2")
        assert stage.work.working == [path]
        await stage.stop_all()

    asyncio.run(one("/first"))
    asyncio.run(one("/second"))


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RequestLimitMiddleware(Work(), 0)
