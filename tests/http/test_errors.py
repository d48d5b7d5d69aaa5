"""What a client is told when something goes wrong."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any

import asyncpg
import httpx
import pytest
import sqlalchemy
from fastapi import Body, FastAPI
from pydantic import BaseModel, field_validator
from sqlalchemy import exc as database_errors
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from ephemeral_server.errors import DatabaseClosedError, ObjectNotFoundError, OverloadedError
from ephemeral_server.http.errors import (
    InternalErrorMiddleware,
    exception_handlers,
    is_retryable,
)
from tests import web
from tests.http.driving import Conversation, request, serving


class Item(BaseModel):
    name: str
    size: float = 0.0

    @field_validator("name")
    @classmethod
    def _not_bad(cls, value: str) -> str:
        if value == "bad":
            raise ValueError("a bad name")
        return value


def app_raising(error: Exception | None = None) -> FastAPI:
    app = FastAPI(exception_handlers=exception_handlers())
    app.add_middleware(InternalErrorMiddleware)

    @app.post("/items")
    async def items(item: Item) -> None: ...

    @app.post("/numbers")
    async def numbers(number: int = Body(embed=True, le=5)) -> None: ...

    @app.get("/raise")
    async def raises() -> None:
        assert error is not None
        raise error

    return app


def post(content: str | bytes, path: str = "/items") -> httpx.Response:
    headers = {"content-type": "application/json"}
    return request(app_raising(), "POST", path, content=content, headers=headers)


def get_raised(error: Exception) -> httpx.Response:
    return request(app_raising(error), "GET", "/raise")


def wrapped(error: Exception) -> database_errors.OperationalError:
    return database_errors.OperationalError("SELECT 1", {}, error)


def locked() -> sqlite3.OperationalError:
    return sqlite3.OperationalError("database is locked")


class TestValidation:
    def test_a_body_of_the_wrong_shape_is_answered_with_what_is_wrong_and_what_was_sent(
        self,
    ) -> None:
        answer = post("{}")

        assert answer.status_code == 422
        assert answer.json() == {
            "exception_message": "Invalid request received.",
            "exception_detail": [
                {"type": "missing", "loc": ["body", "name"], "msg": "Field required", "input": {}}
            ],
            "request_body": {},
        }

    def test_invalid_json_is_shown_as_text(self) -> None:
        answer = post('{"name": ')

        assert answer.json()["request_body"] == '{"name": '
        assert answer.json()["exception_detail"][0]["type"] == "json_invalid"

    def test_a_request_without_a_body_shows_null(self) -> None:
        assert post("").json()["request_body"] is None

    def test_the_error_object_of_a_validator_becomes_an_empty_object(self) -> None:
        detail = post('{"name": "bad"}').json()["exception_detail"][0]

        assert detail["ctx"] == {"error": {}}
        assert detail["msg"] == "Value error, a bad name"

    @pytest.mark.parametrize(
        ("written", "shown"),
        [
            ("NaN", "NaN"),
            ("Infinity", "Infinity"),
            ("-Infinity", "-Infinity"),
            ("1" * 400, int("1" * 400)),
            ("1" * 4000, "an integer of 13285 bits"),
            ('"\\ud800"', "?"),
        ],
        ids=["nan", "infinity", "minus infinity", "long integer", "huge integer", "half character"],
    )
    def test_a_value_that_json_cannot_hold_is_described(self, written: str, shown: Any) -> None:
        answer = post(f'{{"size": {written}}}')

        assert answer.status_code == 422
        assert answer.json()["request_body"] == {"size": shown}

    def test_a_bound_that_is_broken_by_infinity_is_reported(self) -> None:
        answer = post('{"number": Infinity}', "/numbers")

        assert answer.status_code == 422
        assert answer.json()["exception_detail"][0]["input"] == "Infinity"

    def test_bytes_that_are_no_text_are_reported(self) -> None:
        headers = {"content-type": "application/octet-stream"}
        answer = request(app_raising(), "POST", "/items", content=b"\xff\xfe{}", headers=headers)

        assert answer.status_code == 422
        assert answer.json()["request_body"] == "\\xff\\xfe{}"

    def test_a_body_that_is_nested_a_thousand_times_is_reported(self) -> None:
        answer = post('{"name": ' + "[" * 500 + "]" * 500 + "}")

        assert answer.status_code == 422
        assert "…" in answer.text


class TestDomainErrors:
    def test_a_unique_key_that_is_taken_is_a_conflict(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        engine = sqlalchemy.create_engine("sqlite://")
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE t (a INTEGER UNIQUE)"))
            insert = sqlalchemy.text("INSERT INTO t VALUES (1)")
            connection.execute(insert)
            with pytest.raises(database_errors.IntegrityError) as raised:
                connection.execute(insert)
        engine.dispose()

        answer = get_raised(raised.value)

        assert answer.status_code == 409
        assert answer.json() == {
            "detail": "Data integrity conflict. This usually means a unique or foreign key "
            "constraint was violated. See server logs for details."
        }
        assert "UNIQUE constraint failed: t.a" in caplog.text

    def test_an_object_that_is_not_there_is_answered_with_404_and_the_message(self) -> None:
        answer = get_raised(ObjectNotFoundError("Flow run with id x not found"))

        assert answer.status_code == 404
        assert answer.json() == {"exception_message": "Flow run with id x not found"}


class TestInternalErrors:
    def test_an_unexpected_error_is_answered_with_500_and_logged_with_its_traceback(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = get_raised(KeyError("what was missing"))

        assert answer.status_code == 500
        assert answer.json() == {"exception_message": "Internal Server Error"}
        assert "retry-after" not in answer.headers
        assert "GET /raise failed" in caplog.text
        assert "KeyError: 'what was missing'" in caplog.text
        assert "in raises" in caplog.text

    def test_what_may_be_sent_again_is_answered_with_503_and_a_short_wait(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = get_raised(OverloadedError("the queue is full"))

        assert answer.status_code == 503
        assert answer.json() == {"exception_message": "Service Unavailable"}
        assert answer.headers["retry-after"] == "0.5"
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "the queue is full" in caplog.text

    @pytest.mark.parametrize(
        "error",
        [
            locked(),
            wrapped(locked()),
            database_errors.DBAPIError("SELECT 1", {}, Exception("connection reset")),
            database_errors.InterfaceError("SELECT 1", {}, Exception("gone")),
            wrapped(OSError("server closed the connection")),
            asyncpg.exceptions.QueryCanceledError("statement timeout"),
            asyncpg.exceptions.ConnectionDoesNotExistError("closed in the middle"),
            asyncpg.exceptions.CannotConnectNowError("starting up"),
            OverloadedError("too much"),
            DatabaseClosedError("closing"),
        ],
        ids=repr,
    )
    def test_may_be_sent_again(self, error: Exception) -> None:
        assert is_retryable(error)

    @pytest.mark.parametrize(
        "error",
        [
            wrapped(sqlite3.OperationalError("no such table: t")),
            sqlite3.OperationalError("database or disk is full"),
            wrapped(
                sqlite3.OperationalError("the text says database is locked, the code does not")
            ),
            database_errors.IntegrityError("INSERT", {}, Exception("unique")),
            database_errors.ProgrammingError("SELEC", {}, Exception("syntax error")),
            database_errors.DataError("SELECT 1/0", {}, Exception("division by zero")),
            wrapped(asyncpg.exceptions.CharacterNotInRepertoireError("a NUL in a text")),
            wrapped(asyncpg.exceptions.DataError("a text that cannot be encoded")),
            database_errors.InvalidRequestError("a bug of ours"),
            ValueError("no"),
            OverflowError("Python int too large to convert to SQLite INTEGER"),
            asyncpg.exceptions.UndefinedTableError("no such table"),
        ],
        ids=repr,
    )
    def test_fails_the_same_way_again(self, error: Exception) -> None:
        assert not is_retryable(error)

    def test_a_lock_of_a_real_file_may_be_tried_again(self, tmp_path: Any) -> None:
        file = tmp_path / "busy.db"
        engine = sqlalchemy.create_engine(f"sqlite:///{file}", connect_args={"timeout": 0})
        holder = sqlite3.connect(file, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        with (
            engine.connect() as connection,
            pytest.raises(database_errors.OperationalError) as raised,
        ):
            connection.execute(sqlalchemy.text("CREATE TABLE t (a INTEGER)"))
        holder.close()
        engine.dispose()

        assert is_retryable(raised.value)

    def test_the_connection_lives_on_after_an_error(self) -> None:
        """The client's next request uses the same connection."""

        async def run() -> list[Any]:
            async with (
                serving(app_raising(RuntimeError("boom"))) as address,
                web.async_client(f"http://{address}") as client,
            ):
                answers = [await client.get("/raise") for _ in range(2)]
                return [
                    (a.status_code, a.extensions["network_stream"].get_extra_info("client_addr"))
                    for a in answers
                ]

        (first, port), (second, same_port) = asyncio.run(run())
        assert (first, second) == (500, 500)
        assert port == same_port

    def test_an_error_after_the_beginning_of_an_answer_is_raised(self) -> None:
        async def half(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            raise RuntimeError("in the middle")

        async def run() -> list[Message]:
            conversation = Conversation(InternalErrorMiddleware(half))
            with pytest.raises(RuntimeError, match="in the middle"):
                await conversation.run()
            return conversation.sent

        assert [message["type"] for message in asyncio.run(run())] == ["http.response.start"]

    def test_a_client_that_goes_away_is_no_error(self, caplog: pytest.LogCaptureFixture) -> None:
        async def left(scope: Scope, receive: Receive, send: Send) -> None:
            raise ClientDisconnect

        async def run() -> list[Message]:
            conversation = Conversation(InternalErrorMiddleware(left))
            await conversation.run()
            return conversation.sent

        assert asyncio.run(run()) == []
        assert caplog.records == []

    def test_errors_of_websockets_are_raised(self) -> None:
        async def fails(scope: Scope, receive: Receive, send: Send) -> None:
            raise RuntimeError("socket")

        async def run() -> None:
            await Conversation(InternalErrorMiddleware(fails), "websocket").run()

        with pytest.raises(RuntimeError, match="socket"):
            asyncio.run(run())
