"""Versions of the protocol and of the client."""

from __future__ import annotations

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ephemeral_server.http.versions import (
    OfferedVersion,
    api_version_of,
    check_api_version,
    client_version_of,
)
from ephemeral_server.version import PREFECT_VERSION


def request_with(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.mark.parametrize("header", [None, "", "0.8.0", "0.8.4", "0.8.99", "0.9.0", "99.0.0"])
def test_is_served(header: str | None) -> None:
    check_api_version(header)


@pytest.mark.parametrize(
    "header",
    [
        "0.8",
        "abc",
        "1.2.3.4",
        "0.8.x",
        "0.8.4 ",
        "-1.0.0",
        "0.8.²",
        pytest.param("1.0." + "9" * 5000, id="endless"),
    ],
)
def test_what_is_no_version_is_refused(header: str) -> None:
    with pytest.raises(HTTPException) as raised:
        check_api_version(header)
    assert raised.value.status_code == 400
    assert raised.value.detail == (
        "Invalid X-PREFECT-API-VERSION header format."
        f"Expected header in format 'x.y.z' but received {header}"
    )


@pytest.mark.parametrize("header", ["0.7.0", "0.7.99", "0.0.0"])
def test_an_old_version_is_refused(header: str) -> None:
    with pytest.raises(HTTPException) as raised:
        check_api_version(header)
    assert raised.value.status_code == 400
    assert raised.value.detail == (
        f"The request specified API version {header} but this server requires version 0.8.0 or "
        "higher."
    )


def test_the_version_of_a_request_is_a_tuple() -> None:
    assert api_version_of(request_with(x_prefect_api_version="0.8.3")) == (0, 8, 3)


@pytest.mark.parametrize("headers", [{}, {"x_prefect_api_version": ""}])
def test_a_request_may_have_no_version(headers: dict[str, str]) -> None:
    assert api_version_of(request_with(**headers)) is None


@pytest.mark.parametrize("version", ["3.8.8", "3.0.0rc1", "3.8.8+12.gabc123", "3.1.0.dev1"])
def test_the_version_of_the_client_is_read_from_its_name(version: str) -> None:
    name = f"prefect/{version} (API 0.8.4)"

    assert client_version_of(request_with(user_agent=name)) == version


@pytest.mark.parametrize(
    "name",
    ["", "curl/8.0", "prefect/3.8.8", "prefect/3.8 (API 0.8.4)", "x prefect/3.8.8 (API 0.8.4)"],
)
def test_other_clients_have_no_version(name: str) -> None:
    assert client_version_of(request_with(user_agent=name)) is None
    assert client_version_of(request_with()) is None


@pytest.mark.parametrize("newer", ["3.8.9", "3.9.0", "3.10.0rc1", "3.99.0+3.gabc"])
def test_once_a_newer_client_of_this_major_version_came_its_version_is_offered(newer: str) -> None:
    offered = OfferedVersion()

    for user_agent in (f"prefect/{newer} (API 0.8.4)", "curl/8.0", "prefect/3.0.0 (API 0.8.4)"):
        offered.hear(user_agent)
        assert offered.text == newer


@pytest.mark.parametrize(
    "other",
    [
        None,
        "",
        "curl/99.0.0",
        "prefect/3.99.0",
        *(
            f"prefect/{version} (API 0.8.4)"
            for version in ("3.8.8", "3.8.8.dev1", "3.4.10", "2.20.0", "4.0.0", f"{10**10}.0.0")
        ),
    ],
)
def test_every_other_client_is_offered_ours(other: str | None) -> None:
    offered = OfferedVersion()
    offered.hear(other)
    assert offered.text == PREFECT_VERSION
