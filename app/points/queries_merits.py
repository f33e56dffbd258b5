"""Awards that people decide, as they are read: by whose office it is, never by the person they are about."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.models import Level
from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import NotFound
from app.points import workflow_conditions
from app.points.models import PointsAward, PointsProposal, PointsRule, PointsText, ProposalStatus
from app.points.workflow_conditions import ByPeople

AWARD = "award"
OFFICES = (Role.ORG_SECRETARY, Role.INSTRUCTOR)
OUTCOME: tuple[Any, ...] = (
    col(PointsAward.rule_code), col(PointsAward.credited), col(PointsAward.withheld), col(PointsAward.withheld_reason).label("reason"),
    col(PointsAward.withheld_cap).label("cap"),
)


async def rules(session: AsyncSession) -> dict[str, tuple[str, ByPeople]]:
    """Code → title and terms of every rule that people award, by its newest version: who may is the same wherever the rule holds."""
    found = await session.exec(
        sa.select(col(PointsRule.code), col(PointsRule.title), col(PointsRule.conditions))
        .ext(distinct_on(col(PointsRule.code)))
        .order_by(col(PointsRule.code), col(PointsRule.version).desc())
    )
    told = ((code, title, workflow_conditions.by_people(conditions)) for code, title, conditions in found.all())
    return {code: (title, terms) for code, title, terms in told if terms is not None}


async def levels(session: AsyncSession, *, principal: Principal) -> dict[UUID, Level]:
    """The level of each area that the caller holds an office on."""
    ids = [grant.scope_id for grant in principal.grants if grant.scope_type is ScopeType.AREA and grant.scope_id is not None]
    return {area.id: area.level for area in (await areas_queries.by_ids(session, ids)).values()}


def _visible(principal: Principal) -> sa.ColumnElement[bool]:
    """What was done in an organisation is its offices' alone; in areas, reviewers see what is about reports or was made by themselves."""
    path, organisation = col(PointsProposal.area_path), col(PointsProposal.organisation_id)
    reviewed = sa.or_(col(PointsProposal.report_id).is_not(None), col(PointsProposal.maker_id) == principal.account_id)
    of_areas = sa.or_(
        within(path, principal.area_paths(Role.AREA_ADMIN)), sa.and_(reviewed, within(path, principal.area_paths(Role.REVIEWER)))
    )
    return sa.and_(
        col(PointsProposal.type) == AWARD,
        sa.or_(
            sa.and_(organisation.is_(None), of_areas), organisation.in_(principal.scope_ids(ScopeType.ORGANISATION, *OFFICES)),
        ),
    )


async def access(session: AsyncSession, *, principal: Principal, proposal_id: UUID) -> PointsProposal:
    """Locks one. Raises NotFound for one that the caller may not see."""
    found = await session.exec(
        sa.select(PointsProposal)
        .where(col(PointsProposal.id) == proposal_id, _visible(principal))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    proposal: PointsProposal | None = found.scalars().first()
    if proposal is None:
        raise NotFound
    return proposal


def _shown() -> sa.Select[*tuple[Any, ...]]:
    """(proposal, its reason as `words`, and of what became of it: rule_code, credited, withheld, reason, cap)."""
    judged = sa.and_(
        col(PointsAward.rule_code) == col(PointsProposal.rule_code), col(PointsAward.member_id) == col(PointsProposal.member_id),
        col(PointsAward.source_id) == sa.func.coalesce(PointsProposal.report_id, PointsProposal.id),
        col(PointsProposal.status) == ProposalStatus.APPROVED,
    )
    return (
        sa.select(PointsProposal, col(PointsText.text).label("words"), *OUTCOME)
        .join(PointsText, col(PointsText.id) == col(PointsProposal.reason_id))
        .outerjoin(PointsAward, judged)
    )


async def awards(
    session: AsyncSession, *, principal: Principal, status: ProposalStatus | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """What the caller may see, newest first, one more than `limit`."""
    statement = _shown().where(_visible(principal))
    if status is not None:
        statement = statement.where(col(PointsProposal.status) == status)
    if after is not None:
        statement = statement.where(col(PointsProposal.id) < after)
    found = await session.exec(statement.order_by(col(PointsProposal.id).desc()).limit(limit + 1))
    return found.all()


async def award(session: AsyncSession, *, proposal_id: UUID) -> Any:
    """The same of one, for whoever has just acted on it."""
    found = await session.exec(_shown().where(col(PointsProposal.id) == proposal_id))
    return found.one()


async def live_about(session: AsyncSession, *, rule_code: str, report_id: UUID) -> bool:
    """Is there an open or granted award of this rule for the report?"""
    found = await session.exec(
        sa.select(sa.literal(1)).where(
            col(PointsProposal.rule_code) == rule_code, col(PointsProposal.report_id) == report_id,
            col(PointsProposal.status) != ProposalStatus.REJECTED,
        )
    )
    return found.first() is not None


async def may_see_proof(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """May the caller see the proof that is attached to an award? Whoever may see the award."""
    found = await session.exec(sa.select(sa.literal(1)).where(col(PointsProposal.id) == owner_id, _visible(principal)))
    return found.first() is not None
