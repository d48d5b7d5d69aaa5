"""What a notebook shows for a handle."""

from __future__ import annotations

import threading
import time
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone
from html import unescape
from typing import Any, Literal

import pytest
from fastapi import FastAPI

from ephemeral_server import EphemeralServer, Settings, ephemeral
from ephemeral_server.embed.display import STATE_COLOURS, html, timeline
from tests import web

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=timezone.utc)


def text(page: str) -> str:
    """What a reader sees of a display; also proves that it is well-formed."""
    tree = ET.fromstring(unescape_entities(page))
    return " ".join(" ".join(tree.itertext()).split())


def unescape_entities(page: str) -> str:
    """XML knows no names for characters beyond the five it needs."""
    for name in ("&middot;", "&nbsp;"):
        page = page.replace(name, unescape(name))
    return page


def flow_run(name: str, state: str, start: float, end: float | None) -> dict[str, Any]:
    """A flow run as the API gives it, `start` and `end` in seconds before now."""

    def wire(before: float) -> str:
        return (NOW - timedelta(seconds=before)).isoformat().replace("+00:00", "Z")

    return {
        "name": name,
        "state_type": state,
        "start_time": wire(start),
        "end_time": None if end is None else wire(end),
    }


def bars(drawing: str) -> list[dict[str, str]]:
    """The attributes of the bars in a drawing."""
    return [dict(bar.attrib) for bar in ET.fromstring(drawing).iter("rect")]


def test_a_server_that_was_not_started_says_so() -> None:
    assert text(html(ephemeral())) == "● Ephemeral server not running"


@pytest.mark.parametrize("mode", ["thread", "process"])
def test_a_running_server_shows_where_it_is_and_what_it_holds(
    mode: Literal["thread", "process"],
) -> None:
    with ephemeral(mode=mode, activate=False, auth=True) as server:
        user, _, word = server.env["PREFECT_API_AUTH_STRING"].partition(":")
        with web.client(server.api_url, auth=(user, word)) as api:
            flow = api.post("/flows/", json={"name": "f"}).raise_for_status().json()
            for name, state in (("one", "COMPLETED"), ("two", "COMPLETED"), ("three", "RUNNING")):
                run = {"flow_id": flow["id"], "name": name, "state": {"type": state}}
                api.post("/flow_runs/", json=run).raise_for_status()
        shown = text(html(server, time_limit=20))
        assert server.url in shown
        assert "running" in shown
        assert "services" not in shown
        assert "3 flow runs: ■ 2 completed ■ 1 running" in shown
        assert "0 task runs" in shown
        assert all(name in shown for name in ("one", "two", "three"))
        assert server.env["PREFECT_API_AUTH_STRING"] not in html(server)
    assert text(html(server)) == "● Ephemeral server not running"


def test_it_shows_whether_services_run() -> None:
    with ephemeral(activate=False, services=True) as server:
        assert "with services" in text(html(server, time_limit=20))
        assert (
            repr(server) == f"<EphemeralServer {server.url} running in a thread: API and services>"
        )


def test_more_runs_than_a_page_are_counted_all_and_the_latest_are_drawn() -> None:
    with ephemeral(activate=False, default_limit=5) as server:
        with web.client(server.api_url) as api:
            flow = api.post("/flows/", json={"name": "f"}).raise_for_status().json()
            for state in ["COMPLETED"] * 4 + ["FAILED"] * 3:
                run = {"flow_id": flow["id"], "state": {"type": state}}
                api.post("/flow_runs/", json=run).raise_for_status()
        page = html(server, time_limit=20)
    assert "7 flow runs: ■ 4 completed ■ 3 failed" in text(page)
    assert page.count("<rect") == 5


def test_a_server_that_does_not_answer_is_shown_all_the_same_and_soon() -> None:
    app = FastAPI()
    asked = threading.Event()
    shown_already = threading.Event()

    @app.post("/api/flow_runs/filter")
    def think() -> None:
        asked.set()
        shown_already.wait(20)

    settings = Settings.load(ephemeral=True, activate=False)
    with EphemeralServer(settings, build=lambda _: app) as server:
        begin = time.monotonic()
        shown = text(html(server))
        took = time.monotonic() - begin
        shown_already.set()
        assert asked.is_set()
        assert took < 2
        assert server.url in shown
        assert "what it holds is not known yet" in shown


def test_a_server_with_another_api_is_shown_all_the_same() -> None:
    settings = Settings.load(ephemeral=True, activate=False)
    with EphemeralServer(settings, build=lambda _: FastAPI()) as server:
        assert "what it holds is not known yet" in text(html(server))


def test_no_runs_give_no_drawing() -> None:
    assert timeline([], NOW) == ""


def test_bars_stand_where_and_as_long_as_the_runs_were() -> None:
    first, second = bars(
        timeline([flow_run("a", "COMPLETED", 20, 10), flow_run("b", "FAILED", 10, 0)], NOW)
    )
    assert float(first["width"]) == pytest.approx(float(second["width"]), abs=0.2)
    assert float(first["x"]) + float(first["width"]) == pytest.approx(float(second["x"]), abs=0.2)
    assert first["fill"] == STATE_COLOURS["COMPLETED"]
    assert second["fill"] == STATE_COLOURS["FAILED"]


def test_a_run_that_goes_on_reaches_until_now() -> None:
    done, running = bars(
        timeline([flow_run("a", "COMPLETED", 20, 10), flow_run("b", "RUNNING", 20, None)], NOW)
    )
    assert float(running["width"]) == pytest.approx(2 * float(done["width"]), abs=0.2)


def test_a_run_that_took_no_time_can_be_seen_and_is_within_the_drawing() -> None:
    drawing = timeline([flow_run("a", "COMPLETED", 20, 10), flow_run("b", "CRASHED", 10, 10)], NOW)
    instant = bars(drawing)[1]
    assert float(instant["width"]) >= 3
    width = float(ET.fromstring(drawing).attrib["width"])
    assert float(instant["x"]) + float(instant["width"]) <= width


def test_a_run_without_any_times_is_drawn() -> None:
    run = {"name": "new", "state_type": None, "start_time": None, "end_time": None}
    assert len(bars(timeline([run], NOW))) == 1


def test_names_are_escaped() -> None:
    name = "<script>alert('x')</script>&\""
    drawing = timeline([flow_run(name, "COMPLETED", 20, 10)], NOW)
    assert "<script" not in drawing
    title = ET.fromstring(drawing).find(".//title")
    assert title is not None
    assert title.text == f"{name}: completed, 10.0 s"


def test_the_text_takes_the_colour_of_the_theme_and_nothing_is_fetched() -> None:
    drawing = timeline([flow_run("a", "COMPLETED", 20, 10)], NOW)
    assert 'fill="currentColor"' in drawing
    for outside in ("src=", "url(", "@import", "<link", "<script", "xlink"):
        assert outside not in drawing
        assert outside not in html(ephemeral())
