"""The floor of a cold start: our libraries, one FastAPI route, uvicorn in a thread.

Prints when the first answer was there, as `time.monotonic` counts.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import aiosqlite
import fastapi
import sqlalchemy.ext.asyncio
import uvicorn

from tests.benchmarks.children.first_answer import first_answer

#: Imported because any server on these libraries needs them.
LIBRARIES = (aiosqlite, fastapi, sqlalchemy.ext.asyncio, uvicorn)

app = fastapi.FastAPI()


@app.get("/health")
async def health() -> bool:
    return True


def main() -> None:
    # With a protocol, for asyncio sets TCP_NODELAY only then.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    server = uvicorn.Server(
        uvicorn.Config(app, log_config=None, access_log=False, ws="websockets-sansio")
    )

    def serve() -> None:
        asyncio.run(server.serve(sockets=[listener]))

    thread = threading.Thread(target=serve)
    thread.start()
    first_answer(listener.getsockname()[1], "/health")
    print(time.monotonic())
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    main()
