"""Links that open the mini program: one question to WeChat for each code and minute, whoever opens the page; none for dead codes."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.session import Database
from app.qrcodes import links
from app.qrcodes.models import QrCode, QrCodeLink
from tests.qrcodes.conftest import API, BROWSER, LINK_CALL

PHONES = 100


async def aged(session, scene: str, **columns: Any) -> None:
    """Sets the code's link back in time, by the database's clock."""
    chosen = sa.select(col(QrCode.id)).where(col(QrCode.scene) == scene).scalar_subquery()
    await session.exec(sa.update(QrCodeLink).where(col(QrCodeLink.qrcode_id) == chosen).values(**columns))


def ago(**span: int) -> Any:
    return sa.func.clock_timestamp() - timedelta(**span)


async def test_the_first_phone_fetches_a_link_and_all_others_have_it(client, code, links_asked) -> None:
    before = await links_asked()
    pages = [await client.get(f"/s/{code['scene']}", headers=BROWSER) for _ in range(3)]
    hrefs = {page.text.partition('class="open" href="')[2].partition('"')[0] for page in pages}
    assert len(hrefs) == 1 and hrefs.pop().startswith("https://wxaurl.cn/")
    assert await links_asked() == before + 1


async def test_a_link_counts_until_an_hour_before_its_end(client, session, code, links_asked) -> None:
    page = f"/s/{code['scene']}"
    first = await client.get(page, headers=BROWSER)
    before = await links_asked()
    await aged(session, code["scene"], asked_at=ago(days=29), expires_at=ago(minutes=-65))
    assert (await client.get(page, headers=BROWSER)).text == first.text and await links_asked() == before
    await aged(session, code["scene"], asked_at=ago(days=29), expires_at=ago(minutes=-55))
    renewed = await client.get(page, headers=BROWSER)
    assert renewed.text != first.text and "wxaurl.cn" in renewed.text and await links_asked() == before + 1


@pytest.mark.parametrize("wish", [
    {"errcode": 43108}, {"errcode": 85079}, {"errcode": 40165}, {"status": 503}, {"body": "{}"},
    {"body": '{"url_link": "javascript:alert(1)"}'}, {"body": '{"url_link": "http://wxaurl.cn/x"}'},
])
async def test_while_wechat_is_away_the_page_is_an_ordinary_one_and_asks_once_a_minute(
    client, session, code, fault, simulator, links_asked, wish
) -> None:
    await fault(LINK_CALL, **wish)
    page = f"/s/{code['scene']}"
    shown = await client.get(page, headers=BROWSER)
    assert shown.status_code == 200 and 'class="open"' not in shown.text and "搜索“新新”小程序" in shown.text
    asked = await links_asked()
    await simulator.http.delete("/_simulator/faults")
    assert 'class="open"' not in (await client.get(page, headers=BROWSER)).text
    assert await links_asked() == asked
    await aged(session, code["scene"], asked_at=ago(seconds=59))
    assert 'class="open"' not in (await client.get(page, headers=BROWSER)).text
    await aged(session, code["scene"], asked_at=ago(seconds=61))
    assert 'class="open"' in (await client.get(page, headers=BROWSER)).text


async def test_nobody_waits_long_for_a_slow_wechat(client, code, fault, monkeypatch) -> None:
    monkeypatch.setattr(links, "PATIENCE_SECONDS", 0.2)
    await fault(LINK_CALL, delay=2, times=1)
    async with asyncio.timeout(1.5):
        shown = await client.get(f"/s/{code['scene']}", headers=BROWSER)
    assert shown.status_code == 200 and 'class="open"' not in shown.text


async def test_a_dead_code_hands_no_link_out(client, session, secretary, code, links_asked) -> None:
    page, code_id = f"/s/{code['scene']}", UUID(code["id"])
    assert "wxaurl.cn" in (await client.get(page, headers=BROWSER)).text
    assert code_id in await links.live(session, [code_id])
    for dead in ({"expires_at": ago(seconds=1)}, {"max_uses": 1, "uses": 1}, {"active": False}):
        before = await links_asked()
        async with session.begin_nested() as undone:
            await session.exec(sa.update(QrCode).where(col(QrCode.id) == code_id).values(**dead))
            gone = await client.get(page, headers=BROWSER)
            assert gone.status_code == 410 and "wxaurl.cn" not in gone.text
            assert await links.live(session, [code_id]) == {}
            await aged(session, code["scene"], asked_at=ago(days=1), url_link=None, expires_at=None)
            assert not await links.claim(session, code_id)
            await undone.rollback()
        assert await links_asked() == before


async def test_looking_ahead_and_wechats_own_browser_ask_for_nothing(client, code, links_asked) -> None:
    before, page = await links_asked(), f"/s/{code['scene']}"
    assert (await client.head(page, headers=BROWSER)).status_code == 200
    inside = BROWSER | {"User-Agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0.50"}
    assert (await client.get(page, headers=inside)).status_code == 200
    assert (await client.get(f"{API}/{code['scene']}")).status_code == 200
    assert await links_asked() == before


class Careless:
    """The known-bad variant of `links.claim`: looks first and writes then. The first one writes when a second one has looked."""

    def __init__(self) -> None:
        self.looked, self.met = 0, asyncio.Event()

    async def claim(self, session: Any, qrcode_id: UUID) -> bool:
        known = (await session.exec(sa.select(QrCodeLink).where(col(QrCodeLink.qrcode_id) == qrcode_id))).first()
        self.looked += 1
        if self.looked > 1:
            self.met.set()
        async with asyncio.timeout(10):
            await self.met.wait()
        if known is not None:
            return False
        await session.exec(sa.text("insert into qrcode_link (qrcode_id) values (:id) on conflict do nothing"), params={"id": qrcode_id})
        return True


async def opened(client, scene: str) -> str:
    """The page, asked for again by whom a busy machine sent away."""
    for _ in range(20):
        page = await client.get(f"/s/{scene}", headers=BROWSER)
        if page.status_code == 200:
            return str(page.text)
        assert page.status_code == 503
    raise AssertionError("always busy")


def one_call(calls: int) -> None:
    assert calls == 1, f"WeChat was asked {calls} times"


@pytest.mark.parametrize("bad", [False, True])
async def test_a_hundred_phones_cost_one_call(
    application, client, many, wechat, poster: QrCode, links_asked, bad: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.state.database = many
    await wechat.url_link("", "scene=warm")  # the token is there: what follows is counted
    if bad:
        monkeypatch.setattr(links, "claim", Careless().claim)
    before = await links_asked()
    await asyncio.gather(*(opened(client, poster.scene) for _ in range(PHONES)))
    calls = await links_asked() - before
    if bad:
        with pytest.raises(AssertionError):
            one_call(calls)
    else:
        one_call(calls)


async def test_processes_share_the_claim(many: Database, poster: QrCode) -> None:
    """What decides stands in the database: of many transactions one gets the claim, and in the next minute one again."""
    async def claimed() -> bool:
        async with many.transaction() as session:
            return await links.claim(session, poster.id)

    assert sum(await asyncio.gather(*(claimed() for _ in range(16)))) == 1
    async with many.transaction() as session:
        await aged(session, poster.scene, asked_at=ago(seconds=61))
    assert sum(await asyncio.gather(*(claimed() for _ in range(16)))) == 1
    async with many.transaction() as session:
        link = links.Link("https://wxaurl.cn/x", clock.now() + timedelta(days=30))
        await links.keep(session, qrcode_id=poster.id, link=link)
        await aged(session, poster.scene, asked_at=ago(days=1))
    assert not await claimed()
