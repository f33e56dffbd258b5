"""What has no quota left rests until midnight in Beijing: in every process, said once, shown to whoever watches."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col
from structlog.testing import capture_logs

from app import cli_wechat
from app.audit.models import AuditEvent
from app.db.session import Database
from app.errors import WeChatUnavailable
from app.wechat import stop_store, stops
from app.wechat.errors import WeChatStopped
from app.wechat.stop_store import DatabaseStopStore
from tests.wechat.conftest import Join
from tests.wechat.fake import APPID, Fake

LINK, PICTURE = "/wxa/generate_urllink", "/wxa/getwxacodeunlimit"
TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}


async def calls(fake: Fake, path: str = LINK) -> int:
    return int((await fake.seen("calls")).get(path, 0))


def test_a_stop_ends_a_little_after_the_next_midnight_in_beijing() -> None:
    for now, end in (
        ("2026-11-29T02:00:00", "2026-11-29T16:02:00"), ("2026-11-29T15:59:59", "2026-11-29T16:02:00"),
        ("2026-11-29T16:01:00", "2026-11-29T16:02:00"),  # the answer to a call of before midnight: not a whole day more
        ("2026-11-29T16:02:01", "2026-11-30T16:02:00"), ("2026-12-31T15:00:00", "2026-12-31T16:02:00"),
    ):
        assert stops.end_of_stop(datetime.fromisoformat(now).replace(tzinfo=UTC)) == datetime.fromisoformat(end).replace(tzinfo=UTC)


async def test_one_process_learns_it_for_all_and_raises_one_alarm(join: Join, fake: Fake, push_database: Database) -> None:
    first, careless = join(), join(sharing=False)
    await fake.fault(LINK, errcode=45009, times=None)
    with capture_logs() as logs:
        refusals = await asyncio.gather(*(one.url_link("", "a=1") for one in (first, first, join())), return_exceptions=True)
    assert {type(one) for one in refusals} == {WeChatStopped}
    assert [line["log_level"] for line in logs if line["event"] == "wechat.quota_used_up"] == ["error"]
    seconds = refusals[0].retry_after
    assert 0 < seconds <= 86_400 + 120 and refusals[0].headers["Retry-After"] == str(seconds)
    asked = await calls(fake)
    with pytest.raises(WeChatStopped):
        await join().url_link("", "a=1")  # a process that begins after it
    assert await calls(fake) == asked
    with pytest.raises(WeChatStopped):
        await careless.url_link("", "a=1")  # the known-bad variant asks WeChat again
    assert await calls(fake) == asked + 1
    assert (await first.unlimited_qrcode("s=1")).startswith(b"\x89PNG")  # that call alone


async def test_at_midnight_or_when_an_operator_lifts_it_the_call_goes_again(
    join: Join, fake: Fake, push_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stops, "LOOK_EVERY", 0.0)
    one = join()
    for end in ("midnight", "lifted"):
        await fake.fault(LINK, errcode=45009)
        for _ in range(2):
            with pytest.raises(WeChatStopped):
                await one.url_link("", "a=1")
        async with push_database.transaction() as session:
            if end == "lifted":
                assert await stop_store.lift(session, path=LINK) and not await stop_store.lift(session, path=LINK)
            else:
                earlier = "update wechat_quota_stop set stopped_at = stopped_at - interval '2 days', until = until - interval '2 days'"
                await (await session.connection()).execute(sa.text(earlier))
        assert await one.url_link("", "a=1")


async def test_the_minute_of_the_pictures_is_no_day(join: Join, fake: Fake, push_database: Database) -> None:
    await fake.fault(PICTURE, errcode=45009)
    with pytest.raises(WeChatStopped) as stopped:
        await join().unlimited_qrcode("s=1")
    assert stopped.value.retry_after is not None and stopped.value.retry_after <= 60
    running = await DatabaseStopStore(push_database, APPID).running()
    assert 55 < running[PICTURE] <= 60
    assert await DatabaseStopStore(push_database, "wx0000000000000000").running() == {}


async def test_a_code_for_the_minute_and_for_the_day_is_first_taken_for_the_minute(
    join: Join, fake: Fake, push_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stops, "LOOK_EVERY", 0.0)
    one, days, check = join(), [], "/wxa/msg_sec_check"
    openid = (await one.code_to_session(await fake.code("张三"))).openid
    for quota in (True, True, False, True):  # the minute; the day; then both are given again, and it begins anew
        if quota:
            await fake.fault(check, errcode=45009)
            with pytest.raises(WeChatStopped) as stopped:
                await one.check_text(openid, "好")
            days.append((stopped.value.retry_after or 0) > 60)
        else:
            await one.check_text(openid, "好")
        async with push_database.transaction() as session:
            await stop_store.lift(session, path=check)
    assert days == [False, True, False]


async def test_without_quota_for_tokens_nothing_is_asked_and_nothing_was_sent(join: Join, fake: Fake) -> None:
    await fake.fault("/cgi-bin/stable_token", errcode=45009)
    one = join()
    for _ in range(2):
        with pytest.raises(WeChatStopped):
            await one.send_subscription("o", "tmpl-0123456789", {"thing1": "好"})
    assert await calls(fake, "/cgi-bin/stable_token") == 1 and await calls(fake, "/cgi-bin/message/subscribe/send") == 0
    with pytest.raises(WeChatUnavailable):
        await one.probe()


async def test_whoever_watches_sees_it_and_the_service_stays_ready(client, database, settings, session) -> None:
    store = DatabaseStopStore(database, "wx-watched")
    now = datetime.now(UTC)
    assert [await store.begin(LINK, now + timedelta(hours=2)), await store.begin(LINK, now + timedelta(hours=3))] == [True, False]
    ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()["wechat_stops"]) == (200, [LINK])
    shown = (await client.get("/metrics", headers=TOKEN)).text
    assert "\nxinxin_wechat_quota_stops 1" in shown and "xinxin_wechat_calls_total" in shown
    assert await cli_wechat.stopped(database, "/wxa/other") == [LINK] and await cli_wechat.stopped(database, LINK) == []
    await cli_wechat.replaced(database, settings)
    recorded = sa.select(col(AuditEvent.action), col(AuditEvent.facts)).where(col(AuditEvent.action).like("wechat.%"))
    assert sorted((await session.exec(recorded)).all()) == [("wechat.lift_stop", {"path": LINK}), ("wechat.replace_token", {})]
