"""The measure of our own cost: a bare Starlette handler on asyncpg that does nothing but what was recorded, `python -m app.bench.bare`.

It checks no token, parses its JSON without a schema, keeps no rules, and answers as much as the service does.
"""

import argparse
import json
import os
import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.bench.playing import Lines, digest, play
from app.bench.script import Given, Script
from app.process import end_with_parent
from app.uploads import pictures

DECODERS = CapacityLimiter(max(1, (os.cpu_count() or 2) // 2))  # as many at once as the service has
TOKEN = "refresh_token"
SILENT_SECONDS = 15  # as the service has it


@dataclass(frozen=True, slots=True)
class Part:
    """One operation: a script for all items, or one for each when nothing is given."""

    scripts: list[Script]
    items: list[Given]

    def of(self, item: int) -> tuple[Script, Given]:
        return (self.scripts[0], self.items[item]) if self.items else (self.scripts[item], {})


@dataclass(frozen=True, slots=True)
class Book:
    database: str
    parts: dict[str, Part]


class Handler:
    def __init__(self, book: Book) -> None:
        self.parts = book.parts
        self.lines = Lines(book.database)
        self.shapes = {id(one): json.loads(one.answer) for part in book.parts.values() for one in part.scripts}

    async def __call__(self, request: Request) -> Response:
        script, given = self.parts[request.path_params["part"]].of(request.path_params["item"])
        shape = self.shapes[id(script)]
        if request.headers.get("content-type", "").startswith("multipart"):
            await _clean(request)
        else:
            sent = await request.body()
            body: dict[str, Any] = json.loads(sent) if sent else {}
            if TOKEN in body:
                given = {"hash": digest(body[TOKEN])}
        async with self.lines.one() as connection:
            played = await play(connection, script, given)
        if TOKEN in shape:
            shape = {**shape, TOKEN: played.tokens[0]}
        return Response(json.dumps(shape, ensure_ascii=False, separators=(",", ":")), script.status, media_type="application/json")


async def _clean(request: Request) -> None:
    """The work on the picture that the service does, as it does it."""
    form = await request.form()
    file = form["file"]
    assert isinstance(file, UploadFile)
    await to_thread.run_sync(pictures.clean, await file.read(), limiter=DECODERS)
    await form.close()


def build() -> Starlette:
    """What uvicorn's workers call; they have the arguments of the process that has spawned them."""
    book: Book = pickle.loads(_asked().book.read_bytes())
    handler = Handler(book)

    async def handle(request: Request) -> Response:
        return await handler(request)

    return Starlette(routes=[Route("/{part}/{item:int}", handle, methods=["GET", "POST"])])


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m app.bench.bare")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--book", type=Path, required=True, help="what it plays: a Book, pickled")
    return parser.parse_args()


def main() -> int:
    end_with_parent()
    chosen = _asked()
    uvicorn.run(
        "app.bench.bare:build", factory=True, host="127.0.0.1", port=chosen.port, workers=chosen.workers, log_level="warning",
        access_log=False, ws="none", backlog=2048, timeout_worker_healthcheck=SILENT_SECONDS,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
