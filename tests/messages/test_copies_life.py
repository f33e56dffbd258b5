"""Which event spends a permission, when its copy goes, and that it goes once whatever happens in between."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth import service as auth_service
from app.db.base import new_id
from app.errors import WeChatUnavailable
from app.jobs import service as jobs_service
from app.messages import copies, queries_copies, service, workflow
from app.messages.copies import Copy, Told
from app.messages.models import Category, KeptBack, Message, MessageGrant, MessageTemplate, Push
from app.wechat.errors import WeChatSilent

TEMPLATE = "xinxin_report_progress"
SEND = "/cgi-bin/message/subscribe/send"
NOON, NIGHT = datetime(2026, 11, 29, 4, tzinfo=UTC), datetime(2026, 11, 29, 15, 30, tzinfo=UTC)  # 12:00 and 23:30 in Shanghai


@pytest.mark.parametrize(
    ("count", "usefulness", "goes"), [(0, 3, False), (1, 3, True), (1, 2, False), (2, 2, True), (2, 1, False), (3, 1, True)]
)
def test_each_more_useful_level_keeps_a_permission(count: int, usefulness: int, goes: bool) -> None:
    assert workflow.may_spend(count, usefulness, [1, 2, 3, 3]) is goes
    assert workflow.may_spend(count, usefulness, []) is (count > 0), "alone in its category it takes what there is"


@pytest.mark.parametrize(
    ("at", "hours", "end"),
    [
        ((13, 59), (22, 7), None), ((14, 0), (22, 7), 23), ((15, 59), (22, 7), 23), ((16, 0), (22, 7), 23), ((22, 59), (22, 7), 23),
        ((23, 0), (22, 7), None), ((16, 0), (0, 7), 23), ((4, 0), (12, 14), 6), ((6, 0), (12, 14), None), ((4, 0), (12, 12), None),
    ],
)
def test_quiet_hours_are_shanghais_and_may_span_midnight(at, hours, end) -> None:
    """Instants and the end in UTC; hours in Shanghai, which is eight ahead."""
    until = workflow.quiet_until(datetime(2026, 11, 29, *at, tzinfo=UTC), time(hours[0]), time(hours[1]))
    assert until == (None if end is None else datetime(2026, 11, 29, end, tzinfo=UTC))


class Post:
    """One rider whom WeChat knows, and everything that comes to them."""

    def __init__(self, session, queued, run_job, simulator, rider: UUID) -> None:
        self.session, self.queued, self.run_job, self.simulator, self.rider = session, queued, run_job, simulator, rider

    async def permit(self, times: int = 1) -> None:
        for _ in range(times):
            await service.set_permission(self.session, member_id=self.rider, template_id=TEMPLATE, accepted=True)

    async def permitted(self) -> int:
        found = await self.session.exec(sa.select(col(MessageGrant.count)).where(col(MessageGrant.member_id) == self.rider))
        return int(found.scalar_one())

    async def write(self, title: str, moment: str | None = None, about: UUID | None = None) -> UUID:
        await service.send(
            self.session, member_id=self.rider, category="report", title=title, body="正文", moment=moment,
            reference=("report", about or new_id(), "R20261124-000001"),
        )
        found = await self.session.exec(sa.select(col(Message.id)).where(col(Message.title) == title))
        return found.scalar_one()

    async def run(self, message_id: UUID) -> None:
        await self.run_job("message.push", {"message_id": str(message_id)})

    async def state(self, message_id: UUID) -> tuple[Any, Any, int]:
        found = await self.session.exec(
            sa.select(col(Message.push), col(Message.kept_back), col(Message.unanswered)).where(col(Message.id) == message_id)
        )
        return tuple(found.one())  # type: ignore[return-value]

    async def arrived(self) -> list[str]:
        items = (await self.simulator.http.get("/_simulator/sent")).json()["items"]
        return [item["data"]["thing1"]["value"] for item in items]

    async def fault(self, path: str = SEND, **wish: Any) -> None:
        assert (await self.simulator.http.post("/_simulator/faults", json={"path": path} | wish)).status_code == 204

    async def lease_over(self, message_id: UUID) -> None:
        past = sa.func.clock_timestamp() - timedelta(seconds=1)
        await self.session.exec(sa.update(Message).where(col(Message.id) == message_id).values(copy_until=past))


@pytest.fixture
async def post(client, simulator, session, queued, run_job):
    await session.exec(sa.update(MessageTemplate).values(quiet_from=time(), quiet_until=time()))
    login = await client.post("/api/v1/auth/wechat", json={"code": await simulator.code("等消息的人")})
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    rider = UUID((await client.get("/api/v1/members/me", headers=headers)).json()["id"])
    yield Post(session, queued, run_job, simulator, rider)
    await simulator.http.delete("/_simulator/faults")


async def test_the_last_permission_waits_for_the_most_useful_event(post: Post) -> None:
    await post.permit(2)
    for title, moment in (("已受理A", "report_progress"), ("已派单A", "report_progress"), ("请评价A", "report_result")):
        await post.run(await post.write(title, moment))
    assert [title for title in await post.arrived() if title.endswith("A")] == ["已受理A", "请评价A"]
    assert await post.permitted() == 0


async def test_what_is_kept_back_says_why(post: Post) -> None:
    await post.permit()
    news = await post.write("已受理B", "report_progress")
    await post.run(news)
    await post.run(news)
    assert await post.state(news) == (Push.NOT_PERMITTED, KeptBack.LAST_PERMISSION, 0) and await post.permitted() == 1
    about = new_id()
    first, read, second = [await post.write(title, None, about) for title in ("先B", "读过B", "后B")]
    await service.read(post.session, member_id=post.rider, message_id=read)
    for message in (first, read, second):
        await post.run(message)
    assert [(await post.state(message))[:2] for message in (first, read, second)] == [
        (Push.NOT_PERMITTED, KeptBack.SUPERSEDED), (Push.NOT_PERMITTED, KeptBack.READ), (Push.SENT, None),
    ]
    assert [title for title in await post.arrived() if title.endswith("B")] == ["后B"]
    await post.permit(2)
    asked = await post.write("请评价B", "report_result", about)
    await post.write("进展B", "report_progress", about)
    await post.run(asked)
    assert (await post.state(asked))[0] is Push.SENT, "a newer one that is less useful takes nothing from it"


@pytest.mark.parametrize("most", [2, 3])
async def test_where_wechat_says_nothing_a_copy_is_sent_once_more_and_no_more(post: Post, monkeypatch, most: int) -> None:
    """With three as the limit (the known-bad variant) it arrives three times."""
    monkeypatch.setattr(copies, "MOST_SENDS", most)
    await post.permit()
    await post.fault(cut=True, times=9)
    message = await post.write(f"没有回音{most}")
    for _ in range(most):
        with pytest.raises(WeChatSilent):
            await post.run(message)
    assert await post.permitted() == 0, "it may have been spent"
    await post.run(message)
    assert await post.state(message) == (Push.FAILED, None, most)
    assert (await post.arrived()).count(f"没有回音{most}") == most


@pytest.mark.parametrize(
    ("wish", "unanswered"), [({"status": 503}, 0), ({"status": 302}, 0), ({"status": 504}, 1), ({"body": "<html>200</html>"}, 1)]
)
async def test_an_http_error_is_an_answer_and_a_gateways_silence_is_none(post: Post, wish: dict[str, Any], unanswered: int) -> None:
    """What was answered was not taken: it comes again as often as the queue lets it, with its permission. The rest is fenced."""
    title = f"答{next(iter(wish.values()))}"[:9]
    await post.permit()
    await post.fault(**wish, times=4)
    message = await post.write(title)
    for _ in range(4):
        with suppress(WeChatUnavailable):
            await post.run(message)
    assert await post.permitted() == 1 - min(unanswered, 1)
    await post.simulator.http.delete("/_simulator/faults")
    await post.run(message)
    sent, times = (Push.FAILED, 0) if unanswered else (Push.SENT, 1)
    assert (await post.state(message))[0] is sent and (await post.arrived()).count(title) == times


async def test_what_may_have_arrived_waits_until_wechat_answers(post: Post) -> None:
    await post.permit()
    await post.fault(cut=True)
    message = await post.write("断线C")
    with pytest.raises(WeChatSilent):
        await post.run(message)
    await post.fault("*", status=502, times=None)
    with pytest.raises(WeChatUnavailable):
        await post.run(message)
    assert await post.state(message) == (Push.SENDING, None, 1)
    await post.simulator.http.delete("/_simulator/faults")
    await post.run(message)
    assert await post.state(message) == (Push.SENT, None, 2) and (await post.arrived()).count("断线C") == 2


async def test_what_may_have_arrived_and_was_read_is_not_sent_again(post: Post) -> None:
    await post.permit()
    await post.fault(cut=True)
    message = await post.write("已读G")
    with pytest.raises(WeChatSilent):
        await post.run(message)
    await service.read(post.session, member_id=post.rider, message_id=message)
    await post.run(message)
    assert await post.state(message) == (Push.FAILED, None, 1) and (await post.arrived()).count("已读G") == 1


async def test_a_dead_run_is_taken_over_and_what_it_says_later_is_nothing(post: Post) -> None:
    await post.permit()
    message = await post.write("接手D")
    dead = await copies.begin(post.session, message_id=message)
    assert isinstance(dead, Copy) and await post.permitted() == 0
    waiting = len(await post.queued(post.session))
    await post.run(message)
    assert len(await post.queued(post.session)) == waiting + 1 and (await post.state(message))[0] is Push.SENDING, "somebody is at it"
    await post.lease_over(message)
    assert await copies.begin(post.session, message_id=message) is Told.PROBE
    await post.run(message)
    assert await post.state(message) == (Push.SENT, None, 2) and (await post.arrived()).count("接手D") == 1
    await copies.end(post.session, message_id=message, copy=dead, outcome=None)
    assert (await post.state(message))[0] is Push.SENT and await post.permitted() == 0, "the permission came back from a run that was over"


async def test_one_person_gets_one_copy_at_a_time(post: Post) -> None:
    await post.permit(2)
    one, other = await post.write("甲E"), await post.write("乙E")
    first = await copies.begin(post.session, message_id=one)
    assert isinstance(first, Copy)
    assert await copies.begin(post.session, message_id=other) is Told.NOTHING
    assert await post.state(other) == (None, None, 0)
    await copies.end(post.session, message_id=one, copy=first, outcome=Push.SENT)
    assert isinstance(await copies.begin(post.session, message_id=other), Copy)


async def test_at_night_copies_wait_and_urgent_ones_do_not(post: Post, monkeypatch) -> None:
    asked: list[timedelta | None] = []
    enqueue = jobs_service.enqueue

    async def noted(*arguments: Any, delay: timedelta | None = None, **more: Any) -> None:
        asked.append(delay)
        await enqueue(*arguments, delay=delay, **more)

    await post.session.exec(sa.update(MessageTemplate).values(quiet_from=time(22), quiet_until=time(7)))
    await post.permit(3)
    monkeypatch.setattr(copies.jobs_service, "enqueue", noted)
    quiet, urgent = await post.write("夜里F"), await post.write("紧急F", "report_emergency")
    asked.clear()
    with monkeypatch.context() as night:
        night.setattr(copies.clock, "now", lambda: NIGHT)
        await post.run(quiet)
        await post.run(urgent)
    [delay] = asked
    assert delay is not None and timedelta(hours=7.5) <= delay < timedelta(hours=7.5, seconds=copies.MORNING_SECONDS)
    assert [title for title in await post.arrived() if title.endswith("F")] == ["紧急F"]
    with monkeypatch.context() as day:
        day.setattr(copies.clock, "now", lambda: NOON)
        await post.run(quiet)
    assert (await post.state(quiet))[0] is Push.SENT


async def test_a_title_that_tells_too_much_stays_in_the_inbox(post: Post) -> None:
    await post.permit()
    await post.run(await post.write("您已被确定为入党积极分子"))
    assert (await post.arrived())[-1] == "上报办理进度"


@pytest.mark.parametrize("together", [True, False])
async def test_two_workers_never_send_to_one_person_at_once(committed, monkeypatch, together: bool) -> None:
    """Both begin at the same moment, on real transactions; without the lane (the known-bad variant) both get a copy."""
    both, standing = asyncio.Barrier(2), queries_copies.standing

    async def seen_by_both(*arguments: Any, **more: Any) -> Any:
        found = await standing(*arguments, **more)
        await both.wait()
        return found

    async def no_lane(*_: Any) -> None: ...

    if not together:
        monkeypatch.setattr(copies.throttles, "hold", no_lane)
        monkeypatch.setattr(queries_copies, "standing", seen_by_both)
    async with committed.transaction() as session:
        rider = (await auth_service.ensure_account(session, openid=f"lane-{new_id()}")).id
        for _ in range(3):
            await service.set_permission(session, member_id=rider, template_id=TEMPLATE, accepted=True)
        ids = [new_id(), new_id()]
        session.add_all(Message(id=one, member_id=rider, category=Category.REPORT, title="t", body="b") for one in ids)

    async def begin(message_id: UUID) -> bool:
        async with committed.transaction() as session:
            return isinstance(await copies.begin(session, message_id=message_id), Copy)

    monkeypatch.setattr(copies.workflow, "quiet_until", lambda *_: None)
    try:
        taken = await asyncio.gather(*(begin(one) for one in ids))
    finally:
        async with committed.transaction() as session:
            await service.forget(session, member_id=rider)
            await session.exec(sa.text("delete from jobs.pgqueuer where entrypoint = 'message.push'"))
            await auth_service.forget(session, member_id=rider)
    assert sum(taken) == (1 if together else 2)
