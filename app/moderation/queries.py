"""Every SELECT of the human queue: for reviewers and administrators of the area, never for who made the thing or has a part in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.errors import NotFound
from app.moderation import workflow
from app.moderation.models import ItemKind, ItemStatus, ModerationItem, ModerationText, OwnerType
from app.reports.models import Report, ReportJoin
from app.reports.words import TextCheck
from app.rewards.models import Reward, RewardStore
from app.stores.models import Store
from app.uploads.models import Checked, Upload

CLOCK = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
DECIDED = (ItemStatus.PASSED, ItemStatus.BLOCKED)
IS_WAITING = col(ModerationItem.status) == ItemStatus.WAITING
PATHS: Mapping[OwnerType, tuple[Any, Any]] = {
    OwnerType.REPORT: (col(Report.area_path), col(Report.id)), OwnerType.STORE: (col(Store.area_path), col(Store.id)),
    OwnerType.REWARD: (sa.func.min(col(RewardStore.area_path)), col(RewardStore.reward_id)),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """An item, the note of whoever decided it, and what it belongs to: a report, or the name of a store or reward."""

    item: ModerationItem
    note: str | None
    report: Report | None
    name: str | None


async def items(
    session: AsyncSession, *, principal: Principal, kind: ItemKind | None, status: ItemStatus | None, limit: int, after: UUID | None
) -> list[Seen]:
    """Newest first, one more than `limit`."""
    statement = _seen(principal)
    if kind is not None:
        statement = statement.where(col(ModerationItem.kind) == kind)
    if status is not None:
        statement = statement.where(col(ModerationItem.status) == status)
    if after is not None:
        statement = statement.where(col(ModerationItem.id) < after)
    found = await session.exec(statement.order_by(col(ModerationItem.id).desc()).limit(limit + 1))
    return [Seen(*row) for row in found.all()]


async def access_item(session: AsyncSession, *, principal: Principal, item_id: UUID, lock: bool = False) -> Seen:
    """The item, locked for a decision if asked. Raises NotFound."""
    statement = _seen(principal).where(col(ModerationItem.id) == item_id).execution_options(populate_existing=True)
    row = (await session.exec(statement.with_for_update(of=ModerationItem) if lock else statement)).first()
    if row is None:
        raise NotFound
    return Seen(*row)


async def area_path(session: AsyncSession, *, owner_type: OwnerType, owner_id: UUID) -> str | None:
    """Where the people are who look at what belongs to this thing; of a reward of many stores, those of one of them."""
    path, key = PATHS[owner_type]
    found: str | None = (await session.exec(sa.select(path).where(key == owner_id))).scalars().first()
    return found


async def measured(session: AsyncSession) -> Mapping[str, float]:
    """The figures for Prometheus."""
    age = sa.func.coalesce(sa.func.extract("epoch", CLOCK - sa.func.min(col(ModerationItem.created_at))), 0)
    count, oldest = (await session.exec(sa.select(sa.func.count(), age).select_from(ModerationItem).where(IS_WAITING))).one()
    return {"xinxin_moderation_waiting": float(count), "xinxin_moderation_oldest_seconds": float(oldest)}


def to_remind(today: date) -> tuple[sa.ColumnElement[bool], ...]:
    """The condition on an item of which its reviewers are told today."""
    return (
        IS_WAITING, col(ModerationItem.created_at) < CLOCK - workflow.REMIND_AFTER,
        col(ModerationItem.reminded_on).is_distinct_from(today),
    )


async def unlisted(session: AsyncSession, *, limit: int) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """(photos, reports) that wait for people without an item, so many of each at most: judged before there was a queue."""
    known = sa.exists().where(col(ModerationItem.edition_id) == col(Upload.id))
    photos = await session.exec(
        sa.select(col(Upload.id)).where(
            col(Upload.checked).in_([Checked.REVIEW, Checked.RISKY]), col(Upload.kind).in_(list(workflow.OWNERS)),
            col(Upload.erased_at).is_(None), ~known,
        ).limit(limit)
    )
    told = sa.exists().where(col(ModerationItem.owner_id) == col(Report.id), col(ModerationItem.kind) == ItemKind.TEXT)
    reports = await session.exec(
        sa.select(col(Report.id)).where(
            col(Report.text_check).in_([TextCheck.REVIEW, TextCheck.RISKY]), col(Report.description_sealed).is_not(None), ~told
        ).limit(limit)
    )
    return photos.scalars().all(), reports.scalars().all()


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What was decided about a person's texts and photos, and what the person wrote about others', as JSON."""
    own = await session.exec(
        sa.select(ModerationItem)
        .where(col(ModerationItem.author_id) == member_id, col(ModerationItem.status).in_(DECIDED))
        .order_by(col(ModerationItem.id))
    )
    wrote = await session.exec(
        sa.select(ModerationText).where(col(ModerationText.author_id) == member_id).order_by(col(ModerationText.id))
    )
    return {
        "moderated": [
            {
                "kind": item.kind.value, "of": item.owner_type.value, "id": str(item.owner_id), "outcome": item.status.value,
                "at": item.decided_at.isoformat() if item.decided_at else None,
            }
            for item in own.scalars().all()
        ],
        "moderation_notes": [{"text": row.text, "at": row.created_at.isoformat()} for row in wrote.scalars().all()],
    }


def _seen(principal: Principal) -> sa.Select[ModerationItem, str | None, Report | None, str | None]:
    """Of the caller's areas. What belongs to a report that has just moved waits until the item has followed it."""
    me = principal.account_id
    joined = sa.exists().where(col(ReportJoin.report_id) == col(ModerationItem.owner_id), col(ReportJoin.member_id) == me)
    return (
        sa.select(ModerationItem, col(ModerationText.text), Report, sa.func.coalesce(col(Store.name), col(Reward.name)))
        .outerjoin(ModerationText, col(ModerationText.id) == col(ModerationItem.note_id))
        .outerjoin(Report, col(Report.id) == col(ModerationItem.owner_id))
        .outerjoin(Store, col(Store.id) == col(ModerationItem.owner_id))
        .outerjoin(Reward, col(Reward.id) == col(ModerationItem.owner_id))
        .where(
            within(col(ModerationItem.area_path), principal.area_paths(*workflow.ROLES)),
            col(ModerationItem.author_id).is_distinct_from(me), col(Report.member_id).is_distinct_from(me), ~joined,
            sa.or_(col(ModerationItem.owner_type) != OwnerType.REPORT, col(Report.area_path) == col(ModerationItem.area_path)),
        )
    )
