"""Foreign web pages stay out."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.types import Message

from ephemeral_server.errors import SettingsError
from ephemeral_server.http.guard import HostGuardMiddleware, guard
from ephemeral_server.settings import Settings
from tests.http.driving import Conversation, echo_app, request


def guarded(allowed: str = "", bound: str = "127.0.0.1", origins: str = "") -> HostGuardMiddleware:
    return HostGuardMiddleware(echo_app(), allowed, bound, origins)


def status(app: HostGuardMiddleware, method: str = "GET", **headers: str) -> int:
    return request(app, method, "/x", headers=headers).status_code


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:4200",
        "localhost.",
        "my.notebook.localhost:80",
        "127.0.0.1:65535",
        "127.1.2.3",
        "[::1]",
        "[::1]:8000",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_every_loopback_name_is_served(host: str) -> None:
    assert status(guarded(), host=host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4200",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "192.168.1.5",
        "[2001:db8::1]",
        "0.0.0.0",
        "localhost:80@evil.example",
        "localhost/evil",
        "localhost:port",
        "127.0.0.1, evil.example",
        ".localhost",
        "[::1",
        "@",
    ],
)
def test_a_foreign_or_malformed_host_is_refused(host: str) -> None:
    assert status(guarded(), host=host) == 403


def test_the_refusal_names_the_header_its_value_and_the_way_out() -> None:
    answer = request(guarded(), "GET", "/", headers={"host": "evil.example:1"})

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/json"
    detail = answer.json()["detail"]
    assert "Host" in detail
    assert "'evil.example:1'" in detail
    assert "EPHEMERAL_SERVER_ALLOWED_HOSTS" in detail


def test_the_refusal_of_an_endless_host_is_short() -> None:
    answer = request(guarded(), "GET", "/", headers={"host": "e" * 5000})

    assert len(answer.json()["detail"]) < 500


def test_each_of_several_host_headers_counts() -> None:
    headers = [("host", "localhost"), ("host", "evil.example")]

    assert request(guarded(), "GET", "/", headers=headers).status_code == 403


def test_a_request_without_a_host_is_not_from_a_web_page() -> None:
    async def run() -> list[Message]:
        conversation = Conversation(guarded())
        conversation.deliver({"type": "http.request", "body": b""})
        await conversation.run()
        return conversation.sent

    assert asyncio.run(run())[0]["status"] == 200


def test_the_host_that_the_server_is_bound_to_is_served() -> None:
    assert status(guarded(bound="192.168.1.5"), host="192.168.1.5:80") == 200
    assert status(guarded(bound="fe80::1%eth0"), host="[fe80::1]:80") == 200
    assert status(guarded(bound="Lab.example"), host="lab.example") == 200
    assert status(guarded(bound="192.168.1.5"), host="192.168.1.6") == 403


@pytest.mark.parametrize("bound", ["0.0.0.0", "::"])
def test_a_server_on_all_addresses_is_served_by_address_but_not_by_foreign_names(
    bound: str,
) -> None:
    app = guarded(bound=bound)

    assert status(app, host="192.168.1.5:4200") == 200
    assert status(app, host="[2001:db8::7]") == 200
    assert status(app, host="evil.example") == 403
    assert status(app, host="192.168.1.5", origin="http://203.0.113.9") == 403


def test_allowed_hosts_are_served_whatever_their_blanks_case_and_port() -> None:
    app = guarded("lab.example , HUB.example:8000,*.team.example,192.0.2.7, 2001:db8::1")

    for host in (
        "lab.example:1",
        "hub.example",
        "a.b.team.example",
        "192.0.2.7",
        "[2001:db8::1]:4200",
    ):
        assert status(app, host=host) == 200
    assert status(app, host="team.example") == 403
    assert status(app, host="evilteam.example") == 403


def test_a_star_lets_everybody_in() -> None:
    assert status(guarded("a.example,*"), "POST", host="evil.example", origin="null") == 200


@pytest.mark.parametrize("allowed", ["a b", "http://a.example", "a.example/path", "*.", "a*b"])
def test_an_entry_that_is_no_host_is_an_error_that_names_it(allowed: str) -> None:
    with pytest.raises(SettingsError, match="allowed_hosts") as raised:
        guarded(allowed)
    assert repr(allowed) in str(raised.value)


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://localhost.evil.example", "null", "", "chrome-extension://abc"],
)
def test_a_foreign_origin_is_refused(method: str, origin: str) -> None:
    assert status(guarded(), method, origin=origin) == 403


@pytest.mark.parametrize(
    "origin", ["http://localhost:8888", "http://127.0.0.1:4200", "https://[::1]"]
)
def test_pages_of_this_machine_may_write(origin: str) -> None:
    assert status(guarded(), "POST", origin=origin) == 200


def test_the_pages_of_the_server_itself_may_write_under_whatever_name_it_is_reached() -> None:
    app = guarded(bound="0.0.0.0")

    assert status(app, "POST", host="192.168.1.5:4200", origin="http://192.168.1.5:4200") == 200
    assert status(app, "POST", host="192.168.1.5:4200", origin="http://192.168.1.5:9") == 403


def test_an_allowed_host_is_an_allowed_origin() -> None:
    assert status(guarded("hub.example"), "POST", origin="https://hub.example:8000") == 200


def test_a_listed_origin_may_write_but_is_no_host() -> None:
    app = guarded(origins="https://ui.example:8443, https://b.example/")

    assert status(app, "POST", origin="https://ui.example:8443") == 200
    assert status(app, "POST", origin="https://b.example") == 200
    assert status(app, "POST", origin="http://ui.example:8443") == 403
    assert status(app, host="ui.example:8443") == 403


def test_the_refusal_names_the_origin() -> None:
    answer = request(guarded(), "POST", "/", headers={"origin": "http://evil.example"})

    assert "The Origin header 'http://evil.example'" in answer.json()["detail"]


def test_the_settings_say_what_is_allowed() -> None:
    settings = Settings(
        host="10.0.0.1", allowed_hosts="hub.example", cors_origins="https://ui.example"
    )
    app = guard(echo_app(), settings)

    assert status(app, host="10.0.0.1") == 200
    assert status(app, host="hub.example") == 200
    assert status(app, host="localhost", origin="https://ui.example") == 200
    assert status(app, host="localhost", origin="https://evil.example") == 403


def test_cors_for_all_origins_does_not_open_the_guard() -> None:
    app = guard(echo_app(), Settings(cors_origins="*"))

    assert status(app, host="localhost", origin="https://evil.example") == 403


@pytest.mark.parametrize(
    "headers",
    [
        ((b"host", b"evil.example"),),
        ((b"host", b"localhost"), (b"origin", b"https://evil.example")),
        ((b"host", b"localhost"), (b"origin", b"null")),
    ],
)
def test_a_foreign_websocket_is_refused_before_it_is_accepted(
    headers: tuple[tuple[bytes, bytes], ...],
) -> None:
    async def run() -> list[Message]:
        conversation = Conversation(guarded(), "websocket", headers=headers)
        conversation.deliver({"type": "websocket.connect"})
        await conversation.run()
        return conversation.sent

    assert [message["type"] for message in asyncio.run(run())] == ["websocket.close"]


def test_the_upgrade_says_why_where_the_server_can() -> None:
    async def run() -> list[Message]:
        conversation = Conversation(
            guarded(),
            "websocket",
            headers=((b"host", b"evil.example"),),
            extensions={"websocket.http.response": {}},
        )
        conversation.deliver({"type": "websocket.connect"})
        await conversation.run()
        return conversation.sent

    start, body = asyncio.run(run())
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 403)
    assert body["type"] == "websocket.http.response.body"
    assert "evil.example" in httpx.Response(403, content=body["body"]).json()["detail"]
