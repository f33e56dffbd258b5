"""One command on one report: taken under the row's lock after all checks, then written as state, timeline row, audit and messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.categories.models import ReportCategoryVersion
from app.db.session import AsyncSession
from app.errors import Forbidden, InvalidTransition, NotFound, expect_version
from app.reports import queries, workflow
from app.reports.models import Report, ReportEvent, ReportRequest, ReportSecondLook, ReportText
from app.reports.service import clocks, telling, writing
from app.reports.service.clocks import Lap
from app.reports.service.writing import Written
from app.reports.words import ActorRole, LookStatus, RequestStatus, Status
from app.reports.workflow import Command

NOBODY = UUID(int=0)  # whose eyes the system looks with: nobody reported, joined or resolved under this id


@dataclass(frozen=True, slots=True)
class Case:
    """A report that its command may be given on: locked, visible to the actor, in a state that allows it.

    `policy`: the category's version as the report kept it until now; whoever asks for it again finds it in the session as long as it is
    held here. `joined`: whoever joined until then, None: not looked at.
    """

    report: Report
    command: Command
    actor: ActorRole
    actor_id: UUID | None
    request: ReportRequest | None
    now: datetime
    look: ReportSecondLook | None = None
    policy: ReportCategoryVersion | None = None
    joined: Sequence[UUID] | None = None

    @property
    def answered(self) -> UUID | None:
        """The request that this command answers."""
        return self.request.id if self.request is not None and self.command is Command.DECIDE_REQUEST else None


async def take(session: AsyncSession, *, principal: Principal, report_id: UUID, command: Command, seen: int | None) -> Case:
    """Locks the report and checks, in the contract's order, that the caller may give the command now.

    Raises NotFound outside the caller's scope, Forbidden, VersionMismatch, InvalidTransition.
    """
    found = await queries.seen_locked(session, report_id=report_id, caller=principal.account_id)
    if found is None or not found.visible(principal):
        raise NotFound
    parts, facts = found.parts(principal), found.facts(principal.account_id)
    if not workflow.permitted(command, parts, facts):
        raise Forbidden
    expect_version(seen, found.report.version)
    actor = workflow.actor_for(command, parts, facts)
    if actor is None:
        raise InvalidTransition(state=facts.status.value, allowed=workflow.allowed(parts, facts))
    return Case(
        found.report, command, actor, principal.account_id, found.request, found.now, found.look, found.policy, found.joined_by
    )


async def take_alone(session: AsyncSession, *, report_id: UUID, command: Command) -> Case | None:
    """The same for a job, which acts as the system; None when the report is gone on meanwhile."""
    found = await queries.seen_locked(session, report_id=report_id, caller=NOBODY)
    parts = frozenset({ActorRole.SYSTEM})
    if found is None or workflow.actor_for(command, parts, found.facts(NOBODY)) is None:
        return None
    return Case(found.report, command, ActorRole.SYSTEM, None, found.request, found.now, found.look, found.policy, found.joined_by)


async def move(
    session: AsyncSession, case: Case, to: Status, *, note: str | None = None, upload_ids: Sequence[UUID] = (),
    told: tuple[str, str] | None = None, **facts: Any,
) -> Written:
    """Leads the report into a state of its rule: state, clock, open request, timeline, audit, and a message to every reporter.

    `told` is said instead of the state's own words.
    """
    rule = workflow.TABLE[case.command]
    assert to in rule.to and case.report.status in rule.sources, f"{case.command}: {case.report.status} to {to}"
    report, before = case.report, case.report.status
    with session.no_autoflush:  # the row is whole again only below
        lap = await clocks.turn(session, report, to=to, now=case.now, by=case.actor_id, request_id=case.answered)
    report.status = to
    report.ended_at = case.now if to in workflow.FINAL else None
    report.paused_at = case.now if to is Status.SUSPENDED else None
    if to is not Status.SUSPENDED:
        report.suspended_until = None
    if to in workflow.FINAL:
        report.escalated_to, report.escalated_to_top = None, False
    _lapse(session, case, to)
    written = await write(session, case, before=before, lap=lap, note=note, upload_ids=upload_ids, **facts)
    await telling.reporters(session, report, but=case.actor_id, told=told, joined=case.joined)
    return written


async def write(
    session: AsyncSession, case: Case, *, before: Status | None, lap: Lap | None = None, note: str | None = None,
    upload_ids: Sequence[UUID] = (), **facts: Any,
) -> Written:
    """Writes what was just changed under the next version, with its timeline row and its audit event.

    The claim of anybody else is over, and everybody's when the report has ended.
    """
    report, command = case.report, case.command
    report.version += 1
    event = {
        "command": command.value, "actor_role": case.actor, "from_status": before, "to_status": report.status,
        "upload_ids": list(upload_ids), "facts": facts,
    }
    written = await writing.write(
        session, report, lap=lap, actor_id=case.actor_id, by=None if command is Command.TRANSFER else case.actor_id, note=note, event=event
    )
    await audit_service.write(session, **_told(report, command.value, before, facts))
    return written


def log(
    session: AsyncSession, case: Case, *, before: Status | None, note_id: UUID | None, upload_ids: Sequence[UUID], facts: dict[str, Any],
    command: str | None = None,
) -> ReportEvent:
    report, name = case.report, command or case.command.value
    event = ReportEvent(
        report_id=report.id, command=name, actor_role=case.actor, actor_id=case.actor_id, from_status=before, to_status=report.status,
        note_id=note_id, upload_ids=list(upload_ids), facts=facts,
    )
    session.add(event)
    audit_service.record(session, **_told(report, name, before, facts))
    return event


def _told(report: Report, name: str, before: Status | None, facts: dict[str, Any]) -> dict[str, Any]:
    """The same as the trail tells it."""
    return {
        "action": f"report.{name.replace('-', '_')}", "object_kind": "report", "object_id": report.id, "area_path": report.area_path,
        "from_status": before.value if before else None, "to_status": report.status.value, **facts,
    }


async def put_text(session: AsyncSession, report_id: UUID, author_id: UUID | None, text: str | None) -> UUID | None:
    """Keeps a sentence apart from the history that refers to it; flushed, because a foreign key alone orders no inserts."""
    if not text or author_id is None:
        return None
    row = ReportText(report_id=report_id, author_id=author_id, text=text)
    session.add(row)
    await session.flush()
    return row.id


def settle(session: AsyncSession, case: Case, outcome: RequestStatus) -> None:
    """Ends the open request; only a decision has somebody who decided it."""
    request = case.request
    assert request is not None
    request.status, request.decided_at = outcome, case.now
    request.decided_by = None if outcome is RequestStatus.LAPSED else case.actor_id
    session.add(request)


def _lapse(session: AsyncSession, case: Case, to: Status) -> None:
    """Ends what was asked about the work that is over now: a request, a second look."""
    if case.request is not None and _outlived(case, to):
        settle(session, case, RequestStatus.LAPSED)
    if case.look is not None and to in (Status.IN_PROGRESS, Status.REOPENED):
        case.look.status = LookStatus.LAPSED
        session.add(case.look)


def _outlived(case: Case, to: Status) -> bool:
    """Does the request ask for nothing any more? A decision settles it itself."""
    return to not in workflow.HANDLING or case.command in (Command.DISPATCH, Command.SUSPEND)
