"""What the demo county says and hears: WeChat groups and texts from the start, announcements and complaints once people are in.

Run again it adds what is missing.
"""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.announcements import queries as announcements_queries
from app.announcements import service as announcements_service
from app.announcements.schemas import APART, AnnouncementIn
from app.areas.models import Area
from app.auth.principal import Principal
from app.complaints import queries as complaints_queries
from app.complaints import service as complaints_service
from app.complaints.models import Complaint, Kind
from app.db.session import AsyncSession, Database
from app.demo import cast as casts
from app.demo import people, plan
from app.demo.cast import Cast
from app.errors import AlreadyExists, Conflict
from app.groups import service as groups_service
from app.groups.schemas import GroupIn
from app.members import service as members_service
from app.members.models import Purpose
from app.policies import queries as policies_queries
from app.policies import service as policies_service
from app.policies.models import PolicyCode

MOST = 100
LATE, FILED = timedelta(days=2), timedelta(days=9)
ANSWER = "已列入下月计划，先在文化路驿站试点，谢谢您的建议。"
SUGGESTION, COMPLAINT = "希望驿站增加换电柜", "驿站晚上八点就关门，收工以后没有地方休息"
RISK_VERSION, RISK_TITLE = "2026-12", "账号风险查询说明"
RISK_TEXT = (
    "同意后，您开通本项和提交上报时，我们会把您的微信身份标识、手机号和当时的网络地址交给微信，查询您账号的风险评级，防止冒用账号和批量虚假上报。"
    "评级保存 30 天，只作为审核员的参考提示，不会据此拒绝您的任何申请。网络地址用后即弃，不保存。"
    "不同意不影响任何功能；您可以随时撤回，撤回后不再查询，已保存的评级随即删除。"
)
ANNOUNCEMENTS: tuple[dict[str, Any], ...] = (  # of the area with the code `area`; `in_days`: scheduled
    {"area": plan.COUNTY_CODE, "kind": "notice", "title": "冬季安全骑行提醒", "pinned": True,
     "body": "雨雪天气请减速慢行，遇结冰路段下车推行。\n\n各驿站免费提供热水和防滑链。"},
    {"area": plan.COUNTY_CODE, "kind": "policy", "title": "新就业群体免费体检办法", "occupations": ["courier", "food_delivery"],
     "body": "外卖骑手和快递员每年可免费体检一次，凭会员码到区中医院登记。"},
    {"area": "370812001", "kind": "notice", "title": "鼓楼街道驿站延长开放", "body": "即日起，鼓楼街道各驿站开放至 22:30。"},
    {"area": plan.COUNTY_CODE, "kind": "notice", "title": "冬至送温暖活动", "in_days": 1, "body": "冬至当天，各驿站免费供应饺子。"},
)


async def prepare(session: AsyncSession, *, admin: Principal, platform: Principal, areas: dict[str, Area]) -> None:
    """A group in each community, and the text under which WeChat may be asked about the risk of an account."""
    people.act_as(session, admin.account_id)
    for number, community in enumerate(plan.of_level("community")):
        body = GroupIn.model_validate({
            "area_id": areas[community.code].id, "name": f"{community.name}骑手之家", "people": 86 + 17 * number,
            "how_to_join": f"到{community.name}驿站扫码，或请网格员拉您入群。自愿加入，群里只发通知。",
        })
        await groups_service.create(
            session, principal=admin, area_id=body.area_id, upload_ids=[], fields=body.model_dump(exclude={"area_id", "upload_ids"})
        )
    session.info["actor"] = {"kind": platform.kind.value, "id": platform.account_id}
    try:
        await members_service.publish_text(
            session, principal=platform, purpose=Purpose.RISK_CHECK, version=RISK_VERSION, title=RISK_TITLE, text=RISK_TEXT, renew=False
        )
        await _privacy(session, platform)
    except (AlreadyExists, Conflict):
        pass  # Somebody has published texts of their own before.


async def _privacy(session: AsyncSession, platform: Principal) -> None:
    """The privacy policy says it too, from today on."""
    versions = await policies_queries.versions(session, code=PolicyCode.PRIVACY)
    text = policies_queries.chosen(versions, None)
    await policies_service.publish(
        session, principal=platform, code=PolicyCode.PRIVACY, version=RISK_VERSION, title=text.title, effective_on=None,
        text=f"{text.text}\n\n七、账号风险查询\n{RISK_TEXT}",
    )


async def speak(database: Database, *, appid: str) -> None:
    """After the county was filled."""
    async with database.transaction() as session:
        cast = await casts.gather(session, appid=appid)
        await _announce(session, cast)
    async with database.transaction() as session:
        await _complain(session, cast)


async def _announce(session: AsyncSession, cast: Cast) -> None:
    admin = await cast.play(session, people.ADMINS[0])
    known = await announcements_queries.managed(session, principal=admin, status=None, area_id=None, limit=MOST, after=None)
    titles = {row.title for row in known}
    for told in (dict(one) for one in ANNOUNCEMENTS if one["title"] not in titles):
        days, pinned = told.pop("in_days", 0), told.pop("pinned", False)
        area_id = cast.places[told.pop("area")]
        until = {"pinned_until": clock.today() + timedelta(days=30)} if pinned else {}
        body = AnnouncementIn.model_validate(told | until | {"area_id": area_id})
        row = await announcements_service.create(
            session, principal=admin, area_id=area_id, organisation_ids=[], upload_ids=[], fields=body.model_dump(exclude=APART)
        )
        at = datetime.combine(clock.today() + timedelta(days=days), time(9), clock.SHANGHAI) if days else None
        await announcements_service.publish(session, principal=admin, announcement_id=row.id, seen=None, at=at)


async def _complain(session: AsyncSession, cast: Cast) -> None:
    """A suggestion with its answer, and a complaint that waits beyond its limit."""
    made = []
    for number, (kind, text) in enumerate(((Kind.SUGGESTION, SUGGESTION), (Kind.COMPLAINT, COMPLAINT))):
        rider = await cast.play(session, plan.riders()[number].person)
        if await complaints_queries.own(session, member_id=rider.account_id, limit=1, after=None):
            return
        made.append(await complaints_service.submit(session, principal=rider, kind=kind, text=text, upload_ids=[]))
    admin = await cast.play(session, people.ADMINS[0])
    await complaints_service.answer(session, principal=admin, complaint_id=made[0].id, text=ANSWER, seen=None)
    await _age(session, made[1].id)


async def _age(session: AsyncSession, complaint_id: UUID) -> None:
    """As if it had been written last week: nothing in the product writes into the past."""
    now = clock.now()
    await session.exec(
        sa.update(Complaint).where(col(Complaint.id) == complaint_id).values(created_at=now - FILED, due_at=now - LATE)
    )
