"""Copies through WeChat: only what is permitted, once, and without the body; what WeChat tells about permissions."""

import secrets
from datetime import time
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth import queries as auth_queries
from app.db.base import new_id
from app.errors import WeChatUnavailable
from app.messages import service, workflow
from app.messages.models import Message, MessageGrant, MessageTemplate
from app.security import sealing
from app.wechat.models import WeChatPushEvent

TEMPLATE = "xinxin_report_progress"
TITLE = "您上报的问题已受理，积分已经到账，请查看详细情况"
SEND = "/cgi-bin/message/subscribe/send"


@pytest.fixture
async def rider(client, simulator, session) -> UUID:
    """Somebody whom WeChat knows, where no hour is quiet."""
    await session.exec(sa.update(MessageTemplate).values(quiet_from=time(), quiet_until=time()))
    login = await client.post("/api/v1/auth/wechat", json={"code": await simulator.code("收消息的人")})
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    return UUID((await client.get("/api/v1/members/me", headers=headers)).json()["id"])


@pytest.fixture
async def faults(simulator):
    async def make(**wish: Any) -> None:
        assert (await simulator.http.post("/_simulator/faults", json={"path": SEND} | wish)).status_code == 204

    yield make
    await simulator.http.delete("/_simulator/faults")


async def permit(session, rider: UUID, times: int = 1) -> None:
    for _ in range(times):
        await service.set_permission(session, member_id=rider, template_id=TEMPLATE, accepted=True)


async def send(session, queued, rider: UUID, title: str = TITLE) -> list[tuple[str, dict[str, Any]]]:
    before = await queued(session)
    await service.send(
        session, member_id=rider, category="report", title=title, body="很私密的一句话", path="pages/reports/detail",
        reference=("report", new_id(), "R20261124-000001"),
    )
    return (await queued(session))[len(before) :]


async def permitted(session, rider: UUID) -> int | None:
    found = await session.exec(
        sa.select(col(MessageGrant.count)).where(col(MessageGrant.member_id) == rider, col(MessageGrant.template_id) == TEMPLATE)
    )
    return found.scalars().first()


async def outcome(session) -> str | None:
    found = await session.exec(sa.select(col(Message.push)).order_by(col(Message.id).desc()).limit(1))
    return found.scalar_one()


async def sent(simulator) -> list[dict[str, Any]]:
    return (await simulator.http.get("/_simulator/sent")).json()["items"]


async def test_nothing_is_sent_without_a_permission(session, rider, queued) -> None:
    assert await send(session, queued, rider) == []


async def test_a_permitted_copy_goes_once_and_without_the_body(session, rider, queued, run_job, simulator) -> None:
    await permit(session, rider)
    [job] = await send(session, queued, rider)
    before = len(await sent(simulator))
    await run_job(*job)
    await run_job(*job)
    [copy] = (await sent(simulator))[before:]
    assert copy["template_id"] == TEMPLATE and copy["page"] == "pages/reports/detail"
    assert copy["data"]["character_string2"]["value"] == "R20261124-000001" and "私密" not in str(copy)
    assert (await permitted(session, rider), await outcome(session)) == (0, "sent")


async def test_a_refusal_by_the_person_ends_the_permissions(session, rider, queued, run_job, faults) -> None:
    await permit(session, rider, times=3)
    [job] = await send(session, queued, rider)
    await faults(errcode=43101)
    await run_job(*job)
    assert (await permitted(session, rider), await outcome(session)) == (0, "refused")


async def test_what_wechat_does_not_send_gives_the_permission_back(session, rider, queued, run_job, faults, simulator) -> None:
    await permit(session, rider)
    [job] = await send(session, queued, rider)
    await faults(errcode=47003)
    await run_job(*job)
    assert (await permitted(session, rider), await outcome(session)) == (1, "failed")
    [job] = await send(session, queued, rider, "再来一条")
    await faults(errcode=43108)
    with pytest.raises(WeChatUnavailable):
        await run_job(*job)
    assert (await permitted(session, rider), await outcome(session)) == (1, None)
    before = len(await sent(simulator))
    await run_job(*job)
    assert len(await sent(simulator)) == before + 1 and await outcome(session) == "sent"


async def event(session, rider: UUID | None, name: str, payload: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """A pushed event as the callback stores it, and its job."""
    openid = "stranger" if rider is None else await auth_queries.openid_of(session, account_id=rider)
    event_id = new_id()
    sealed = sealing.seal(session, openid, table="wechat_push_event", column="openid_sealed", row=event_id)
    digest = secrets.token_bytes(32)
    session.add(WeChatPushEvent(id=event_id, dedupe_key=digest, body_sha256=digest, name=name, openid_sealed=sealed, payload=payload))
    await session.flush()
    return f"wechat.push.{name}", {"event_id": str(event_id)}


def answer(status: str) -> dict[str, str]:
    return {"TemplateId": TEMPLATE, "SubscribeStatusString": status, "PopupScene": "0"}


async def test_the_answer_in_the_popup_counts_once_beside_the_mini_programs_own(session, rider, run_job) -> None:
    popup = await event(session, rider, "subscribe_msg_popup_event", {"List": [answer("accept"), {"TemplateId": "of another app"}]})
    await run_job(*popup)
    assert await permitted(session, rider) == 1
    await permit(session, rider)
    await run_job(*await event(session, rider, "subscribe_msg_popup_event", {"SubscribeMsgPopupEvent": {"List": answer("accept")}}))
    assert await permitted(session, rider) == 2
    await run_job(*await event(session, rider, "subscribe_msg_popup_event", {"List": answer("reject")}))
    assert await permitted(session, rider) == 0


async def test_a_change_in_wechats_settings_and_a_refused_delivery_end_the_permissions(session, rider, run_job) -> None:
    for name, line in (
        ("subscribe_msg_change_event", answer("reject")),
        ("subscribe_msg_sent_event", {"TemplateId": TEMPLATE, "MsgID": "1", "ErrorCode": "3", "ErrorStatus": "user refuse"}),
    ):
        await permit(session, rider, times=2)
        await run_job(*await event(session, rider, name, {"List": [line]}))
        assert await permitted(session, rider) == 0
    await permit(session, rider)
    good = {"TemplateId": TEMPLATE, "MsgID": "1", "ErrorCode": "0", "ErrorStatus": "success"}
    await run_job(*await event(session, rider, "subscribe_msg_sent_event", {"List": good}))
    assert await permitted(session, rider) == 1


@pytest.mark.parametrize(
    "payload", [{}, {"List": "text"}, {"List": [None, 3]}, {"SubscribeMsgPopupEvent": ""}, {"List": {"TemplateId": []}}]
)
async def test_strange_events_change_nothing(session, rider, run_job, payload) -> None:
    await permit(session, rider)
    await run_job(*await event(session, rider, "subscribe_msg_popup_event", payload))
    await run_job(*await event(session, None, "subscribe_msg_popup_event", {"List": answer("reject")}))
    await run_job("wechat.push.subscribe_msg_popup_event", {"event_id": str(new_id())})
    assert await permitted(session, rider) == 1


def test_long_texts_are_cut() -> None:
    assert workflow.cut("一" * 61, 60) == "一" * 59 + "…" and workflow.cut("一" * 60, 60) == "一" * 60
