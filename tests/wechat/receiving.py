"""The service's side of a push, without the rest of the service."""

import json
from typing import Any

import sqlalchemy as sa
from fastapi import FastAPI

from app import problems
from app.db.session import Database
from app.settings import Settings
from app.wechat import routes_push
from tests.wechat.fake import APPID

TOKEN, AES_KEY = "AAAAA", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


def receiver(database: Database, *, token: str | None = TOKEN, aes_key: str | None = None) -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.include_router(routes_push.router)
    app.state.settings = Settings(wechat_appid=APPID, wechat_push_token=token, wechat_push_aes_key=aes_key)
    app.state.database = database
    return app


async def kept(database: Database) -> list[tuple[str, dict[str, Any]]]:
    async with database.reader() as reader:
        rows = await (await reader.connection()).execute(sa.text("select name, payload from wechat_push_event order by received_at"))
        return [(row.name, row.payload) for row in rows]


async def jobs(database: Database) -> list[tuple[str, dict[str, Any]]]:
    async with database.reader() as reader:
        rows = await (await reader.connection()).execute(sa.text("select entrypoint, payload from jobs.pgqueuer order by id"))
        return [(row.entrypoint, json.loads(row.payload)) for row in rows]
