"""Messages about check-ins: to those who reported in, and to the community's reviewers."""

from uuid import UUID

from app.auth import queries as auth_queries
from app.auth.roles import Role, ScopeType
from app.checkins import workflow
from app.checkins.models import Appointment, CheckIn, Kind
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.points import views as points_views
from app.points.service import Award

OWN_PAGE, STAFF_PAGE = "pages/checkins/detail", "pages/checkins/inbox"
WORDS = {Kind.MEMBER: "小哥", Kind.ENTERPRISE: "企业"}


async def tell_owner(
    session: AsyncSession, row: CheckIn, *, title: str, body: str = "详情请在小程序中查看。", number: str | None = None
) -> None:
    """The person, or the contacts of the enterprise."""
    for account_id in await _owners(session, row):
        await messages_service.send(
            session, member_id=account_id, category="registration", title=title, body=body,
            path=f"{OWN_PAGE}?area_id={row.area_id}&id={row.id}", reference=("checkin", row.id, number),
        )


async def tell_appointed(session: AsyncSession, row: CheckIn, appointment: Appointment, *, award: Award | None = None) -> None:
    body = f"聘任编号 {appointment.number}，聘期 {span(appointment)}。{_earned(award)}可在小程序中打印证书。"
    title = f"社区已聘任您为{workflow.ROLE_NAMES[appointment.role]}"
    await tell_owner(session, row, title=title, body=body, number=appointment.number)


def _earned(award: Award | None) -> str:
    """What was credited, and why the rest was not."""
    if award is None:
        return ""
    earned = f"您获得 {award.credited} 积分。" if award.credited else ""
    if award.reason is None:
        return earned
    why = points_views.withheld_sentence(award.reason, award.cap, workflow.RULE)
    return f"{earned}{f'另有 {award.withheld} 积分' if award.credited else '本次积分'}未计入：{why}。"


async def tell_ending(session: AsyncSession, row: CheckIn, appointment: Appointment) -> None:
    name = workflow.ROLE_NAMES[appointment.role]
    body = f"聘任编号 {appointment.number}，聘期 {span(appointment)}。如愿继续，请联系社区。"
    await tell_owner(session, row, title=f"您的{name}聘期即将结束", body=body, number=appointment.number)


async def tell_reviewers(session: AsyncSession, row: CheckIn, *, title: str | None = None) -> None:
    """Those of the community and above; not who has filed it, who does not decide about it either."""
    for account_id in await auth_queries.covering(session, area_path=row.area_path, roles=[Role.REVIEWER]):
        if account_id != row.reported_by:
            await messages_service.send(
                session, member_id=account_id, category="registration", title=title or f"有{WORDS[row.kind]}到社区报到，等待确认",
                body="请在小程序中查看并处理。", path=f"{STAFF_PAGE}?area_id={row.area_id}", reference=("checkin", row.id, None),
            )


async def tell_count(session: AsyncSession, account_id: UUID, count: int) -> None:
    await messages_service.send(
        session, member_id=account_id, category="registration", title="有聘任即将到期",
        body=f"您所在区域有 {count} 份双报到聘任将在 {workflow.REMINDER_DAYS} 天内到期，如需续聘请及时办理。", path=STAFF_PAGE,
    )


def span(appointment: Appointment) -> str:
    return f"{appointment.valid_from:%Y年%m月%d日}至{appointment.valid_until:%Y年%m月%d日}"


async def _owners(session: AsyncSession, row: CheckIn) -> list[UUID]:
    if row.member_id is not None:
        return [row.member_id]
    if row.enterprise_id is None:
        return []
    staff = await auth_queries.people_at(session, scope_type=ScopeType.ENTERPRISE, scope_id=row.enterprise_id)
    return [account_id for account_id, role in staff if role is Role.ENTERPRISE_CONTACT]
