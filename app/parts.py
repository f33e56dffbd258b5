"""What a process works with: the database, WeChat's client, the object store; opened together, closed in the opposite order."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app import vitals
from app.db import acting, pulse, roles, spans, standby
from app.db import session as db_session
from app.db.acting import Acting
from app.db.session import Database
from app.db.standby import Standby
from app.security import keys
from app.settings import Settings
from app.storage.store import ObjectStore, open_store
from app.wechat import protection
from app.wechat.client import WeChatClient
from app.wechat.protection import Protection, Suite
from app.wechat.stop_store import DatabaseStopStore
from app.wechat.store import DatabaseTokenStore


@dataclass(frozen=True, slots=True)
class Parts:
    database: Database
    wechat: WeChatClient
    store: ObjectStore


def session_info(settings: Settings) -> dict[str, object]:
    """What every session carries for the services: the key ring, and where links begin."""
    return {"keys": keys.load(settings), "public_base_url": settings.public_base_url.rstrip("/")}


def wechat_client(settings: Settings, database: Database) -> WeChatClient:
    """Shares its token and what it learns of quotas with all other processes, through the database."""
    return WeChatClient(
        settings.wechat_base_url or "", settings.wechat_appid, settings.wechat_secret, token_store=DatabaseTokenStore(database),
        stop_store=DatabaseStopStore(database, settings.wechat_appid), protection=_protection(settings),
        version=settings.wechat_version,
    )


def _protection(settings: Settings) -> Protection | None:
    """Raises ValueError, OSError for keys that are none: the process does not start."""
    if not settings.wechat_api_cipher:
        return None
    return protection.load(
        appid=settings.wechat_appid, suite=Suite(settings.wechat_api_cipher), shared=settings.wechat_api_key or "",
        own=settings.wechat_api_signing_key or "", platform=settings.wechat_api_platform_keys or "",
    )


@asynccontextmanager
async def opened(
    settings: Settings, *, name: str, statement_timeout_ms: int = 5_000, actor: dict[str, object] | None = None,
    pool_size: int = 4, most: int = 24, acting_for: Acting = acting.NOBODY,
) -> AsyncIterator[Parts]:
    """`name` is what the database shows of this process; `actor` stands in audit events that no signed-in caller causes, and
    `acting_for` is what row security hears of sessions without one. `pool_size` is how many connections are kept,
    `most` how many there may be while all of them are held. One more is a process more at the server, which shares the same cores: with 4
    instead of 8 for each of two processes, reads at 32 connections became 2 to 11 % faster (measured), writes no slower."""
    assert settings.database_url, "a process is given its database by scripts/server or XINXIN_DATABASE_URL"
    info = session_info(settings) | ({"actor": actor} if actor else {})
    async with AsyncExitStack() as stack:
        database = db_session.connect(
            settings.database_url, info=info, name=name, statement_timeout_ms=statement_timeout_ms, pool_size=pool_size,
            most=most, acting_for=acting_for,
        )
        stack.push_async_callback(database.close)
        spans.told()
        await stack.enter_async_context(vitals.watched(database.engine, name.removeprefix("xinxin-")))
        await stack.enter_async_context(pulse.watched(settings.database_url, database.engine))
        await roles.require(database.engine)
        wechat = wechat_client(settings, database)
        stack.push_async_callback(wechat.aclose)
        store = open_store(settings.object_store_url)
        stack.push_async_callback(store.aclose)
        yield Parts(database, wechat, store)


@asynccontextmanager
async def standing_by(settings: Settings, database: Database, *, name: str) -> AsyncIterator[Standby | None]:
    """The standby of `database`, where the settings name one. It need not be there when the process starts."""
    if not settings.read_database_url:
        yield None
        return
    far = db_session.connect(
        settings.read_database_url, info=session_info(settings), name=name, acting_for=acting.NOBODY, give_up=standby.GIVE_UP_SECONDS
    )
    async with standby.beside(database, far) as watched:
        yield watched
