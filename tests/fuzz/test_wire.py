"""Bytes that are no HTTP, or half of it: refused and closed, and nobody else takes notice."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ephemeral_server import EphemeralServer
from tests.fuzz.wire import Answer, Wire, chunked, request

GET = request("GET", "/api/version")
FLOW = b'{"name":"flow"}'
FLOWS = request("POST", "/api/flows/filter", b"{}")
NONE = Answer(200, [])
POST = request("POST", "/api/flows/", FLOW)
CHUNK = b"f\r\n" + FLOW + b"\r\n"
REFUSED = Answer(400, "Invalid HTTP request received.")


@pytest.fixture
def wire(wired: EphemeralServer, caplog: pytest.LogCaptureFixture) -> Iterator[Wire]:
    """A connection; whatever happens to it, there are no flows, no errors, and others go on."""
    with Wire(wired.port) as wire:
        yield wire
    with Wire(wired.port) as other:
        other.send(FLOWS)
        assert other.answers(1) == [NONE]
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [record for record in records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(99), id="TLS"),
        pytest.param(bytes(range(256)), id="any bytes"),
        pytest.param(b"\0" * 100, id="NULs"),
        pytest.param(GET.replace(b"version", b"\xff"), id="raw bytes in a path"),
        pytest.param(GET.replace(b"version", b"ver sion"), id="a blank in a path"),
        pytest.param(GET.replace(b"127", b"\x00127"), id="a NUL in a header"),
        pytest.param(GET.replace(b"host:", b"host :"), id="a blank in a name"),
        pytest.param(GET.replace(b"host:", b"host"), id="no colon"),
        pytest.param(request("POST", "/api/flows/", FLOW, length=b"-1"), id="negative length"),
        pytest.param(request("POST", "/api/flows/", FLOW, length=b"0xf"), id="hexadecimal length"),
        pytest.param(request("POST", "/api/flows/", FLOW, length=b"9" * 40), id="endless length"),
        pytest.param(request("POST", "/api/flows/", FLOW, length=b""), id="empty length"),
        pytest.param(POST.replace(b"host", b"content-length: 3\r\nhost"), id="two lengths"),
        pytest.param(POST.replace(b"host", b"transfer-encoding: gzip\r\nhost"), id="gzip"),
        pytest.param(chunked("/api/flows/", b"zz\r\n"), id="no size of a chunk"),
        pytest.param(chunked("/api/flows/", b"-f\r\n" + FLOW), id="negative size of a chunk"),
        pytest.param(chunked("/api/flows/", b"5\r\n" + FLOW + b"\r\n"), id="wrong size of a chunk"),
    ],
)
def test_what_is_no_request_is_refused_and_closed(wire: Wire, data: bytes) -> None:
    wire.send(data)

    assert wire.answers(2) == [REFUSED]
    assert wire.is_closed()


def test_what_follows_a_request_is_refused_alone(wire: Wire) -> None:
    wire.send(GET)
    assert [answer.status for answer in wire.answers(1)] == [200]

    wire.send(b"\0")

    assert wire.answers(2) == [REFUSED]
    assert wire.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(POST[:20], id="in the first line"),
        pytest.param(POST[:50], id="in the headers"),
        pytest.param(POST[:-1], id="in the body"),
        pytest.param(chunked("/api/flows/", CHUNK), id="between chunks"),
        pytest.param(chunked("/api/flows/", CHUNK[:9]), id="in a chunk"),
        pytest.param(chunked("/api/flows/", CHUNK + b"0\r\n"), id="before the last line"),
    ],
)
@pytest.mark.parametrize("reset", [False, True], ids=["finished", "reset"])
def test_a_request_that_is_cut_off_does_nothing(wire: Wire, data: bytes, reset: bool) -> None:
    wire.send(data)

    if reset:
        wire.reset()
    else:
        wire.finish()
        assert [answer.status for answer in wire.answers(1)] in ([], [400])
        assert wire.is_closed()


def test_a_body_that_is_longer_than_it_says_is_cut_and_refused(wire: Wire) -> None:
    wire.send(request("POST", "/api/flows/", FLOW, length=b"5"))
    wire.finish()

    statuses = [answer.status for answer in wire.answers(3)]

    # One parser answers the broken body first, the other one finds the broken request at once.
    assert statuses in ([422], [422, 400], [400])
    assert wire.is_closed()


def test_each_of_several_requests_sent_together_has_its_own_answer(wire: Wire) -> None:
    broken = request("POST", "/api/flows/", b"{")
    wrong = request("POST", "/api/flows/", b'{"name":1}')
    unknown = request("GET", "/api/flows/nothing")

    wire.send(GET + broken + GET + wrong + unknown + GET)

    answers = wire.answers(6)
    assert [answer.status for answer in answers] == [200, 422, 200, 422, 404, 200]
    assert answers[1].body["request_body"] == "{"
    assert answers[3].body["request_body"] == {"name": 1}


def test_a_request_may_come_byte_by_byte(wire: Wire) -> None:
    for byte in chunked("/api/flows/filter", b"2\r\n{}\r\n0\r\n\r\n"):
        wire.send(bytes([byte]))

    assert wire.answers(1) == [NONE]


def test_a_client_may_ask_whether_to_go_on(wire: Wire) -> None:
    headers = b"content-type: application/json\r\nexpect: 100-continue\r\n"

    wire.send(request("POST", "/api/flows/filter", b"{}", headers=headers))

    # (`http.client` reads over the answer "100 Continue".)
    assert wire.answers(1) == [NONE]


@pytest.mark.parametrize("body", [b'{"name":1}', b"\xff{{", b"[" * 100_000])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_body_where_none_belongs_is_passed_over(wire: Wire, method: str, body: bytes) -> None:
    path = "/api/flows/00000000-0000-0000-0000-000000000000"

    wire.send(request(method, path, body) + GET)

    missing, version = wire.answers(2)
    assert missing == Answer(404, {"detail": "Flow not found"})
    assert version.status == 200


def test_a_body_of_many_megabytes_is_read_and_refused(wire: Wire) -> None:
    wire.send(request("POST", "/api/flows/", b'{"nom":"' + b"x" * 20_000_000 + b'"}') + GET)

    refused, version = wire.answers(2)

    assert refused.status == 422
    assert {error["type"] for error in refused.body["exception_detail"]} == {
        "missing",
        "extra_forbidden",
    }
    assert version.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"".join(b"x-%d: 1\r\n" % n for n in range(1000)), id="a thousand"),
        pytest.param(b"x: " + b"y" * 60_000 + b"\r\n", id="60,000 characters"),
        pytest.param(b"accept-encoding: gzip;q=x, \xc3, ;=, *;q=\r\n", id="encodings"),
        pytest.param(b"user-agent: prefect/\xff (API \xff)\r\n", id="user agent"),
        pytest.param(b"cookie: ;=;\xff\r\ncookie: a\r\n", id="cookies"),
        pytest.param(b"range: bytes=5-1,x\r\nif-none-match: \xff\r\n", id="conditions"),
        pytest.param(b"x-forwarded-for: \xff\r\nforwarded: for=;;\r\n", id="forwarded"),
        pytest.param(b"connection: upgrade\r\nupgrade: nothing\r\n", id="upgrade"),
    ],
)
def test_odd_headers_are_passed_over(wire: Wire, headers: bytes) -> None:
    wire.send(request("GET", "/api/version", headers=headers))

    [answer] = wire.answers(1)

    assert (answer.status, type(answer.body)) == (200, str)
