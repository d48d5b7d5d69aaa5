"""The files of web pages that route by themselves (single-page applications)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ephemeral_server.http.asgi import header, route_path

#: Files in which `replace_placeholder_string_in_files` looks unless told otherwise.
TEXT_EXTENSIONS = (".txt", ".html", ".css", ".js", ".json")

# What a page loads by itself. A missing one must not come as HTML: the browser would report a
# syntax error in the script instead of the missing file. Other endings may be part of a name
# in a page's address (`/artifacts/key/report-1.2`).
_ASSETS = re.compile(
    r"\.([cm]?js|css|map|json|wasm|webmanifest|txt|xml|pdf|zip|gz|png|jpe?g|gif|svg|ico|webp|avif"
    r"|bmp|mp[34]|webm|og[gv]|wav|woff2?|[ot]tf|eot)",
    re.IGNORECASE,
)
_PAGE_DESTINATIONS = ("document", "iframe", "frame", "empty")


class SPAStaticFiles(StaticFiles):
    """Serves a directory; a page that is no file is the application's ``index.html``.

    So a deep link into the application works when the browser loads it afresh. Something is
    taken for a page if its name does not end like a script, an image or another asset, and if
    the request accepts HTML and does not say that it loads an asset (``Sec-Fetch-Dest``).
    Everything else that is missing is answered with 404.

    Takes the arguments of `starlette.staticfiles.StaticFiles`; ``html=True`` also serves the
    ``index.html`` of directories.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at `path`, the index, or `HTTPException` 404 or 405."""
        if "\0" in path:  # no name of a file; to look for it is an error on Python 3.10
            raise HTTPException(404)
        try:
            response = await super().get_response(path, scope)
        except HTTPException as missing:
            if missing.status_code != 404 or not _is_page(scope):
                raise
            return await super().get_response("index.html", scope)
        if response.status_code == 404 and _is_page(scope):  # a 404.html of the directory
            return await super().get_response("index.html", scope)
        return response


def replace_placeholder_string_in_files(
    directory: str | os.PathLike[str],
    placeholder: str,
    replacement: str,
    allowed_extensions: Sequence[str] | None = None,
) -> None:
    """Replace every `placeholder` in the files of a directory and of those below it.

    Args:
        directory: where to look.
        placeholder: what to look for; plain text, no pattern.
        replacement: what to put there.
        allowed_extensions: endings of the names of files to look into; None means
            `TEXT_EXTENSIONS`. Other files, and files without the placeholder, are not touched.

    Raises:
        OSError: a file cannot be read or written.
    """
    endings = tuple(TEXT_EXTENSIONS if allowed_extensions is None else allowed_extensions)
    wanted, put = placeholder.encode(), replacement.encode()
    for folder, _, names in os.walk(directory):
        for name in names:
            if not name.endswith(endings):
                continue
            file = Path(folder, name)
            # Bytes, because text would change line ends and fail on other encodings.
            content = file.read_bytes()
            if wanted in content:
                file.write_bytes(content.replace(wanted, put))


def _is_page(scope: Scope) -> bool:
    if _ASSETS.fullmatch(PurePosixPath(route_path(scope)).suffix):
        return False
    destination = header(scope, b"sec-fetch-dest")
    if destination is not None and destination not in _PAGE_DESTINATIONS:
        return False
    accept = header(scope, b"accept") or "*/*"
    return any(kind in accept for kind in ("text/html", "application/xhtml+xml", "*/*"))
