"""What rules give: once per source, to who may earn, within the caps, now and then only after a second reviewer."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.points import ledger, queries_awarding, workflow_conditions
from app.points.ledger import Balance, Cause, Reference
from app.points.models import Kind
from app.points.models_conditions import ConfirmationStatus
from app.points.queries_awarding import Grounds, Rule
from app.points.service import asking, judging
from app.points.service.judging import Claim, Judgement
from app.points.service.moving import ERASED, credit
from app.points.workflow_conditions import EARNING_STOP, SECOND_REVIEWER, SECOND_REVIEWER_REFUSED


@dataclass(frozen=True, slots=True)
class Award:
    """What a rule gave: `withheld` is the part that was kept back, `reason` the code of what kept it, `cap` its figure where it has one."""

    credited: int
    withheld: int
    reason: str | None
    cap: int | None = None
    transaction_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One source that a member is to be paid for; `version` None: nothing holds on the day of filing."""

    rule: str
    version: Rule | None
    reference: Reference
    claim: Claim


async def award(
    session: AsyncSession, *, member_id: UUID, rule: str, source_type: str, source_id: UUID, source_number: str | None,
    filed_at: datetime, area_path: str, points: int | None = None, units: int = 1, subject: UUID | None = None,
    actor_id: UUID | None = None,
) -> Award:
    """Gives a member the points of a rule for one source, once: asked again, it returns what was judged the first time.

    Rule and caps are those of the local day of `filed_at`. `points` replaces the rule's figure for each of the `units` where a category or
    an official sets another; `subject` is what a rule that pays once pays for. `actor_id` is who did what is paid for, and so is not the
    second reviewer of it. Raises ValidationFailed for points that the rule leaves to no official.
    """
    claim = Claim(member_id, clock.local_day(filed_at), area_path, points, units, subject)
    reference = Reference(source_type, source_id, source_number)
    balance = await ledger.lock(session, member_id)
    seen = await grounds(session, rule, reference, claim)
    if seen.known is not None:
        return Award(*seen.known)
    version = seen.rule
    if seen.confirmation is not None:
        waits = SECOND_REVIEWER_REFUSED if seen.confirmation is ConfirmationStatus.REFUSED else SECOND_REVIEWER
        return Award(0, judging.asked(version, claim), waits)
    case = Case(rule, version, reference, claim)
    found = await judged(session, case, seen)
    if version is not None and found.credited and workflow_conditions.needs_second_reviewer(version.conditions, seen.in_week):
        await asking.ask(session, version, claim, reference=reference, points=found.asked, actor_id=actor_id)
        return Award(0, found.asked, SECOND_REVIEWER)
    return await settle(session, case, balance, found)


async def grounds(session: AsyncSession, rule: str, reference: Reference, claim: Claim) -> Grounds:
    return await queries_awarding.grounds(
        session, member_id=claim.member_id, rule=rule, source_type=reference.type, source_id=reference.id, day=claim.filed_on,
        area_path=claim.area_path,
    )


async def judged(session: AsyncSession, case: Case, seen: Grounds) -> Judgement:
    """What may be credited, and what keeps the rest back; the balance row is locked.

    An erased account gets nothing more: its balance is settled for good. A member whose earning is stopped gets nothing either.
    """
    if seen.erased or seen.stopped:
        return Judgement(judging.asked(case.version, case.claim), 0, 0, ERASED if seen.erased else EARNING_STOP)
    return await judging.judge(session, case.version, case.claim, seen)


async def settle(session: AsyncSession, case: Case, balance: Balance, found: Judgement) -> Award:
    """Credits what was judged and writes the judgement down."""
    claim, reference, transaction_id, judgement = case.claim, case.reference, None, judging.columns(case.claim, found)
    cause = Cause(case.rule, rule_code=case.rule, rule_version=case.version.version if case.version else 0)
    if found.credited:
        transaction_id = await credit(
            session, claim.member_id, balance, found.credited, kind=Kind.EARN, reference=reference, cause=cause, judgement=judgement
        )
    else:
        await ledger.note(session, member_id=claim.member_id, reference=reference, cause=cause, judgement=judgement)
    about = workflow_conditions.by_people(case.version.conditions) if case.version else None
    await audit_service.write(
        session, "points.award", object_kind=reference.type, object_id=reference.id,
        area_path=workflow_conditions.trail_area(about.about if about else None, claim.area_path), member_id=str(claim.member_id),
        rule=case.rule, credited=found.credited, withheld=found.withheld,
    )
    return Award(found.credited, found.withheld, found.reason, found.cap, transaction_id)
