"""SELECTs of who covers and looks after whom. Organisations and enterprises are public; who somebody is, is not."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth.models import AccessGrant
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.coverage import workflow
from app.coverage.models import Assignment, Cover, Duty, Visit
from app.coverage.workflow import Place
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import NotFound
from app.organisations import queries as organisations_queries
from app.organisations.models import Organisation
from app.security import sealing

VISIT_TABLE = "coverage_visit"
OF_GRANT = col(AccessGrant.id) == col(Assignment.grant_id)
# Whose an assignment is, and the masked phone that it waits for, where the caller need not see the grant itself.
SOMEBODY = (
    sa.func.coalesce(col(Assignment.account_id), auth_queries.granted_to(col(Assignment.grant_id))),
    auth_queries.waits_for(col(Assignment.grant_id)),
)


def who() -> sa.ColumnElement[UUID | None]:
    """Whose an assignment is: an instructor named by a phone is known by the grant (outer join OF_GRANT), once that phone is bound."""
    return sa.func.coalesce(col(Assignment.account_id), col(AccessGrant.account_id))


async def place(session: AsyncSession, scope_type: ScopeType, place_id: UUID) -> Place:
    """The organisation or enterprise as everybody may know it. Raises NotFound."""
    if scope_type is ScopeType.ORGANISATION:
        organisation = await organisations_queries.get(session, place_id)
        return Place(scope_type, organisation.id, organisation.area_path, organisation.name)
    enterprise = await enterprises_queries.get(session, place_id)
    return Place(scope_type, enterprise.id, enterprise.area_path, enterprise.name)


async def access_administered(session: AsyncSession, principal: Principal, scope_type: ScopeType, place_id: UUID) -> Place:
    """Locks it: who changes what is assigned to one place waits for others that do. Raises NotFound, Forbidden."""
    if scope_type is ScopeType.ORGANISATION:
        await organisations_queries.access_administered(session, principal=principal, organisation_id=place_id)
    else:
        await enterprises_queries.access_administered(session, principal=principal, enterprise_id=place_id)
    return await place(session, scope_type, place_id)


def on_day(table: type[Cover] | type[Assignment], on: date) -> sa.ColumnElement[bool]:
    """In force on a local day; the last one is included."""
    return sa.and_(col(table.since) <= on, sa.or_(col(table.until).is_(None), col(table.until) >= on))


def at(table: type[Assignment] | type[Visit], of: Place) -> sa.ColumnElement[bool]:
    """The rows of one organisation or of one enterprise."""
    column = col(table.organisation_id) if of.scope_type is ScopeType.ORGANISATION else col(table.enterprise_id)
    return column == of.id


def covering(on: date) -> sa.Subquery:
    """(enterprise_id, organisation_id, own) of every organisation in being on a day and each enterprise that it covers then."""
    day = sa.literal(on, sa.Date)
    own: sa.Select[*tuple[Any, ...]] = sa.select(
        col(Organisation.enterprise_id).label("enterprise_id"), col(Organisation.id).label("organisation_id"), sa.true().label("own")
    ).where(col(Organisation.enterprise_id).is_not(None), organisations_queries.in_being(day))
    joint: sa.Select[*tuple[Any, ...]] = (
        sa.select(col(Cover.enterprise_id), col(Cover.organisation_id), sa.false())
        .join(Organisation, col(Organisation.id) == col(Cover.organisation_id))
        .where(on_day(Cover, on), organisations_queries.in_being(day))
    )
    return sa.union_all(own, joint).subquery("covering")


async def covers(
    session: AsyncSession, *, organisation_id: UUID, on: date | None, limit: int, after: UUID | None
) -> Sequence[Cover]:
    """What an organisation covers jointly, on a day or ever, newest first, one more than `limit`."""
    statement = sa.select(Cover).where(col(Cover.organisation_id) == organisation_id)
    if on is not None:
        statement = statement.where(on_day(Cover, on))
    if after is not None:
        statement = statement.where(col(Cover.id) < after)
    found = await session.exec(statement.order_by(col(Cover.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def lock_cover(session: AsyncSession, *, organisation_id: UUID, cover_id: UUID) -> Cover:
    """Raises NotFound, also for a row of another organisation."""
    found = await session.exec(
        sa.select(Cover)
        .where(col(Cover.id) == cover_id, col(Cover.organisation_id) == organisation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: Cover | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def covered_meanwhile(session: AsyncSession, *, organisation_id: UUID, enterprise_id: UUID, since: date) -> bool:
    """Is there a row for the pair that reaches `since` or goes beyond it? The organisation is locked."""
    found = await session.exec(
        sa.select(sa.literal(1)).where(
            col(Cover.organisation_id) == organisation_id, col(Cover.enterprise_id) == enterprise_id,
            sa.or_(col(Cover.until).is_(None), col(Cover.until) >= since),
        )
    )
    return found.first() is not None


async def assignments(
    session: AsyncSession, *, of: Place, on: date | None, limit: int, after: UUID | None
) -> list[tuple[Assignment, UUID | None, str | None]]:
    """Who looks after a place, on a day or ever, newest first, one more than `limit`: row, account, masked phone of one who is awaited."""
    statement = sa.select(Assignment, *SOMEBODY).where(at(Assignment, of))
    if on is not None:
        statement = statement.where(on_day(Assignment, on))
    if after is not None:
        statement = statement.where(col(Assignment.id) < after)
    found = await session.exec(statement.order_by(col(Assignment.id).desc()).limit(limit + 1))
    return [(row, account_id, phone) for row, account_id, phone in found.all()]


async def with_person(session: AsyncSession, row: Assignment) -> tuple[Assignment, UUID | None, str | None]:
    """One row as `assignments` gives them."""
    found = await session.exec(sa.select(*SOMEBODY).where(col(Assignment.id) == row.id))
    account_id, phone = found.one()
    return row, account_id, phone


async def lock_assignment(session: AsyncSession, *, of: Place, assignment_id: UUID) -> Assignment:
    """Raises NotFound, also for one of another place."""
    found = await session.exec(
        sa.select(Assignment)
        .where(col(Assignment.id) == assignment_id, at(Assignment, of))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: Assignment | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def assigned_meanwhile(
    session: AsyncSession, *, of: Place, role: Duty, account_id: UUID | None, grant_id: UUID | None, since: date, until: date | None
) -> bool:
    """Has the same person the same duty there on any of these days? The place is locked."""
    theirs = who() == account_id if account_id is not None else col(Assignment.grant_id) == grant_id
    reaches = sa.or_(col(Assignment.until).is_(None), col(Assignment.until) >= since)
    begins = sa.true() if until is None else col(Assignment.since) <= until
    found = await session.exec(
        sa.select(sa.literal(1))
        .select_from(Assignment)
        .outerjoin(AccessGrant, OF_GRANT)
        .where(at(Assignment, of), col(Assignment.role) == role, col(Assignment.ended_at).is_(None), theirs, reaches, begins)
        .limit(1)
    )
    return found.first() is not None


async def instructor_grant(session: AsyncSession, *, of: Place, account_id: UUID | None, phone: str | None) -> AccessGrant | None:
    """The grant of this place's instructor that somebody, or a number that nobody has bound, has already."""
    indexes = [] if phone is None else sealing.blind_indexes(session, phone, purpose="phone")
    staff = await auth_queries.staff_of(session, scope_type=of.scope_type, scope_id=of.id)
    return next(
        (
            grant for grant in staff
            if grant.role is Role.INSTRUCTOR
            and (grant.account_id == account_id if account_id is not None else grant.phone_index in indexes)
        ),
        None,
    )


async def looks_after(session: AsyncSession, *, account_id: UUID, of: Place, on: date) -> bool:
    """Was the person assigned there on that day, and has nobody ended it since?

    An enterprise is also in the care of the instructors of the organisations that cover it.
    """
    cared_for = at(Assignment, of)
    if of.scope_type is ScopeType.ENTERPRISE:
        pairs = covering(on)
        through = sa.select(pairs.c.organisation_id).where(pairs.c.enterprise_id == of.id)
        cared_for = sa.or_(
            cared_for, sa.and_(col(Assignment.role) == Duty.INSTRUCTOR, col(Assignment.organisation_id).in_(through))
        )
    found = await session.exec(
        sa.select(sa.literal(1))
        .select_from(Assignment)
        .outerjoin(AccessGrant, OF_GRANT)
        .where(who() == account_id, on_day(Assignment, on), col(Assignment.ended_at).is_(None), cared_for)
        .limit(1)
    )
    return found.first() is not None


async def has_to_do_with(session: AsyncSession, *, principal: Principal, of: Place) -> bool:
    """Who reads the names of those assigned, and the notes of visits: who leads the place, and who looks after it today."""
    if workflow.leads(principal, of):
        return True
    return await looks_after(session, account_id=principal.account_id, of=of, on=clock.today())


async def of_enterprises(
    session: AsyncSession, *, enterprise_ids: Collection[UUID], on: date
) -> list[tuple[Assignment, UUID | None]]:
    """Who was assigned to any of these enterprises themselves on a day, the earliest first: row and account."""
    found = await session.exec(
        sa.select(Assignment, SOMEBODY[0])
        .where(col(Assignment.enterprise_id).in_(set(enterprise_ids)), on_day(Assignment, on))
        .order_by(col(Assignment.id))
    )
    return [(row, account_id) for row, account_id in found.all()]


async def open_of(session: AsyncSession, *, member_id: UUID) -> Sequence[Assignment]:
    """The assignments of a person that go on or begin later, locked, oldest first."""
    today = clock.today()
    theirs = sa.select(col(AccessGrant.id)).where(col(AccessGrant.account_id) == member_id)
    found = await session.exec(
        sa.select(Assignment)
        .where(
            sa.or_(col(Assignment.account_id) == member_id, col(Assignment.grant_id).in_(theirs)),
            sa.or_(col(Assignment.until).is_(None), col(Assignment.until) >= today), col(Assignment.ended_at).is_(None),
        )
        .order_by(col(Assignment.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.scalars().all()


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What this feature knows of a person, as JSON: what they were assigned to, and the visits that they wrote down."""
    assigned = await session.exec(
        sa.select(Assignment).outerjoin(AccessGrant, OF_GRANT).where(who() == member_id).order_by(col(Assignment.id))
    )
    made = await session.exec(sa.select(Visit).where(col(Visit.account_id) == member_id).order_by(col(Visit.id)))
    return {
        "assignments": [
            {
                "role": row.role.value, **_where(row), "since": row.since.isoformat(),
                "until": row.until.isoformat() if row.until else None,
            }
            for row in assigned.scalars().all()
        ],
        "visits": [
            {**_where(row), "on": row.visited_on.isoformat(), "topics": row.topics, "note": note_of(session, row)}
            for row in made.scalars().all()
        ],
    }


def _where(row: Assignment | Visit) -> dict[str, str | None]:
    return {
        "organisation_id": str(row.organisation_id) if row.organisation_id else None,
        "enterprise_id": str(row.enterprise_id) if row.enterprise_id else None,
    }


def note_of(session: AsyncSession, visit: Visit) -> str | None:
    """None once its writer is erased."""
    if visit.note_sealed is None:
        return None
    return sealing.unseal(session, visit.note_sealed, table=VISIT_TABLE, column="note", row=visit.id)
