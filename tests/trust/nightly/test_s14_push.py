"""What WeChat pushes to a really running service, signed and sealed: stored, answered `success`, worked off, and its effect is there."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.db import session as db_session
from app.db.session import Database
from app.parts import session_info
from app.settings import Settings
from tests.support.newcomer import Caller, World, county_of
from tests.support.service import Service

PUSH_TOKEN, AES_KEY = "AAAAA", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TEMPLATE, SECONDS = "xinxin_report_progress", 30.0


@dataclass
class Wire:
    """A county, the simulated WeChat beside it, and a look into the service's database."""

    world: World
    wechat: httpx.AsyncClient
    database: Database

    async def ask(self, text: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.database.reader() as session:
            return [tuple(row) for row in await (await session.connection()).execute(sa.text(text), values)]

    async def wish(self, name: str, **wish: Any) -> Any:
        answer = await self.wechat.post(f"/_simulator/{name}", json=wish)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def checked(self, report_id: str) -> str:
        found = await self.ask("select checked from upload where owner_id = cast(:id as uuid)", id=report_id)
        return str(found[0][0])

    async def permitted(self, member: Caller) -> int:
        text = "select count from message_grant where member_id = cast(:id as uuid) and template_id = :template"
        return sum(int(row[0]) for row in await self.ask(text, id=member.id, template=TEMPLATE))


@pytest.fixture(scope="module")
def wired_service() -> Iterator[Service]:
    service = Service(wechat_push_token=PUSH_TOKEN, wechat_push_aes_key=AES_KEY)
    service.settings["public_base_url"] = service.url
    try:
        service.start()
        yield service
        assert service.stop() == 0
    finally:
        service.remove()


@pytest.fixture(scope="module")
async def wire(wired_service: Service) -> AsyncIterator[Wire]:
    info = session_info(Settings(data_dir=wired_service.data))
    database = db_session.connect(wired_service.database_url, info=info, pool_size=1)
    async with county_of(wired_service) as world, httpx.AsyncClient(base_url=wired_service.simulator_url, trust_env=False) as wechat:
        yield Wire(world, wechat, database)
    await database.close()


async def until(look: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            while not await look():  # noqa: ASYNC110 - it is the database that is looked at
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {SECONDS:.0f} s") from None


@pytest.mark.check("S14", tier="N")
async def test_a_pushed_event_has_its_effect(wire: Wire, measured: Callable[..., None]) -> None:
    rider = await wire.world.rider()
    await wire.wish("manners", media_seconds=0.5)
    judged = {"pass": await rider.files()}
    await until(lambda: _is(wire.checked(judged["pass"]["id"]), "pass"), "the photo has passed")
    await wire.wish("manners", media_suggest="risky")
    judged["risky"] = await (await wire.world.rider()).files()
    await until(lambda: _is(wire.checked(judged["risky"]["id"]), "risky"), "the photo is held")
    await wire.wish("subscriptions", person=rider.name, template_id=TEMPLATE, answer="accept")
    await until(lambda: _is(wire.permitted(rider), 1), "the permission is counted")
    await wire.wish("subscriptions", person=rider.name, template_id=TEMPLATE, answer="off")
    await until(lambda: _is(wire.permitted(rider), 0), "the permission has ended")
    pushed = await wire.wish("push/settle")
    measured("events pushed and taken", sum(one["taken"] for one in pushed["items"]))
    assert all(one["answers"] == ["200"] and one["taken"] for one in pushed["items"])
    assert await wire.ask("select count(*) from wechat_push_event where taken_at is null") == [(0,)]
    said = wire.world.service.log.read_text(errors="replace")
    openid = (await wire.wish("people", person=rider.name))["openid"]
    assert not [word for word in (openid, AES_KEY, rider.phone) if word in said]


@pytest.mark.variant("S14", tier="N")
async def test_an_event_that_was_not_sealed_or_signed_has_none(wire: Wire) -> None:
    """The same judge over a push that is not WeChat's: nothing is stored, and the simulator sees that it was not taken."""
    rider = await wire.world.rider()
    before = await wire.ask("select count(*) from wechat_push_event")
    url = f"{wire.world.service.url}/wechat/push"
    for token, key in (("BBBBB", AES_KEY), (PUSH_TOKEN, None), (PUSH_TOKEN, AES_KEY[::-1])):
        await wire.wish("push", url=url, token=token, aes_key=key)
        await wire.wish("subscriptions", person=rider.name, template_id=TEMPLATE, answer="accept")
        last = (await wire.wish("push/settle"))["items"][-1]
        assert last["answers"] == ["403"] * 3 and not last["taken"]
    assert await wire.ask("select count(*) from wechat_push_event") == before and await wire.permitted(rider) == 0


async def _is(found: Awaitable[Any], wanted: Any) -> bool:
    return bool(await found == wanted)
