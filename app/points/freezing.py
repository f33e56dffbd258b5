"""Redemption stands still in an area while its books do not balance, and goes on when a person has looked. Cancelling is never stopped.

The invariants find what is broken and call `freeze`; nothing else of the ledger is theirs to write.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import tenants
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import Forbidden, InvalidTransition, expect_version
from app.messages import service as messages_service
from app.points import queries_freezes
from app.points.models_freezes import PointsFreeze
from app.points.service import noting

CLOCK = sa.func.clock_timestamp()


async def freeze(
    session: AsyncSession, *, area_path: str, invariant: str, title: str, count: int, sample: Sequence[str]
) -> bool:
    """Stops ordering and verifying in an area for a broken invariant; True for the first time, then its administrators are told.

    While the freeze is open, a further call only brings its figures up to date: two processes that find the same make one freeze.
    """
    freeze_id = new_id()
    made = insert(PointsFreeze).values(
        id=freeze_id, area_path=area_path, invariant=invariant, count=count, sample=list(sample), version=1
    )
    same = sa.and_(col(PointsFreeze.count) == made.excluded.count, col(PointsFreeze.sample) == made.excluded.sample)
    done = await session.exec(
        made.on_conflict_do_update(
            index_elements=["area_path", "invariant"], index_where=queries_freezes.OPEN,
            set_={
                "count": made.excluded.count, "sample": made.excluded.sample, "checked_at": CLOCK,
                "version": PointsFreeze.version + sa.case((same, 0), else_=1),
            },
        ).returning(col(PointsFreeze.id))
    )
    if done.scalar_one() != freeze_id:
        return False
    audit_service.record(
        session, "points.freeze", object_kind="points_freeze", object_id=freeze_id, area_path=area_path, reason=invariant, count=count
    )
    await _alarm(session, freeze_id, area_path=area_path, invariant=invariant, title=title, count=count)
    return True


async def note_clean(session: AsyncSession, *, invariant: str, but: Collection[str]) -> None:
    """What was found broken is right again, in all areas but these: their freezes say so, and wait for a person to lift them."""
    await session.exec(
        sa.update(PointsFreeze)
        .where(col(PointsFreeze.invariant) == invariant, queries_freezes.OPEN, col(PointsFreeze.area_path).not_in(but))
        .values(
            checked_at=CLOCK, count=0, sample=[], version=PointsFreeze.version + sa.case((col(PointsFreeze.count) > 0, 1), else_=0)
        )
        .execution_options(synchronize_session=False)
    )


async def take(session: AsyncSession, *, principal: Principal, freeze_id: UUID, seen: int | None) -> PointsFreeze:
    """The freeze, locked, when the caller may lift it now. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    found = await queries_freezes.access_freeze(session, principal=principal, freeze_id=freeze_id)
    if not may_lift(principal, found.area_path):
        raise Forbidden("只有县（市）级管理员或平台管理员可以解除")
    expect_version(seen, found.version)
    if found.lifted_at is not None:
        raise InvalidTransition("该冻结已经解除", state="lifted", allowed=[])
    return found


async def lift(session: AsyncSession, freeze: PointsFreeze, *, principal: Principal, note: str) -> None:
    """Lets ordering and verifying go on. The caller has taken the freeze, and has seen that its invariant holds again."""
    note_id = await noting.note(session, member_id=principal.account_id, text=note)
    await session.exec(
        sa.update(PointsFreeze)
        .where(col(PointsFreeze.id) == freeze.id)
        .values(
            lifted_at=CLOCK, lifted_by=principal.account_id, note_id=note_id, checked_at=CLOCK, count=0, sample=[],
            version=PointsFreeze.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    await session.refresh(freeze)
    audit_service.record(
        session, "points.lift_freeze", object_kind="points_freeze", object_id=freeze.id, area_path=freeze.area_path,
        reason=freeze.invariant,
    )
    await session.flush()


def may_lift(principal: Principal, area_path: str) -> bool:
    """The platform's administrator, and who administers the whole county or city in which the area lies."""
    above = (path for path in principal.area_paths(Role.AREA_ADMIN) if area_path.startswith(path))
    return principal.has(Role.PLATFORM_ADMIN) or any(tenants.is_tenant(path) for path in above)


async def _alarm(session: AsyncSession, freeze_id: UUID, *, area_path: str, invariant: str, title: str, count: int) -> None:
    chain = await areas_queries.ancestors(session, path=area_path)
    name = chain[-1].name if chain else area_path
    told = set(await auth_queries.covering(session, area_path=area_path, roles=[Role.AREA_ADMIN]))
    body = (
        f"{name}：积分核对发现“{title}”（{invariant}）{count} 处不符，该区域的兑换下单和核销已暂停；取消和过期照常退回积分。"
        "请查明更正后，由县级管理员或平台管理员解除。"
    )
    for account_id in sorted(told | set(await auth_queries.platform_admins(session))):
        await messages_service.send(
            session, member_id=account_id, category="system", title="积分账目异常，兑换已暂停", body=body,
            reference=("points_freeze", freeze_id, None), moment="system_alarm",
        )
