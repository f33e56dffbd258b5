"""Messages about registrations. None says what it is about: that a registration is being decided tells that somebody is in the Party."""

from uuid import UUID

from app.auth import queries as auth_queries
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.organisations.models import Organisation
from app.registrations.models import Registration

OWN_PAGE, STAFF_PAGE = "pages/registrations/detail", "pages/registrations/inbox"


async def tell_member(session: AsyncSession, row: Registration, *, title: str = "您的登记有新进展") -> None:
    await messages_service.send(
        session, member_id=row.member_id, category="registration", title=title, body=f"登记编号 {row.number}，详情请在小程序中查看。",
        path=f"{OWN_PAGE}?id={row.id}", reference=("registration", row.id, row.number),
    )


async def tell_staff(session: AsyncSession, row: Registration, organisation: Organisation) -> None:
    """The organisation's secretaries; without one, the administrators of its area hear that one is missing."""
    reference = ("registration", row.id, row.number)
    secretaries = await _secretaries(session, organisation.id)
    for account_id in secretaries:
        await messages_service.send(
            session, member_id=account_id, category="registration", title="有登记等待处理", body="请在小程序中查看并处理。",
            path=STAFF_PAGE, reference=reference,
        )
    if secretaries:
        return
    for account_id in await auth_queries.covering(session, area_path=organisation.area_path, roles=[Role.AREA_ADMIN]):
        await messages_service.send(
            session, member_id=account_id, category="registration", title="有组织尚未指定负责人",
            body=f"“{organisation.name}”有登记等待处理，请为其指定负责人。",
        )


async def _secretaries(session: AsyncSession, organisation_id: UUID) -> list[UUID]:
    staff = await auth_queries.staff_of(session, scope_type=ScopeType.ORGANISATION, scope_id=organisation_id)
    return [grant.account_id for grant in staff if grant.role is Role.ORG_SECRETARY and grant.account_id is not None]
