"""Whom a person works for, and has worked for: told with the registration, or one relation at a time."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import AlreadyExists, InvalidTransition, ValidationFailed
from app.members import queries, workflow
from app.members.models import Employment
from app.members.service.profile import locked
from app.members.workflow import Employer


async def set_employers(session: AsyncSession, *, member_id: UUID, employers: Sequence[Employer]) -> None:
    """Makes these the member's present employers: others end today, new ones begin, known ones take the new first day if one is told.

    Raises:
        ValidationFailed: an enterprise that we do not know, a new one that has closed, a first day that cannot be.
        LimitReached: more than 20 at once.
    """
    today = clock.today()
    for at, employer in enumerate(employers):
        workflow.require_first_day(employer.since, today, "body", "employers", at, "since")
    member = await locked(session, member_id=member_id)
    present = await queries.employments(session, member_id=member_id)
    change = workflow.compare(present, employers)
    await _expect_open(session, employers, new=change.begun)
    workflow.require_room(len(change.kept) + len(change.begun))
    for at in change.ended:
        present[at].until = workflow.last_day(present[at].since, today)
    for at, employer in change.kept:
        present[at].since, present[at].name = employer.since or present[at].since, employer.name or present[at].name
    session.add_all(present)
    session.add_all(
        Employment(member_id=member_id, enterprise_id=new.enterprise_id, name=new.name, since=new.since) for new in change.begun
    )
    if change.ended or change.begun:
        audit_service.record(
            session, "members.employers", object_kind="member", object_id=member_id, area_path=member.area_path,
            ended=len(change.ended), begun=len(change.begun),
        )
    await session.flush()


async def _expect_open(session: AsyncSession, employers: Sequence[Employer], *, new: Sequence[Employer]) -> None:
    """Raises ValidationFailed for an enterprise that we do not know, and for one that has closed where it would be a new employer."""
    known = await enterprises_queries.by_ids(session, [employer.enterprise_id for employer in employers if employer.enterprise_id])
    today = clock.today()
    for at, employer in enumerate(employers):
        if employer.enterprise_id is None:
            continue
        enterprise = known.get(employer.enterprise_id)
        if enterprise is None:
            raise ValidationFailed.of("body", "employers", at, "enterprise_id", msg="没有这家企业", kind="enterprise")
        if enterprise.closed_by(today) and any(workflow.same(employer, one) for one in new):
            raise ValidationFailed.of("body", "employers", at, "enterprise_id", msg="该企业已关闭", kind="enterprise_closed")


async def begin_work(session: AsyncSession, *, member_id: UUID, told: Employer) -> Employment:
    """Adds one work relation; several at once are usual. Locks the member.

    Raises:
        ValidationFailed: an enterprise that we do not know or that has closed, a first day that cannot be.
        AlreadyExists: the same employer goes on already.
        LimitReached: 20 go on already.
    """
    today = clock.today()
    workflow.require_first_day(told.since, today, "body", "since")
    if told.enterprise_id is not None:
        enterprise = (await enterprises_queries.by_ids(session, [told.enterprise_id])).get(told.enterprise_id)
        if enterprise is None or enterprise.closed_by(today):
            raise ValidationFailed.of("body", "enterprise_id", msg="没有这家企业，或该企业已关闭", kind="enterprise")
    member = await locked(session, member_id=member_id)
    present = await queries.employments(session, member_id=member_id)
    if any(workflow.same(one, told) for one in present):
        raise AlreadyExists("这家单位已在您的从业单位中")
    workflow.require_room(len(present) + 1)
    relation = Employment(member_id=member_id, enterprise_id=told.enterprise_id, name=told.name, since=told.since)
    session.add(relation)
    audit_service.record(
        session, "members.begin_work", object_kind="employment", object_id=relation.id, area_path=member.area_path
    )
    await session.flush()
    return relation


async def end_work(session: AsyncSession, *, member_id: UUID, relation_id: UUID, until: date | None) -> Employment:
    """Ends one of the member's own work relations; without `until` today, or on the first day of one that had not begun. Locks the member.

    Raises NotFound, InvalidTransition for one that has ended, ValidationFailed for a day before the first or after today.
    """
    member = await locked(session, member_id=member_id)
    relation = await queries.access_own_work(session, member_id=member_id, relation_id=relation_id)
    if relation.until is not None:
        raise InvalidTransition("这段从业关系已经结束", state="ended", allowed=[])
    relation.until = workflow.end_of_work(relation.since, until, clock.today())
    session.add(relation)
    audit_service.record(session, "members.end_work", object_kind="employment", object_id=relation.id, area_path=member.area_path)
    await session.flush()
    return relation
