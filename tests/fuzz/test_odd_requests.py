"""Requests that are odd beside their members: bodies that are no JSON, ids, queries, headers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.application import Application
from tests.fuzz.bodies import Population, populate

JSON = {"content-type": "application/json"}
UNREADABLE = {"detail": "There was an error parsing the body"}


@pytest.fixture
def known(application: Application) -> Population:
    return populate(application)


class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b'{"name":',
            b'{"name":"a"',
            b'{"name":"a"}}',
            b'{"name":"a"}\x00',
            b"{'name':'a'}",
            b'{"name":"a\x01"}',
            b'{"name":nope}',
            b'{"name":"\\u12"}',
            b'{"name":+1}',
            b'{"name":01}',
            b'{"name":.5}',
            b"\x00",
            b"\xef\xbb\xbf",
            b"<xml/>",
        ],
    )
    @pytest.mark.parametrize("path", ["/flows/", "/flows/filter", "/logs/", "/events"])
    def test_what_is_no_json_is_refused_and_shown(
        self, application: Application, path: str, body: bytes
    ) -> None:
        answer = application.post(path, content=body, headers=JSON)

        assert answer.status_code == 422
        report = answer.json()
        assert set(report) == {"exception_message", "exception_detail", "request_body"}
        [detail] = report["exception_detail"]
        assert (detail["type"], detail["loc"][0]) == ("json_invalid", "body")
        assert report["request_body"].encode().strip(b"\xef\xbb\xbf") == body.strip(b"\xef\xbb\xbf")

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(b"[" * 100_000, id="100,000 brackets"),
            pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 lists"),
            pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="100,000 objects"),
            pytest.param(b"1" + b"0" * 5000, id="5,001 digits"),
            pytest.param(b'"\xff"', id="no UTF-8"),
        ],
    )
    @pytest.mark.parametrize("path", ["/flows/", "/flows/filter", "/logs/", "/events"])
    def test_what_no_parser_takes_is_refused(
        self, application: Application, path: str, value: bytes
    ) -> None:
        answer = application.post(path, content=b'{"name":' + value + b"}", headers=JSON)

        assert (answer.status_code, answer.json()) == (400, UNREADABLE)

    @pytest.mark.parametrize("half", [b"\\ud800", b"\xed\xa0\x80"], ids=["escaped", "as bytes"])
    def test_half_a_character_is_refused(self, application: Application, half: bytes) -> None:
        answer = application.post("/flows/", content=b'{"name":"%s"}' % half, headers=JSON)

        assert answer.status_code == 422
        report = answer.json()
        [detail] = report["exception_detail"]
        assert (detail["loc"], report["request_body"]) == (["body", "name"], {"name": "?"})

    @pytest.mark.parametrize("body", ["null", "[]", "1", '"a"', "true", '[{"name":"a"}]'])
    def test_another_value_in_the_place_of_an_object_is_refused(
        self, application: Application, body: str
    ) -> None:
        answer = application.post("/flows/", content=body, headers=JSON)

        assert answer.status_code == 422
        [detail] = answer.json()["exception_detail"]
        assert detail["loc"] == ["body"]

    def test_of_members_with_the_same_name_the_last_one_counts(
        self, application: Application
    ) -> None:
        last = f"last-{uuid4()}"
        body = f'{{"name":"first","name":1,"name":"{last}"}}'

        answer = application.post("/flows/", content=body, headers=JSON)

        assert (answer.status_code, answer.json()["name"]) == (201, last)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
    def test_json_in_another_unicode_is_read(self, application: Application, encoding: str) -> None:
        name = f"ü-{uuid4()}"

        answer = application.post(
            "/flows/", content=f'{{"name":"{name}"}}'.encode(encoding), headers=JSON
        )

        assert (answer.status_code, answer.json()["name"]) == (201, name)

    @pytest.mark.parametrize(
        "kind",
        [
            b"text/plain",
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=x",
            b"application/octet-stream",
            b"application",
            b"\xff/;;;=",
            b"",
        ],
    )
    def test_a_body_of_another_type_is_no_json(self, application: Application, kind: bytes) -> None:
        headers = {b"content-type": kind}

        answer = application.post("/flows/", content=b'{"name":"a"}', headers=headers)

        assert answer.status_code == 422
        report = answer.json()
        assert report["exception_detail"][0]["loc"] == ["body"]
        assert report["request_body"] == '{"name":"a"}'

    def test_a_body_in_a_type_that_lies_is_shown_as_it_is(self, application: Application) -> None:
        headers = {"content-type": "application/x-www-form-urlencoded"}

        answer = application.post("/flows/", content=b"\xff\x00name=a", headers=headers)

        assert answer.status_code == 422
        assert answer.json()["request_body"] == "\\xff\x00name=a"


class TestPaths:
    @pytest.mark.parametrize("kind", ["flows", "flow_runs", "task_runs", "flow_run_states"])
    @pytest.mark.parametrize(
        "id",
        [
            "nothing",
            "0",
            "-1",
            "%00",
            "%ff",
            "%zz",
            "{00000000-0000-0000-0000-000000000000}",
            "urn:uuid:00000000-0000-0000-0000-000000000000",
            "00000000-0000-0000-0000-00000000000",
            "00000000-0000-0000-0000-0000000000000",
            "0000000g-0000-0000-0000-000000000000",
            "00000000-0000-0000-0000-00000000000%D9%A0",
            "1' OR '1'='1",
            "a" * 5000,
        ],
    )
    def test_what_is_no_id_is_not_found(self, application: Application, kind: str, id: str) -> None:
        answer = application.get(f"/{kind}/{id}")

        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})

    def test_an_id_may_be_written_in_other_ways(
        self, application: Application, known: Population
    ) -> None:
        for id in (known.flow.upper(), known.flow.replace("-", "")):
            assert application.get(f"/flows/{id}").json()["id"] == known.flow

    @pytest.mark.parametrize(
        ("name", "status"),
        [("%ff%fe", 404), ("%ED%A0%80", 404), ("a%zz", 404), ("%00", 422), ("%25", 404)],
    )
    def test_any_bytes_may_be_asked_for_as_a_name(
        self, application: Application, name: str, status: int
    ) -> None:
        answer = application.get(f"/flows/name/{name}")

        assert answer.status_code == status
        if status == 422:
            assert answer.json()["exception_detail"][0]["loc"] == ["path", "name"]

    @pytest.mark.parametrize("method", ["PUT", "TRACE", "NONSENSE", "get"])
    def test_a_method_that_is_unknown_is_not_allowed(
        self, application: Application, method: str
    ) -> None:
        assert application.request(method, "/flows/filter").status_code == 405


class TestQueries:
    @pytest.mark.parametrize(
        "query",
        [
            "",
            "flow_run_id",
            "flow_run_id=",
            "flow_run_id=a",
            "flow_run_id=%00",
            "flow_run_id=%ff%fe",
            "flow_run_id=%ED%A0%80",
            "flow_run_id[]=00000000-0000-0000-0000-000000000000",
            "&&&=&;;%%%",
            "flow_run_id=" + "a" * 50_000,
            "&".join(["a=1"] * 2000),
        ],
    )
    def test_a_query_without_an_id_is_refused(self, application: Application, query: str) -> None:
        answer = application.get(f"/flow_run_states/?{query}")

        assert answer.status_code == 422
        report = answer.json()
        [detail] = report["exception_detail"]
        assert detail["loc"] == ["query", "flow_run_id"]
        assert report["request_body"] is None

    def test_garbage_beside_an_id_is_passed_over(
        self, application: Application, known: Population
    ) -> None:
        query = f"%ff=%00&&=;&flow_run_id={known.flow_run}&x[y]=%zz"

        assert len(application.get(f"/flow_run_states/?{query}").json()) == 1


class TestHeaders:
    @pytest.mark.parametrize(
        "version", [b"\xff", "٣.٣.٣".encode(), b"1.2", b"1.2.3.4", b"-1.0.0", b"9" * 30_000]
    )
    def test_what_is_no_version_is_refused(self, application: Application, version: bytes) -> None:
        answer = application.post("/flows/filter", headers={b"x-prefect-api-version": version})

        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("Invalid X-PREFECT-API-VERSION header format.")

    @pytest.mark.parametrize("id", [b"", b"a", b"\xff", b"\x00"])
    def test_an_automation_without_an_id_is_refused(
        self, application: Application, known: Population, id: bytes
    ) -> None:
        headers: Any = {b"prefect-automation-id": id, b"prefect-automation-name": b"\xff"}

        answer = application.post("/flow_runs/", {"flow_id": known.flow}, headers=headers)

        assert answer.status_code == 422
        [detail] = answer.json()["exception_detail"]
        assert detail["loc"] == ["header", "prefect-automation-id"]

    @pytest.mark.parametrize("name", ["host", "origin"])
    @pytest.mark.parametrize("value", [b"\xff", b"a b", b"http://", b"[::", b"a" * 9000, b"\x00"])
    def test_what_is_no_host_is_refused(
        self, application: Application, name: str, value: bytes
    ) -> None:
        answer = application.post("/flows/filter", headers={name.encode(): value})

        assert answer.status_code == 403
        assert answer.json()["detail"].startswith(f"The {name.title()} header ")
        assert len(answer.content) < 2000
