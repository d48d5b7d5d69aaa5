"""Helpers for plain ASGI."""

from __future__ import annotations

import pytest

from ephemeral_server.http.asgi import header, headers, route_path


@pytest.mark.parametrize(
    ("path", "root_path", "below"),
    [
        ("/flows/", "", "/flows/"),
        ("/api/flows/", "/api", "/flows/"),
        ("/api", "/api", ""),
        ("/apiary", "/api", "/apiary"),
        ("/flows/", "/api", "/flows/"),
        ("/api//health", "/api", "//health"),
    ],
)
def test_the_path_of_a_route_is_the_rest_below_the_mount(
    path: str, root_path: str, below: str
) -> None:
    assert route_path({"path": path, "root_path": root_path}) == below


def test_a_header_has_its_first_value_and_all_of_them() -> None:
    scope = {"headers": [(b"a", b"1"), (b"b", b"\xe9"), (b"a", b"2")]}

    assert header(scope, b"a") == "1"
    assert header(scope, b"b") == "é"
    assert header(scope, b"c") is None
    assert headers(scope, b"a") == ["1", "2"]
