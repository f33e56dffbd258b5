"""One full value of one person, shown to an official whose duty it is: limited, audited, and told to the person."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.me import queries, workflow
from app.me.models import Reveal, RevealField, RevealPurpose
from app.members import queries as members_queries
from app.messages import service as messages_service
from app.registrations import queries as registrations_queries
from app.reports import queries as reports_queries
from app.reports import views_eyes
from app.security import throttles

WORDS = {RevealField.PHONE: "手机号", RevealField.REAL_NAME: "姓名"}


async def reveal(
    session: AsyncSession, *, principal: Principal, member_id: UUID, field: RevealField, reason: str, purpose: RevealPurpose | None = None
) -> str:
    """Returns the value; one's own, too, to whom has just proved to be that person.

    Raises:
        NotFound: nobody in the caller's scope, or nothing to reveal.
        Forbidden: in the caller's scope, not in the caller's duty.
        RateLimited: 20 within the hour.
    """
    value = await queries.full_value(session, member_id=member_id, field=field)
    if value is None:
        raise NotFound
    area = await members_queries.area_of(session, member_id=member_id)
    path = area[1] if area else None
    if member_id != principal.account_id:
        organisation_id = await registrations_queries.organisation_of(session, member_id=member_id)
        workflow.require_duty(principal, area_path=path, organisation_id=organisation_id)
    await _show(session, principal, member_id=member_id, field=field, reason=reason, purpose=purpose, area_path=path)
    return value


async def reveal_reporter(
    session: AsyncSession, *, principal: Principal, report_id: UUID, field: RevealField, reason: str, purpose: RevealPurpose | None = None
) -> str:
    """The same of a report's reporter, for whose duty it is by the report. Raises NotFound, Forbidden, RateLimited."""
    seen = await reports_queries.access(session, principal=principal, report_id=report_id)
    if not views_eyes.may_reveal(principal, seen):
        raise Forbidden
    report = seen.report
    value = await queries.full_value(session, member_id=report.member_id, field=field)
    if value is None:
        raise NotFound("上报人没有留下这项信息")
    await _show(
        session, principal, member_id=report.member_id, field=field, reason=reason, purpose=purpose, area_path=report.area_path,
        report_id=report_id,
    )
    return value


async def _show(
    session: AsyncSession, principal: Principal, *, member_id: UUID, field: RevealField, reason: str, purpose: RevealPurpose | None,
    area_path: str | None, report_id: UUID | None = None,
) -> None:
    """Counts it, keeps why, and tells the person; whoever looks at the own value knows it."""
    await throttles.take(
        session, f"members.reveal:{principal.account_id}", limit=workflow.REVEALS, period_s=workflow.REVEAL_PERIOD_S
    )
    own = member_id == principal.account_id
    row = Reveal(member_id=member_id, staff_id=principal.account_id, field=field, reason=reason, purpose=purpose)
    session.add(row)
    audit_service.record(
        session, "members.reveal", object_kind="member", object_id=member_id, area_path=area_path, field=field.value,
        reveal_id=str(row.id), own=own, report_id=str(report_id) if report_id else None,
    )
    if not own:
        await _tell(session, member_id, field)


async def _tell(session: AsyncSession, member_id: UUID, field: RevealField) -> None:
    await messages_service.send(
        session, member_id=member_id, category="account", title=f"您的{WORDS[field]}被工作人员查看",
        body=f"工作人员因工作需要查看了您的完整{WORDS[field]}，理由已记录。如有疑问，可通过“意见建议”向我们反映。",
    )


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Empties the reasons that were written about a person or by one."""
    await session.exec(
        sa.update(Reveal).where(sa.or_(col(Reveal.member_id) == member_id, col(Reveal.staff_id) == member_id)).values(reason=None)
    )
