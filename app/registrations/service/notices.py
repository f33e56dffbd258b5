"""Messages about registrations. None says what it is about: that a registration is being decided tells that somebody is in the Party."""

from uuid import UUID

from app.auth import queries as auth_queries
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.organisations.models import Organisation
from app.registrations.models import Registration, ReminderKind

OWN_PAGE, STAFF_PAGE = "pages/registrations/detail", "pages/registrations/inbox"
CONTACTS_PAGE = "pages/registrations/contacts"
REMINDERS = {
    ReminderKind.DUE: ("今日有联系安排", "您有 {count} 项联系安排待完成（含已逾期），请在小程序中查看。", CONTACTS_PAGE),
    ReminderKind.OVERDUE: ("有联系安排已逾期", "有 {count} 项联系安排已逾期 3 天以上，请在小程序中查看。", CONTACTS_PAGE),
    ReminderKind.WAITING: ("有登记等待处理", "有 {count} 份登记已等待 3 天以上，请在小程序中查看并处理。", STAFF_PAGE),
    ReminderKind.HEADLESS: ("有组织尚未指定负责人", "有 {count} 个组织的登记无人处理已 3 天以上，请为其指定负责人。", None),
    ReminderKind.CONTACT_LEFT: ("有联系安排需要调整", "有 {count} 份登记的联系人已不在岗，请在小程序中重新指定。", STAFF_PAGE),
    ReminderKind.SIX_MONTHS: ("有登记到达跟进日期", "有 {count} 份登记到达跟进日期，请在小程序中查看。", STAFF_PAGE),
}


async def tell_member(session: AsyncSession, row: Registration, *, title: str = "您的登记有新进展") -> None:
    await messages_service.send(
        session, member_id=row.member_id, category="registration", title=title, body=f"登记编号 {row.number}，详情请在小程序中查看。",
        path=f"{OWN_PAGE}?id={row.id}", reference=("registration", row.id, row.number),
    )


async def tell_contact_person(session: AsyncSession, row: Registration, *, but: UUID) -> None:
    """Whoever was named as contact person, unless by themselves."""
    if row.contact_account_id is not None and row.contact_account_id != but:
        await messages_service.send(
            session, member_id=row.contact_account_id, category="registration", title="有新的联系安排", body="请在小程序中查看。",
            path=CONTACTS_PAGE,
        )


async def tell_staff(session: AsyncSession, row: Registration, organisation: Organisation) -> None:
    """The organisation's secretaries; where nobody but the person is one, the administrators of its area hear that one is missing."""
    reference = ("registration", row.id, row.number)
    deciding = [account_id for account_id in await secretaries(session, organisation.id) if account_id != row.member_id]
    for account_id in deciding:
        await messages_service.send(
            session, member_id=account_id, category="registration", title="有登记等待处理", body="请在小程序中查看并处理。",
            path=STAFF_PAGE, reference=reference,
        )
    if deciding:
        return
    for account_id in await auth_queries.covering(session, area_path=organisation.area_path, roles=[Role.AREA_ADMIN]):
        await messages_service.send(
            session, member_id=account_id, category="registration", title="有组织尚未指定负责人",
            body=f"“{organisation.name}”有登记等待处理，请为其指定负责人。",
        )


async def remind(session: AsyncSession, *, account_id: UUID, kind: ReminderKind, count: int) -> None:
    """How many of what wait; no name, and nothing that a glance at the phone must not tell."""
    title, body, path = REMINDERS[kind]
    await messages_service.send(
        session, member_id=account_id, category="registration", title=title, body=body.format(count=count), path=path
    )


async def secretaries(session: AsyncSession, organisation_id: UUID) -> list[UUID]:
    staff = await auth_queries.people_at(session, scope_type=ScopeType.ORGANISATION, scope_id=organisation_id)
    return list(dict.fromkeys(account_id for account_id, role in staff if role is Role.ORG_SECRETARY))
