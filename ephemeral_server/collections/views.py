"""Views of what packages offer, from files that come with this package: nothing is fetched.

``aggregate-worker-metadata.json`` holds the worker types that clients offer to those who make
work pools. A type that is served by a package of its own has no job template here, unless it
runs without an account of some cloud: the first worker of such a pool gives it its template.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent

#: All that may be asked for; those without a file are empty.
VIEWS = frozenset(
    {
        "aggregate-block-metadata",
        "aggregate-flow-metadata",
        "aggregate-worker-metadata",
        "demo-flows",
    }
)


@lru_cache(maxsize=len(VIEWS))
def view_json(view: str) -> str | None:
    """The content of a view as a JSON object; None if there is no such view."""
    if view not in VIEWS:
        return None
    try:
        return (_FOLDER / f"{view}.json").read_text("utf-8")
    except FileNotFoundError:
        return "{}"
