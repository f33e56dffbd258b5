"""Shortlists: a rule finds the candidates once, another person chooses among them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import ValidationFailed, expect_version
from app.messages import service as messages_service
from app.points import queries_rules
from app.publicity import queries, queries_shortlists, workflow
from app.publicity.models import Shortlist, ShortlistCandidate, ShortlistStatus
from app.publicity.queries_shortlists import Rule
from app.publicity.service.publishing import be_patient
from app.security import sealing


async def make_shortlist(
    session: AsyncSession, *, principal: Principal, title: str, year: int, area_id: UUID, min_points: int,
    min_active_months: int | None, rules: Sequence[str] | None, exclude_false_reports: bool,
) -> Shortlist:
    """Freezes who meets the rule now; of a running year what it has brought so far.

    Raises NotFound for an unknown area, Forbidden, ValidationFailed for a year to come or an unknown rule.
    """
    area = await areas_queries.get(session, area_id)
    workflow.require_maker(principal, area.path)
    known = await queries_rules.titles(session)
    if rules is not None and not set(rules) <= known.keys():
        raise ValidationFailed.of("body", "rules", msg="包含未知的积分规则", kind="rule")
    rule = Rule(
        year, workflow.counted_until(year, clock.today()), min_points, min_active_months, sorted(set(rules)) if rules else None,
        exclude_false_reports,
    )
    row = Shortlist(
        title=title, year=year, as_of=rule.as_of, area_id=area.id, area_path=area.path, min_points=min_points,
        min_active_months=min_active_months, rules=rule.rules, exclude_false_reports=exclude_false_reports, made_by=principal.account_id,
    )
    session.add(row)
    await session.flush()
    await be_patient(session)
    oldest = await areas_queries.root(session)
    whole = oldest is not None and oldest.path.startswith(area.path)
    found = queries_shortlists.meeting(rule, area_path=area.path, oldest=whole)
    found = found.add_columns(sa.literal(row.id, sa.Uuid()), sa.false())
    added = await session.exec(sa.insert(ShortlistCandidate).from_select(["member_id", "shortlist_id", "chosen"], found))
    _audit(session, "make_shortlist", row, candidates=added.rowcount)
    await session.flush()
    return row


async def decide(
    session: AsyncSession, *, principal: Principal, shortlist_id: UUID, chosen: Sequence[UUID], note: str, seen: int | None
) -> Shortlist:
    """Chooses among the candidates, once, and tells the chosen.

    Raises NotFound, Forbidden for who made it or would choose oneself, VersionMismatch, InvalidTransition, Conflict.
    """
    row = await queries_shortlists.access(session, principal=principal, shortlist_id=shortlist_id, lock=True)
    workflow.require_decider(principal, row, chosen)
    expect_version(seen, row.version)
    there = await queries_shortlists.candidates(session, shortlist_id=row.id)
    workflow.require_choice(row, chosen, [one.member_id for one in there])
    row.status, row.decided_by, row.decided_at = ShortlistStatus.DECIDED, principal.account_id, await queries.now(session)
    row.note_sealed = sealing.seal(session, note, table=queries_shortlists.TABLE, column="note", row=row.id)
    row.version += 1
    session.add(row)
    for one in there:
        one.row.chosen = one.member_id in chosen
        session.add(one.row)
    _audit(session, "decide_shortlist", row, chosen=sorted(str(one) for one in chosen))
    await session.flush()
    await _tell(session, row, chosen)
    return row


async def _tell(session: AsyncSession, row: Shortlist, chosen: Sequence[UUID]) -> None:
    for member_id in sorted(set(chosen)):
        await messages_service.send(
            session, member_id=member_id, category="points", title="评选结果", body=f"祝贺您入选“{row.title}”。", path="pages/points/index",
            reference=("shortlist", row.id, None),
        )


def _audit(session: AsyncSession, verb: str, row: Shortlist, **facts: Any) -> None:
    audit_service.record(
        session, f"publicity.{verb}", object_kind="shortlist", object_id=row.id, area_path=row.area_path, year=row.year, **facts
    )
