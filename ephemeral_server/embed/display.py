"""How a handle shows itself in a notebook: where it is, how long, what it holds, the latest runs.

One self-contained piece of HTML with a drawing inside; nothing is fetched by the reader's
browser. Text takes the colour of the page around it, so light and dark themes both work.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ephemeral_server.errors import NotRunningError

if TYPE_CHECKING:
    from ephemeral_server.embed.handle import EphemeralServer

TIME_LIMIT = 0.5
"""Seconds that asking the server may take; it needs some 20 ms unless the machine is busy."""

LATEST = 12
"""How many runs are drawn."""

STATE_COLOURS = {
    "COMPLETED": "#2a9d55",
    "RUNNING": "#2f7fd6",
    "PENDING": "#b98a12",
    "SCHEDULED": "#c7a43a",
    "PAUSED": "#8a63c9",
    "FAILED": "#d64545",
    "CRASHED": "#e0752d",
    "CANCELLING": "#8c8c8c",
    "CANCELLED": "#8c8c8c",
}
"""Colour of each state type; all can be told from white and from black."""


def html(server: EphemeralServer, time_limit: float = TIME_LIMIT) -> str:
    """The display of `server`. Never raises.

    Args:
        server: running or not.
        time_limit: seconds that asking the server may take; what is not known by then is missing.
    """
    try:
        url = server.url
    except NotRunningError:
        parts = [_title(None)]
    else:
        holdings = _ask(server, time_limit)
        now = datetime.now(timezone.utc)
        facts = _facts(server.started_at, holdings, now, services=server.settings.runs_services)
        parts = [_title(url), facts]
        parts.append(timeline(holdings.latest[:LATEST], now))
    return f'<div style="font-family:sans-serif;line-height:1.5">{"".join(parts)}</div>'


def timeline(runs: Sequence[dict[str, Any]], now: datetime) -> str:
    """A drawing of flow runs, one bar each, from their start to their end.

    Args:
        runs: flow runs as the API gives them.
        now: where the bar of a run ends that is still going on.

    Returns:
        An ``<svg>`` element; an empty text if there are no runs.
    """
    bars = [_Bar.of(run, now) for run in runs]
    if not bars:
        return ""
    begin = min(bar.start for bar in bars)
    span = max(max(bar.end for bar in bars) - begin, 0.001)
    scale = (_WIDTH - _LABEL) / span
    height = len(bars) * _ROW
    rows = "".join(bar.draw(at * _ROW, begin, scale) for at, bar in enumerate(bars))
    label = f"The latest {len(bars)} flow runs over {_duration(span)}"
    return (
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" style="max-width:100%" font-size="11" '
        f'fill="currentColor">{rows}</svg>'
    )


_WIDTH, _LABEL, _ROW = 560, 170, 16


@dataclass
class _Bar:
    name: str
    state: str
    start: float
    end: float

    @classmethod
    def of(cls, run: dict[str, Any], now: datetime) -> _Bar:
        state = str(run.get("state_type") or "PENDING")
        planned = _seconds(run.get("expected_start_time")) or _seconds(run.get("created"))
        start = _seconds(run.get("start_time")) or planned or now.timestamp()
        end = _seconds(run.get("end_time"))
        if end is None:
            end = now.timestamp() if state in ("RUNNING", "CANCELLING") else start
        return cls(str(run.get("name") or ""), state, start, max(start, end))

    def draw(self, top: int, begin: float, scale: float) -> str:
        left = _LABEL + (self.start - begin) * scale
        # A run that took no time must still be seen, also at the right edge.
        width = max((self.end - self.start) * scale, 3)
        left = min(left, _WIDTH - width)
        colour = STATE_COLOURS.get(self.state, "#8c8c8c")
        name = self.name if len(self.name) <= 26 else self.name[:25] + "…"
        title = escape(f"{self.name}: {self.state.lower()}, {_duration(self.end - self.start)}")
        return (
            f"<g><title>{title}</title>"
            f'<text x="0" y="{top + 12}">{escape(name)}</text>'
            f'<rect x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="{_ROW - 5}" rx="2" '
            f'fill="{colour}"/></g>'
        )


@dataclass
class _Holdings:
    """What the server said it holds; what it did not say in time is None or empty."""

    latest: list[dict[str, Any]] = field(default_factory=list)
    flow_runs: dict[str, int] | None = None
    task_runs: int | None = None


def _ask(server: EphemeralServer, time_limit: float) -> _Holdings:
    holdings = _Holdings()
    page = server.settings.default_limit
    try:
        with _Api(server, time_limit) as api:
            newest_first = {"sort": "START_TIME_DESC", "limit": page}
            holdings.latest = api.post("/flow_runs/filter", newest_first)
            if len(holdings.latest) < page:
                states = [run["state_type"] for run in holdings.latest]
                holdings.flow_runs = {state: states.count(state) for state in STATE_COLOURS}
            else:
                holdings.flow_runs = {state: api.count_runs(state) for state in STATE_COLOURS}
            holdings.task_runs = api.post("/task_runs/count", {})
    except (OSError, http.client.HTTPException, ValueError, NotRunningError):
        pass  # A display of a busy or dying server shows less; it never fails.
    return holdings


class _Api:
    """The API over one connection on the loopback, for a limited time."""

    def __init__(self, server: EphemeralServer, time_limit: float) -> None:
        address = urlsplit(server.api_url)
        self._deadline = time.monotonic() + time_limit
        self._path = address.path
        self._headers = {"content-type": "application/json"}
        secret = server.env.get("PREFECT_API_AUTH_STRING")
        if secret:
            token = base64.b64encode(secret.encode()).decode()
            self._headers["authorization"] = f"Basic {token}"
        self._connection = http.client.HTTPConnection(
            address.hostname or "127.0.0.1", address.port, timeout=time_limit
        )

    def __enter__(self) -> _Api:
        return self

    def __exit__(self, *raised: object) -> None:
        self._connection.close()

    def count_runs(self, state: str) -> int:
        """How many flow runs are in a state of this type."""
        count: int = self.post(
            "/flow_runs/count", {"flow_runs": {"state": {"type": {"any_": [state]}}}}
        )
        return count

    def post(self, path: str, body: dict[str, Any]) -> Any:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("The server did not say in time what it holds.")
        self._connection.timeout = left
        if self._connection.sock is not None:
            self._connection.sock.settimeout(left)
        self._connection.request("POST", self._path + path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise ValueError(f"{path} was answered with {answer.status}.")
        return json.loads(content)


def _title(url: str | None) -> str:
    colour, state = ("#2a9d55", "running") if url else ("#8c8c8c", "not running")
    where = ""
    if url:
        link = escape(url)
        where = f' at <a href="{link}" target="_blank" rel="noopener">{link}</a>'
    return (
        f'<div><span style="color:{colour}">&#9679;</span> '
        f"<b>Ephemeral server</b> {state}{where}</div>"
    )


def _facts(
    started_at: datetime | None, holdings: _Holdings, now: datetime, *, services: bool
) -> str:
    facts = []
    if started_at is not None:
        facts.append(f"up for {_duration((now - started_at).total_seconds())}")
    if services:
        facts.append("with services")
    if holdings.flow_runs is None:
        facts.append("what it holds is not known yet")
    else:
        facts.append(_flow_runs(holdings.flow_runs))
    if holdings.task_runs is not None:
        facts.append(_plural(holdings.task_runs, "task run"))
    return f'<div style="opacity:.85">{" &middot; ".join(facts)}</div>'


def _flow_runs(counts: dict[str, int]) -> str:
    """The number of flow runs, and how many are in which state."""
    states = "".join(
        f' <span style="color:{STATE_COLOURS[state]}">&#9632;</span>'
        f"&nbsp;{count}&nbsp;{state.lower()}"
        for state, count in counts.items()
        if count
    )
    return _plural(sum(counts.values()), "flow run") + (f":{states}" if states else "")


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _seconds(wire: object) -> float | None:
    """An instant of the API as seconds since 1970."""
    if not isinstance(wire, str):
        return None
    return datetime.fromisoformat(wire.replace("Z", "+00:00")).timestamp()


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
