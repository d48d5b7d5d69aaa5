"""Bodies without a content type are JSON."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ephemeral_server.http.content_type import DefaultContentTypeMiddleware
from tests.http.driving import echo_app, request


def send(method: str, content: bytes = b"{}", headers: dict[str, str] | None = None) -> Any:
    app = DefaultContentTypeMiddleware(echo_app())
    answer: httpx.Response = request(app, method, "/", content=content, headers=headers)
    return answer.json()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_without_a_type_is_json(method: str) -> None:
    assert send(method) == {"content_type": "application/json", "body": "{}"}


def test_a_given_type_stays() -> None:
    assert send("POST", headers={"content-type": "text/plain"})["content_type"] == "text/plain"


def test_a_request_without_a_body_stays_without_a_type() -> None:
    assert send("POST", b"") == {"content_type": None, "body": ""}


@pytest.mark.parametrize("length", ["", "x", "-1", pytest.param("9" * 5000, id="endless"), "²"])
def test_a_length_that_is_no_number_is_left_to_the_server(length: str) -> None:
    app = DefaultContentTypeMiddleware(echo_app())
    headers = {"content-length": length.encode("latin-1")}

    answer = request(app, "POST", "/", content=b"{}", headers=headers)
    assert answer.json()["content_type"] is None


def test_deleting_takes_no_body() -> None:
    assert send("DELETE")["content_type"] is None
