"""Every SELECT of grants and scopes. `queries` offers the ones that other features ask for."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by
from sqlmodel import col

from app.auth.models import AccessGrant, Account, Scope
from app.auth.principal import AccountStatus, Grant, Principal, within
from app.auth.roles import Role, ScopeType
from app.auth.workflow import BY_PLATFORM, LOWER
from app.db.session import AsyncSession
from app.errors import NotFound

CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
IN_FORCE = (col(AccessGrant.revoked_at).is_(None), col(AccessGrant.valid_until) > CLOCK)
OF_SCOPE = sa.and_(col(Scope.scope_type) == col(AccessGrant.scope_type), col(Scope.scope_id) == col(AccessGrant.scope_id))


async def scope(session: AsyncSession, *, scope_type: ScopeType, scope_id: UUID, lock: bool = False) -> Scope | None:
    """Where a thing lies; `lock` makes whoever counts the grants on it wait for each other."""
    statement = sa.select(Scope).where(col(Scope.scope_type) == scope_type, col(Scope.scope_id) == scope_id)
    found = await session.exec((statement.with_for_update() if lock else statement).execution_options(populate_existing=True))
    row: Scope | None = found.scalars().first()
    return row


async def grant(session: AsyncSession, grant_id: UUID, *, lock: bool = False) -> AccessGrant:
    """Raises NotFound."""
    statement = sa.select(AccessGrant).where(col(AccessGrant.id) == grant_id)
    found = await session.exec((statement.with_for_update() if lock else statement).execution_options(populate_existing=True))
    row: AccessGrant | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def scope_of(session: AsyncSession, *, grant_id: UUID) -> tuple[ScopeType, UUID | None] | None:
    """What a grant is for, wherever it lies: to write down who tried to take it away."""
    columns = (sa.column("scope_type", sa.Text), sa.column("scope_id", sa.Uuid))
    known = sa.func.grant_scope(grant_id).table_valued(*columns).render_derived()
    row = (await session.exec(sa.select(known.c.scope_type, known.c.scope_id))).first()
    return None if row is None else (ScopeType(row[0]), row[1])


async def grants_of(session: AsyncSession, *, account_id: UUID) -> list[Grant]:
    """The grants in force of one account, with the place where each scope lies."""
    found = await session.exec(
        sa.select(AccessGrant, col(Scope.area_path)).outerjoin(Scope, OF_SCOPE).where(col(AccessGrant.account_id) == account_id, *IN_FORCE)
    )
    return [Grant(row.id, row.role, row.scope_type, row.scope_id, path) for row, path in found.all()]


def named_of(account_id: Any) -> sa.ScalarSelect[Any]:
    """The grants in force of one account, with the names of what they are for, as part of another statement: for `read_named`."""
    grant = AccessGrant
    facts = sa.func.jsonb_build_array(
        col(grant.id), col(grant.role), col(grant.scope_type), col(grant.scope_id), col(Scope.name), col(grant.valid_until)
    )
    newest_first = aggregate_order_by(facts, col(grant.id).desc())
    return (
        sa.select(sa.func.jsonb_agg(newest_first, type_=JSONB))
        .select_from(grant)
        .outerjoin(Scope, OF_SCOPE)
        .where(col(grant.account_id) == account_id, *IN_FORCE)
        .scalar_subquery()
    )


def read_named(told: Sequence[Sequence[Any]] | None) -> list[dict[str, Any]]:
    """As a person reads the own grants, newest first."""
    return [
        {
            "id": UUID(grant_id), "role": Role(role), "scope_type": ScopeType(scope_type), "scope_id": UUID(scope_id) if scope_id else None,
            "scope_name": name, "valid_until": datetime.fromisoformat(until),
        }
        for grant_id, role, scope_type, scope_id, name, until in told or ()
    ]


async def staff_of(session: AsyncSession, *, scope_type: ScopeType, scope_id: UUID) -> list[AccessGrant]:
    """The grants on one thing that are in force or wait for a phone, newest first."""
    found = await session.exec(
        sa.select(AccessGrant)
        .where(col(AccessGrant.scope_type) == scope_type, col(AccessGrant.scope_id) == scope_id, *IN_FORCE)
        .order_by(col(AccessGrant.id).desc())
    )
    return list(found.scalars().all())


async def people_at(session: AsyncSession, *, scope_type: ScopeType, scope_id: UUID) -> list[tuple[UUID, Role]]:
    """(account, role) of the grants on one thing that are in force, newest first: ids alone, also for who must not see the grants."""
    columns = (sa.column("account_id", sa.Uuid), sa.column("role", sa.Text))
    staff = sa.func.staff_at(sa.cast(scope_type.value, sa.Text), scope_id).table_valued(*columns).render_derived()
    found = await session.exec(sa.select(staff.c.account_id, staff.c.role))
    return [(account_id, Role(role)) for account_id, role in found.all()]


async def covering(session: AsyncSession, *, area_path: str, roles: Iterable[Role]) -> list[UUID]:
    """The active accounts that hold one of the roles on this area or on one above it."""
    asked = sa.cast([role.value for role in roles], ARRAY(sa.Text))
    staff = sa.func.staff_covering(sa.cast(area_path, sa.Text), asked, type_=sa.Uuid).column_valued("covering")
    found = await session.exec(sa.select(staff))
    return list(found.scalars().all())


async def platform_admins(session: AsyncSession) -> list[UUID]:
    """The active accounts that administer the platform."""
    found = await session.exec(
        sa.select(col(AccessGrant.account_id))
        .distinct()
        .join(Account, col(Account.id) == col(AccessGrant.account_id))
        .where(
            col(AccessGrant.role) == Role.PLATFORM_ADMIN, col(AccessGrant.scope_type) == ScopeType.PLATFORM, *IN_FORCE,
            col(Account.status) == AccountStatus.ACTIVE,
        )
        .order_by(col(AccessGrant.account_id))
    )
    return list(found.scalars().all())


async def holding(session: AsyncSession, *, roles: Iterable[Role]) -> list[UUID]:
    """The active accounts that hold one of the roles anywhere."""
    found = await session.exec(
        sa.select(col(AccessGrant.account_id))
        .distinct()
        .join(Account, col(Account.id) == col(AccessGrant.account_id))
        .where(col(AccessGrant.role).in_(list(roles)), *IN_FORCE, col(Account.status) == AccountStatus.ACTIVE)
        .order_by(col(AccessGrant.account_id))
    )
    return list(found.scalars().all())


def held(*, area_path: str, roles: Iterable[Role]) -> sa.Subquery:
    """(account_id, area_path) of every active account that holds one of the roles there: the path is that of the deepest such grant."""
    return (
        sa.select(col(AccessGrant.account_id).label("account_id"), sa.func.max(col(Scope.area_path)).label("area_path"))
        .join(Scope, OF_SCOPE)
        .join(Account, col(Account.id) == col(AccessGrant.account_id))
        .where(
            col(AccessGrant.role).in_(list(roles)), col(AccessGrant.scope_type) == ScopeType.AREA, *IN_FORCE,
            sa.func.starts_with(sa.cast(area_path, sa.Text), col(Scope.area_path)), col(Account.status) == AccountStatus.ACTIVE,
        )
        .group_by(col(AccessGrant.account_id))
        .subquery("held")
    )


def holds(account_id: Any, area_path: Any, role: Role) -> sa.ColumnElement[bool]:
    """The predicate of a row: the account that it names holds the role where the row lies, and is active."""
    return sa.func.holds_role(account_id, area_path, sa.cast(role.value, sa.Text), type_=sa.Boolean)


def holds_office(account_id: Any, organisation_id: Any, roles: Iterable[Role]) -> sa.ColumnElement[bool]:
    """The predicate of a row: the account that it names holds one of the roles in the organisation that it names, and is active."""
    asked = sa.cast(sorted(role.value for role in roles), ARRAY(sa.Text))
    return sa.func.holds_office(account_id, organisation_id, asked, type_=sa.Boolean)


def lately_ended(account_id: Any, role: Role, within_last: timedelta) -> sa.ColumnElement[bool]:
    """The predicate of a row: a grant of this role that the account held has run out or was taken away since then."""
    ended = sa.func.least(col(AccessGrant.revoked_at), col(AccessGrant.valid_until))
    return sa.exists().where(
        col(AccessGrant.account_id) == account_id, col(AccessGrant.role) == role, ended <= CLOCK, ended > CLOCK - within_last
    )


def granted_to(grant_id: Any) -> sa.ColumnElement[UUID | None]:
    """Whose the grant of a row is, null while it waits for a phone; also for who must not see the grant."""
    return sa.func.granted_to(grant_id, type_=sa.Uuid)


def waits_for(grant_id: Any) -> sa.ColumnElement[str | None]:
    """The masked phone to which the grant of a row was given."""
    return sa.func.grant_waits_for(grant_id, type_=sa.Text)


def subject(account_id: UUID | None, phone_indexes: Collection[bytes]) -> sa.ColumnElement[bool]:
    """The grants of an account, or those that wait for a phone, which has an index under every key."""
    return col(AccessGrant.account_id) == account_id if account_id else col(AccessGrant.phone_index).in_(phone_indexes)


async def roles_of(session: AsyncSession, *, account_id: UUID | None, phone_indexes: Collection[bytes]) -> set[Role]:
    """The roles that an account holds, or that wait for a phone."""
    found = await session.exec(sa.select(col(AccessGrant.role)).where(subject(account_id, phone_indexes), *IN_FORCE))
    return set(found.scalars().all())


async def waits(
    session: AsyncSession, *, phone_indexes: Collection[bytes], role: Role, scope_type: ScopeType, scope_id: UUID | None
) -> bool:
    """Does this very grant wait for the phone already, under whichever key its index was made?"""
    found = await session.exec(
        sa.select(sa.literal(1)).where(
            subject(None, phone_indexes), col(AccessGrant.role) == role, col(AccessGrant.scope_type) == scope_type,
            col(AccessGrant.scope_id).is_not_distinct_from(scope_id), col(AccessGrant.revoked_at).is_(None),
        )
    )
    return found.first() is not None


async def waiting(session: AsyncSession, *, phone_indexes: Collection[bytes]) -> list[AccessGrant]:
    """The grants that wait for a phone, locked, oldest first."""
    found = await session.exec(
        sa.select(AccessGrant)
        .where(subject(None, phone_indexes), *IN_FORCE)
        .order_by(col(AccessGrant.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(found.scalars().all())


async def other_admins(session: AsyncSession, *, scope_id: UUID, but: UUID) -> bool:
    """Does another active account administer this very area?"""
    found = await session.exec(sa.select(sa.func.other_administrator(scope_id, but, type_=sa.Boolean)))
    return bool(found.scalar_one())


async def grants_within(
    session: AsyncSession, principal: Principal, *, scope_type: ScopeType | None, scope_id: UUID | None, limit: int, after: UUID | None
) -> list[tuple[AccessGrant, str | None]]:
    """The grants that the caller gave or may take away, with the name of each scope; newest first, one more than `limit`."""
    statement = sa.select(AccessGrant, col(Scope.name)).outerjoin(Scope, OF_SCOPE).where(_administered(principal))
    if scope_type is not None:
        statement = statement.where(col(AccessGrant.scope_type) == scope_type)
    if scope_id is not None:
        statement = statement.where(col(AccessGrant.scope_id) == scope_id)
    if after is not None:
        statement = statement.where(col(AccessGrant.id) < after)
    found = await session.exec(statement.order_by(col(AccessGrant.id).desc()).limit(limit + 1))
    return [(row, name) for row, name in found.all()]


def _administered(principal: Principal) -> sa.ColumnElement[bool]:
    """The same rules as `workflow.may_grant`, as a predicate."""
    role, path = col(AccessGrant.role), col(Scope.area_path)
    paths = principal.area_paths(Role.AREA_ADMIN)
    stores = principal.scope_ids(ScopeType.STORE, Role.STORE_OWNER)
    clauses = [
        col(AccessGrant.granted_by) == principal.account_id,
        sa.and_(role.in_(LOWER), within(path, paths)),
        sa.and_(role == Role.AREA_ADMIN, sa.or_(sa.false(), *(sa.and_(within(path, [own]), path != own) for own in paths))),
        sa.and_(role == Role.STORE_CLERK, col(AccessGrant.scope_type) == ScopeType.STORE, col(AccessGrant.scope_id).in_(stores)),
    ]
    if principal.has(Role.PLATFORM_ADMIN):
        clauses.append(role.in_(BY_PLATFORM | {Role.PLATFORM_ADMIN}))
    return sa.or_(*clauses)


def as_grant(row: AccessGrant) -> dict[str, Any]:
    return {
        "role": row.role.value, "scope_type": row.scope_type.value, "scope_id": str(row.scope_id) if row.scope_id else None,
        "valid_until": row.valid_until.isoformat(), "revoked_at": row.revoked_at.isoformat() if row.revoked_at else None,
    }
