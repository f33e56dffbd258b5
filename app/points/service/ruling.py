"""New versions of rules and caps. What stands is not changed: what was judged by it names it."""

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.points import queries_caps, queries_rules
from app.points.models import PointsRule
from app.points.models_rules import PointsCap


async def change_rule(session: AsyncSession, *, draft: PointsRule) -> PointsRule:
    """Gives a draft the next number of its code and keeps it. Raises NotFound for a code that has no rule."""
    draft.version = await queries_rules.lock_rule(session, code=draft.code) + 1
    session.add(draft)
    _record(session, "points.change_rule", "points_rule", draft)
    await session.flush()
    return draft


async def change_cap(session: AsyncSession, *, draft: PointsCap) -> PointsCap:
    draft.version = await queries_caps.lock_cap(session, code=draft.code) + 1
    session.add(draft)
    _record(session, "points.change_cap", "points_cap", draft)
    await session.flush()
    return draft


def _record(session: AsyncSession, action: str, kind: str, made: PointsRule | PointsCap) -> None:
    audit_service.record(
        session, action, object_kind=kind, object_id=made.id, area_path=made.area_path, code=str(made.code), version=made.version
    )
