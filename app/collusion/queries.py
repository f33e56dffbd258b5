"""Every SELECT of cases: for those who administer or audit the area of the store, and never for anybody whom a case is about."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.collusion.facts import Pair
from app.collusion.models import CaseStatus, CollusionCase, CollusionReason, CollusionText, ReasonCode
from app.db.session import AsyncSession
from app.errors import NotFound
from app.redemptions.models import Redemption, Verification, VerificationUndo
from app.stores.models import Store

DECIDED = (CaseStatus.DISMISSED, CaseStatus.NOTED)
MOST_VERIFICATIONS = 100
Known = dict[ReasonCode, int]


async def cases(
    session: AsyncSession, *, principal: Principal, status: CaseStatus | None, area_path: str | None, store_id: UUID | None, limit: int,
    after: UUID | None,
) -> Sequence[tuple[CollusionCase, Store, str | None]]:
    """(case, its store, the note of whoever decided it), newest first, one more than `limit`."""
    statement = _seen(principal)
    if status is not None:
        statement = statement.where(col(CollusionCase.status) == status)
    if area_path is not None:
        statement = statement.where(within(col(Store.area_path), [area_path]))
    if store_id is not None:
        statement = statement.where(col(CollusionCase.store_id) == store_id)
    if after is not None:
        statement = statement.where(col(CollusionCase.id) < after)
    found = await session.exec(statement.order_by(col(CollusionCase.id).desc()).limit(limit + 1))
    return [(case, store, note) for case, store, note in found.all()]


async def access_case(
    session: AsyncSession, *, principal: Principal, case_id: UUID, lock: bool = False
) -> tuple[CollusionCase, Store, str | None]:
    """(case, its store, the note), the case locked for a decision if asked. Raises NotFound."""
    statement = _seen(principal).where(col(CollusionCase.id) == case_id).execution_options(populate_existing=True)
    row = (await session.exec(statement.with_for_update(of=CollusionCase) if lock else statement)).first()
    if row is None:
        raise NotFound
    case, store, note = row
    return case, store, note


async def reasons(session: AsyncSession, case_ids: Collection[UUID]) -> dict[UUID, list[CollusionReason]]:
    """What was found, by case, in the order in which it was."""
    found: dict[UUID, list[CollusionReason]] = {case_id: [] for case_id in case_ids}
    rows = await session.exec(
        sa.select(CollusionReason).where(col(CollusionReason.case_id).in_(found)).order_by(col(CollusionReason.id))
    )
    for reason in rows.scalars().all():
        found[reason.case_id].append(reason)
    return found


async def verifications(session: AsyncSession, case: CollusionCase, *, since: Any) -> Sequence[Any]:
    """(id, number of the order, verified_at, typed, undone_at) of those between the two of a case, newest first, the last hundred."""
    found = await session.exec(
        sa.select(
            col(Verification.id), col(Redemption.number), col(Verification.verified_at), col(Verification.typed),
            col(VerificationUndo.undone_at),
        )
        .join(Redemption, col(Redemption.id) == col(Verification.redemption_id))
        .outerjoin(VerificationUndo, col(VerificationUndo.verification_id) == col(Verification.id))
        .where(
            col(Verification.store_id) == case.store_id, col(Verification.clerk_id) == case.clerk_id,
            col(Redemption.member_id) == case.member_id, col(Verification.verified_at) >= since,
        )
        .order_by(col(Verification.id).desc())
        .limit(MOST_VERIFICATIONS)
    )
    return found.all()


async def open_cases(session: AsyncSession, *, store_id: UUID) -> dict[Pair, CollusionCase]:
    found = await session.exec(
        sa.select(CollusionCase)
        .where(col(CollusionCase.store_id) == store_id, col(CollusionCase.status) == CaseStatus.OPEN)
        .order_by(col(CollusionCase.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {(case.clerk_id, case.member_id): case for case in found.scalars().all() if case.clerk_id and case.member_id}


async def known(session: AsyncSession, *, store_id: UUID) -> dict[Pair, Known]:
    """Of every pair that was ever told of at a store: each reason, and on how much it rested at most."""
    found = await session.exec(
        sa.select(
            col(CollusionCase.clerk_id), col(CollusionCase.member_id), col(CollusionReason.code), sa.func.max(CollusionReason.support)
        )
        .join(CollusionReason, col(CollusionReason.case_id) == col(CollusionCase.id))
        .where(col(CollusionCase.store_id) == store_id)
        .group_by(col(CollusionCase.clerk_id), col(CollusionCase.member_id), col(CollusionReason.code))
    )
    pairs: dict[Pair, Known] = {}
    for clerk_id, member_id, code, support in found.all():
        pairs.setdefault((clerk_id, member_id), {})[code] = support
    return pairs


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A copy of what was decided about a person, and of what the person wrote.

    What nobody has decided yet is left out: it is a question, not a finding, and telling it would end the asking (as the law allows where
    it would hinder a duty of the authority); the trail of who read it is kept. The other persons of a case are not the person's data.
    """
    about = sa.or_(*(column == member_id for column in PERSONS.values()))
    found = await session.exec(
        sa.select(CollusionCase, col(Store.name))
        .join(Store, col(Store.id) == col(CollusionCase.store_id))
        .where(about, col(CollusionCase.status).in_(DECIDED))
        .order_by(col(CollusionCase.id))
    )
    texts = await session.exec(sa.select(CollusionText).where(col(CollusionText.author_id) == member_id).order_by(col(CollusionText.id)))
    return {
        "collusion_cases": [
            {
                "store": name, "part": next(part for part in PERSONS if getattr(case, f"{part}_id") == member_id),
                "opened_at": case.created_at.isoformat(), "outcome": case.status.value,
                "decided_at": case.decided_at.isoformat() if case.decided_at else None,
            }
            for case, name in found.all()
        ],
        "collusion_texts": [{"text": row.text, "at": row.created_at.isoformat()} for row in texts.scalars().all()],
    }


PERSONS = {
    "clerk": col(CollusionCase.clerk_id), "member": col(CollusionCase.member_id), "reviewer": col(CollusionCase.reviewer_id)
}


def _seen(principal: Principal) -> sa.Select[CollusionCase, Store, str | None]:
    """Those of the caller's areas, without any that is about the caller, or about a store where the caller works."""
    works_at = principal.scope_ids(ScopeType.STORE, Role.STORE_OWNER, Role.STORE_CLERK)
    return (
        sa.select(CollusionCase, Store, col(CollusionText.text))
        .join(Store, col(Store.id) == col(CollusionCase.store_id))
        .outerjoin(CollusionText, col(CollusionText.id) == col(CollusionCase.note_id))
        .where(
            within(col(Store.area_path), principal.area_paths(Role.AREA_ADMIN, Role.AUDITOR)),
            *(column.is_distinct_from(principal.account_id) for column in PERSONS.values()),
            col(CollusionCase.store_id).not_in(works_at),
        )
    )
