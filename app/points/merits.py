"""Awards that people decide: one person asks with a reason and a proof, another grants. Lock order: proposal, then the member's balance."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, Forbidden, InvalidTransition, NotFound, ValidationFailed
from app.members import queries as members_queries
from app.messages import service as messages_service
from app.points import ledger, proposals, queries, queries_merits, queries_rules, service, views_awards, workflow_conditions
from app.points.ledger import Cause, Reference
from app.points.models import Kind, PointsProposal, PointsRule, ProposalStatus
from app.points.queries_merits import AWARD
from app.points.service.moving import ERASED
from app.points.workflow_conditions import ByPeople

OWN_SOURCE = "points_award"  # the source of an award that is about no report: its own proposal
OWN_PAGE = "pages/points/index"
NOTHING_COUNTED = "一笔积分已批准，但未计入，原因可在积分记录中查看"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an award is for, where it counts, and the report or the organisation that it is about."""

    member_id: UUID
    area_path: str
    report: Reference | None = None
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for. `points` within the rule's range where it has one; `occurred_on` is the day whose caps count."""

    rule_code: str
    points: int | None
    reason: str
    upload_id: UUID
    occurred_on: date | None


async def terms_of(session: AsyncSession, *, rule_code: str) -> ByPeople:
    """Raises ValidationFailed for a rule that no person awards."""
    known = (await queries_merits.rules(session)).get(rule_code)
    if known is None:
        raise ValidationFailed.of("body", "rule_code", msg="该规则不由人工评定", kind="rule")
    return known[1]


async def person(session: AsyncSession, *, principal: Principal, member_id: UUID, terms: ByPeople) -> Subject:
    """A member of the areas where the caller has such an office, or administers. Raises NotFound."""
    known = await members_queries.person(session, member_id=member_id)
    area = await members_queries.area_of(session, member_id=member_id) if known else None
    if area is None or not principal.covers(area[1], Role.AREA_ADMIN, *terms.made_by):
        raise NotFound
    return Subject(member_id, area[1])


def require_office(principal: Principal, *, subject: Subject, terms: ByPeople) -> None:
    """Raises Forbidden for whoever has no office there in which the award is asked for, and for oneself."""
    if not workflow_conditions.holds(
        principal, terms.made_by, area_path=subject.area_path, organisation_id=subject.organisation_id, levels={}
    ):
        raise Forbidden
    if subject.member_id == principal.account_id:
        raise Forbidden("不能为自己申请积分")


async def propose(
    session: AsyncSession, *, principal: Principal, subject: Subject, terms: ByPeople, asked: Asked
) -> PointsProposal:
    """Asks for an award.

    Raises Forbidden for whoever has no such office there and for oneself, ValidationFailed for points or a day that the rule does not
    allow, AlreadyExists while another award of the rule for this report is open or granted, UploadAlreadyUsed.
    """
    require_office(principal, subject=subject, terms=terms)
    day = _day(asked.occurred_on)
    rule = await queries_rules.rule_in_force(session, code=asked.rule_code, area_path=subject.area_path, on=day)
    if rule is None:
        raise ValidationFailed.of("body", "rule_code", msg="该规则在这一天没有生效", kind="rule")
    amount = _amount(rule, asked.points)
    report = subject.report
    if report is not None and await queries_merits.live_about(session, rule_code=rule.code, report_id=report.id):
        raise AlreadyExists("该上报已有同类申请")
    return await proposals.propose(
        session, principal, type=AWARD, member_id=subject.member_id, area_path=subject.area_path, amount=amount, reason=asked.reason,
        upload_id=asked.upload_id, rule_code=rule.code, occurred_on=day, report_id=report.id if report else None,
        report_number=report.number if report else None, organisation_id=subject.organisation_id,
    )


async def approve(session: AsyncSession, *, principal: Principal, proposal_id: UUID) -> PointsProposal:
    """Grants an award within the caps of its day, or charges a false report; the member is told.

    Raises NotFound, Forbidden for whoever made it, is its subject or has no such office, InvalidTransition when decided, Conflict when
    the account is erased or the rule did not hold.
    """
    proposal = await _decidable(session, principal, proposal_id)
    if proposal.amount > 0:
        given = await _give(session, proposal)
        proposal.transaction_id = given.transaction_id
        await proposals.decide(session, principal, proposal, ProposalStatus.APPROVED)
        await _tell(session, proposal, f"您的积分已增加 {given.credited} 分" if given.credited else NOTHING_COUNTED)
    else:
        rule = await _charge(session, principal, proposal)
        await proposals.decide(session, principal, proposal, ProposalStatus.APPROVED)
        until = await service.stop_when_due(session, proposal=proposal, rule=rule)
        stopped = f"；至 {until:%Y年%m月%d日}（含）暂停积分获取" if until else ""
        await _tell(session, proposal, f"上报 {proposal.report_number} 经核实为虚假，已扣减 {-proposal.amount} 积分{stopped}")
    return proposal


async def reject(session: AsyncSession, *, principal: Principal, proposal_id: UUID) -> PointsProposal:
    """Drops what was asked for. Raises NotFound, Forbidden, InvalidTransition."""
    proposal = await _decidable(session, principal, proposal_id)
    await proposals.decide(session, principal, proposal, ProposalStatus.REJECTED)
    return proposal


async def shown(session: AsyncSession, *, principal: Principal, rows: list[Any]) -> list[dict[str, Any]]:
    """Awards as the caller sees them, in two statements for all."""
    known, levels = await queries_merits.rules(session), await queries_merits.levels(session, principal=principal)
    return [views_awards.award(row, principal, *known[row[0].rule_code], levels) for row in rows]


async def shown_one(session: AsyncSession, *, principal: Principal, proposal: PointsProposal) -> dict[str, Any]:
    return (await shown(session, principal=principal, rows=[await queries_merits.award(session, proposal_id=proposal.id)]))[0]


def _day(occurred_on: date | None) -> date:
    today = clock.today()
    day = occurred_on or today
    if not today - timedelta(days=workflow_conditions.MOST_DAYS_BACK) <= day <= today:
        raise ValidationFailed.of("body", "occurred_on", msg="日期应在过去一年之内", kind="day")
    return day


def _amount(rule: PointsRule, points: int | None) -> int:
    """Raises ValidationFailed for a figure that the rule does not have, or for none where it has a range."""
    if rule.points_max is None:
        if points not in (None, rule.points):
            raise ValidationFailed.of("body", "points", msg=f"该规则固定为 {rule.points} 分", kind="points")
        return rule.points
    if points is None or not rule.points <= points <= rule.points_max:
        raise ValidationFailed.of("body", "points", msg=f"分值应在 {rule.points} 至 {rule.points_max} 之间", kind="points")
    return points


async def _decidable(session: AsyncSession, principal: Principal, proposal_id: UUID) -> PointsProposal:
    proposal = await queries_merits.access(session, principal=principal, proposal_id=proposal_id)
    if principal.account_id in (proposal.maker_id, proposal.member_id):
        raise Forbidden("须由另一人审批")
    terms = (await queries_merits.rules(session))[str(proposal.rule_code)][1]
    if not workflow_conditions.holds(
        principal, terms.decided_by, area_path=proposal.area_path, organisation_id=proposal.organisation_id, level=terms.level,
        levels=await queries_merits.levels(session, principal=principal),
    ):
        raise Forbidden
    if proposal.status is not ProposalStatus.PENDING:
        raise InvalidTransition(state=proposal.status, allowed=[])
    return proposal


async def _give(session: AsyncSession, proposal: PointsProposal) -> service.Award:
    """The award by the rule; the source is the report, or the proposal itself."""
    assert proposal.rule_code is not None and proposal.occurred_on is not None
    about_report = proposal.report_id is not None
    given = await service.award(
        session, member_id=proposal.member_id, rule=proposal.rule_code, source_type="report" if about_report else OWN_SOURCE,
        source_id=proposal.report_id or proposal.id, source_number=proposal.report_number,
        filed_at=clock.day_start(proposal.occurred_on), area_path=proposal.area_path, points=proposal.amount, actor_id=proposal.maker_id,
    )
    if given.reason == ERASED:
        raise Conflict("该账号已注销，积分已结清")
    return given


async def _charge(session: AsyncSession, principal: Principal, proposal: PointsProposal) -> PointsRule:
    """Takes what the rule takes: out of what is available, the rest as a debt, never less."""
    assert proposal.rule_code is not None and proposal.occurred_on is not None and proposal.report_id is not None
    rule = await queries_rules.rule_in_force(
        session, code=proposal.rule_code, area_path=proposal.area_path, on=proposal.occurred_on
    )
    if rule is None:
        raise Conflict("该规则在这一天没有生效")
    await ledger.lock(session, proposal.member_id)
    if await queries.is_erased(session, member_id=proposal.member_id):
        raise Conflict("该账号已注销，积分已结清")
    cause = Cause(rule.code, rule_code=rule.code, rule_version=rule.version, actor_id=principal.account_id)
    proposal.transaction_id = await service.take_back(
        session, proposal.member_id, -proposal.amount, kind=Kind.ADJUST, cause=cause,
        reference=Reference("report", proposal.report_id, proposal.report_number),
    )
    return rule


async def _tell(session: AsyncSession, proposal: PointsProposal, body: str) -> None:
    reference = ("points_entry", proposal.transaction_id, None) if proposal.transaction_id else None
    await messages_service.send(
        session, member_id=proposal.member_id, category="points", title="积分变动", body=body, path=OWN_PAGE, reference=reference
    )
