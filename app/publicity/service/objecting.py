"""What people say against a quarter's list, and what they are answered. Lock order: objection, then the line that it strikes."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Conflict, ValidationFailed
from app.members import queries as members_queries
from app.members import workflow as members_workflow
from app.messages import service as messages_service
from app.points import service as points_service
from app.publicity import queries, workflow
from app.publicity.models import ObjectionStatus, PublicityList, PublicityObjection
from app.publicity.service.publishing import open_list, published
from app.publicity.workflow import Quarter

KIND, PAGE = "publicity_objection", "pages/points/publicity"


async def receive(session: AsyncSession, *, principal: Principal, quarter: Quarter, reason: str) -> PublicityObjection:
    """Takes an objection in, for the administrators of the tenant.

    Raises Forbidden for console accounts, NotFound before the quarter is over, Conflict after the last day.
    """
    members_workflow.require_member(principal)
    on = await open_list(session, principal=principal, quarter=quarter)
    if await queries.closed(session, on):
        raise Conflict(f"异议期已于 {on.objections_until:%Y 年 %m 月 %d 日} 结束", objections_until=on.objections_until)
    text_id = await points_service.note(session, member_id=principal.account_id, text=reason)
    objection = PublicityObjection(
        list_id=on.id, year=quarter.year, quarter=quarter.quarter, member_id=principal.account_id, text_id=text_id
    )
    session.add(objection)
    _audit(session, "object", objection, on)
    await session.flush()
    return objection


async def answer(
    session: AsyncSession, *, principal: Principal, quarter: Quarter, objection_id: UUID, note: str, upheld: bool, member_id: UUID | None
) -> PublicityObjection:
    """Decides an objection and tells who made it; with `member_id` it takes that person's line off the list, and tells the person.

    Raises NotFound, Forbidden, InvalidTransition, ValidationFailed for a person whom the list does not name.
    """
    on = await queries.governed(session, principal=principal, quarter=quarter)
    objection = await queries.access_objection(session, list_id=on.id, objection_id=objection_id)
    workflow.require_answerable(principal, objection)
    if member_id is not None:
        await _strike(session, on, objection, member_id)
    status = ObjectionStatus.UPHELD if upheld else ObjectionStatus.DISMISSED
    answer_id = await points_service.note(session, member_id=objection.member_id, text=note)
    await session.exec(
        sa.update(PublicityObjection)
        .where(col(PublicityObjection.id) == objection.id)
        .values(status=status, answer_id=answer_id, answered_by=principal.account_id, answered_at=sa.func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
    await session.refresh(objection)
    _audit(session, "answer", objection, on, status=status.value, member_id=str(member_id) if member_id else None)
    words = "成立" if upheld else "不成立"
    await messages_service.send(
        session, member_id=objection.member_id, category="points", title="您的公示异议已有答复",
        body=f"您对{quarter.words}公示名单的异议经核实{words}。{note}", path=PAGE, reference=(KIND, objection.id, None),
    )
    return objection


async def adopt(session: AsyncSession, *, objection_id: UUID) -> None:
    """Gives an objection that an earlier release took in the list that it is about."""
    objection = await session.get_one(PublicityObjection, objection_id, with_for_update=True)
    area = await members_queries.area_of(session, member_id=objection.member_id)
    if area is None or objection.list_id is not None:
        return
    tenant = await areas_queries.root_of(session, path=area[1])
    objection.list_id = (await published(session, tenant=tenant, quarter=Quarter(objection.year, objection.quarter))).id
    session.add(objection)
    await session.flush()


async def _strike(session: AsyncSession, on: PublicityList, objection: PublicityObjection, member_id: UUID) -> None:
    line = await queries.line(session, list_id=on.id, member_id=member_id)
    if line is None:
        raise ValidationFailed.of("body", "member_id", msg="公示名单中没有此人", kind="member")
    line.struck_at, line.objection_id = await queries.now(session), objection.id
    session.add(line)
    await session.flush()
    await messages_service.send(
        session, member_id=member_id, category="points", title="公示名单有变动",
        body=f"经核实，您已不在{on.year} 年第 {on.quarter} 季度公示名单中。如有疑问，请在“意见建议”中提出。", path=PAGE,
    )


def _audit(session: AsyncSession, verb: str, objection: PublicityObjection, on: PublicityList, **facts: Any) -> None:
    audit_service.record(
        session, f"publicity.{verb}", object_kind=KIND, object_id=objection.id, area_path=on.area_path, year=on.year, quarter=on.quarter,
        **facts,
    )
