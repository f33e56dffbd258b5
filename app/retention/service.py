"""Changing a rule, and following it."""

from typing import Any

import sqlalchemy as sa

from app.audit import service as audit_service
from app.auth import tenants
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, expect_version
from app.retention import errors, queries
from app.retention.models import RetentionRule
from app.retention.rules import KEEPERS

BATCH = 200
READERS = (Role.AREA_ADMIN, Role.REVIEWER, Role.GRID_WORKER, Role.AUDITOR, Role.PLATFORM_ADMIN)


def require_reader(principal: Principal) -> None:
    """Raises Forbidden."""
    if not principal.has(*READERS):
        raise Forbidden


def require_governor(principal: Principal) -> None:
    """Raises Forbidden."""
    if not tenants.governs(principal):
        raise Forbidden


async def change(
    session: AsyncSession, *, principal: Principal, code: str, days: int, active: bool, seen: int | None
) -> RetentionRule:
    """Raises NotFound, Forbidden, VersionMismatch, ValidationFailed for days that the law or the promise does not allow."""
    rule = await queries.lock(session, code)
    require_governor(principal)
    expect_version(seen, rule.version)
    check_days(code, days)
    if (rule.days, rule.active) == (days, active):
        return rule
    before: dict[str, Any] = {"days_before": rule.days, "active_before": rule.active}
    rule.days, rule.active, rule.version, rule.made_by = days, active, rule.version + 1, principal.account_id
    rule.changed_at = (await session.exec(sa.select(sa.func.clock_timestamp()))).scalar_one()
    session.add(rule)
    audit_service.record(
        session, "retention.change", object_kind="retention_rule", object_id=None, rule=code, days=days, active=active, **before
    )
    await session.flush()
    return rule


def check_days(code: str, days: int) -> None:
    """Raises ValidationFailed."""
    keeper = KEEPERS[code]
    if not keeper.least <= days <= keeper.most:
        raise errors.out_of_bounds(keeper.least, keeper.most)


async def follow(session: AsyncSession, *, code: str) -> int:
    """Does what a rule says to the longest overdue, a batch at most, in one transaction with its audit; returns to how many.

    Two processes share the work: each holds the rows it takes and leaves the other's alone. What is done leaves a mark or is gone.
    """
    rule = await queries.get(session, code)
    if not rule.active:
        return 0
    ids = await queries.take(session, KEEPERS[code], days=rule.days, limit=BATCH)
    if ids:
        await KEEPERS[code].follow(session, ids=ids)
        audit_service.record(
            session, "retention.follow", object_kind="retention_rule", object_id=None, rule=code, days=rule.days, version=rule.version,
            rows=len(ids),
        )
        await session.flush()
    return len(ids)
