"""The files of a single-page application."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from ephemeral_server.http.spa import SPAStaticFiles, replace_placeholder_string_in_files
from tests.http.driving import request

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>the index</h1>")
    (folder / "assets" / "app.js").write_text("run()")
    (tmp_path / "secret.html").write_text("not served")
    return folder


def get(pages: Path, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    app = Starlette(routes=[Mount("/ui", SPAStaticFiles(directory=pages, html=True))])
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return request(app, method, f"/ui{path}", headers=named)


def test_a_file_is_served_with_what_a_cache_needs(pages: Path) -> None:
    answer = get(pages, "/assets/app.js")

    assert answer.text == "run()"
    assert "etag" in answer.headers
    assert get(pages, "/assets/app.js", if_none_match=answer.headers["etag"]).status_code == 304


def test_the_root_is_the_index(pages: Path) -> None:
    assert get(pages, "/").text == "<h1>the index</h1>"


@pytest.mark.parametrize(
    "path", ["/flow-runs", "/flows/flow/1", "/artifacts/key/report-1.2", "/assets/", "/x.name"]
)
@pytest.mark.parametrize("accept", [BROWSER, "*/*", "application/xhtml+xml"])
def test_a_missing_page_gives_the_index(pages: Path, path: str, accept: str) -> None:
    answer = get(pages, path, accept=accept)

    assert answer.status_code == 200
    assert answer.text == "<h1>the index</h1>"
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    ["/missing.js", "/assets/missing.JS", "/a.css", "/b.mjs", "/c.png", "/d.json", "/e.woff2"],
)
@pytest.mark.parametrize("accept", [BROWSER, "*/*"])
def test_a_missing_script_or_asset_gives_404(pages: Path, path: str, accept: str) -> None:
    assert get(pages, path, accept=accept).status_code == 404


def test_a_request_that_does_not_accept_html_gets_404(pages: Path) -> None:
    assert get(pages, "/flow-runs", accept="application/json").status_code == 404


@pytest.mark.parametrize("destination", ["script", "style", "image", "worker"])
def test_a_page_loading_something_without_an_ending_gets_404(pages: Path, destination: str) -> None:
    answer = get(pages, "/chunk", accept="*/*", sec_fetch_dest=destination)

    assert answer.status_code == 404


def test_a_page_in_a_frame_gives_the_index(pages: Path) -> None:
    answer = get(pages, "/flow-runs", accept=BROWSER, sec_fetch_dest="iframe")

    assert answer.text == "<h1>the index</h1>"


def test_a_page_is_never_written(pages: Path) -> None:
    answer = get(pages, "/flow-runs", "POST", accept=BROWSER)

    assert answer.status_code == 405


def test_the_head_of_a_missing_page_is_that_of_the_index(pages: Path) -> None:
    answer = get(pages, "/flow-runs", "HEAD", accept=BROWSER)

    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize("path", ["/../secret.html", "/%2e%2e/secret.html", "/a%00b.js"])
def test_nothing_outside_is_served(pages: Path, path: str) -> None:
    answer = get(pages, path)

    assert "not served" not in answer.text
    assert answer.status_code in (200, 404)


def test_a_404_page_does_not_hide_the_index(pages: Path) -> None:
    (pages / "404.html").write_text("lost")

    assert get(pages, "/flow-runs").text == "<h1>the index</h1>"
    missing = get(pages, "/missing.js")
    assert (missing.status_code, missing.text) == (404, "lost")


def test_without_an_index_a_missing_page_gives_404(pages: Path) -> None:
    (pages / "index.html").unlink()

    assert get(pages, "/flow-runs").status_code == 404


class TestReplacing:
    def test_every_occurrence_in_every_text_file_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "deep" / "er").mkdir(parents=True)
        names = ["a.txt", "a.html", "deep/a.css", "deep/er/a.js", "deep/er/a.json"]
        for name in names:
            (tmp_path / name).write_text("/BASE and /BASE/x")

        replace_placeholder_string_in_files(tmp_path, "/BASE", "/dash")

        assert {(tmp_path / name).read_text() for name in names} == {"/dash and /dash/x"}

    def test_other_files_stay(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"/BASE")

        replace_placeholder_string_in_files(str(tmp_path), "/BASE", "")

        assert (tmp_path / "a.png").read_bytes() == b"/BASE"

    def test_the_endings_can_be_chosen(self, tmp_path: Path) -> None:
        (tmp_path / "a.md").write_text("/BASE")
        (tmp_path / "a.js").write_text("/BASE")

        replace_placeholder_string_in_files(tmp_path, "/BASE", "", [".md"])

        assert (tmp_path / "a.md").read_text() == ""
        assert (tmp_path / "a.js").read_text() == "/BASE"

    def test_the_placeholder_is_no_pattern(self, tmp_path: Path) -> None:
        (tmp_path / "a.js").write_text("a.c abc $(x)")

        replace_placeholder_string_in_files(tmp_path, "a.c", r"\1")

        assert (tmp_path / "a.js").read_text() == r"\1 abc $(x)"

    def test_line_ends_and_foreign_encodings_stay(self, tmp_path: Path) -> None:
        (tmp_path / "a.js").write_bytes(b"/BASE\r\n\xff caf\xc3\xa9")

        replace_placeholder_string_in_files(tmp_path, "/BASE", "/ü")

        assert (tmp_path / "a.js").read_bytes() == "/ü\r\n".encode() + b"\xff caf\xc3\xa9"

    def test_a_file_without_the_placeholder_is_not_written(self, tmp_path: Path) -> None:
        file = tmp_path / "a.js"
        file.write_text("nothing here")
        os.utime(file, (1, 1))

        replace_placeholder_string_in_files(tmp_path, "/BASE", "/dash")

        assert file.stat().st_mtime == 1
