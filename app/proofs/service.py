"""Every change of a proof: made when it is first asked for, looked up by a code under a limit, gone."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import CodeMalformed, Forbidden, InvalidTransition, RateLimited
from app.proofs import errors, queries, workflow
from app.proofs.models import ReportProof
from app.proofs.workflow import Told
from app.reports import queries as reports_queries
from app.reports import workflow as reports_workflow
from app.reports.models import Report
from app.reports.queries import Seen
from app.security import sealing, throttles, typed_codes
from app.security.throttles import Window

EVERYBODY = "proof.check"


async def of_own(session: AsyncSession, *, principal: Principal, report_id: UUID) -> Told:
    """The proof of the caller's own report, made at the first call.

    Raises NotFound, Forbidden for whoever sees the report and did not file it, InvalidTransition, Conflict after its 30 days.
    """
    seen = await reports_queries.access(session, principal=principal, report_id=report_id)
    report = seen.report
    if report.member_id != principal.account_id:
        raise Forbidden
    if report.status in workflow.NO_PROOF:
        allowed = reports_workflow.allowed(seen.parts(principal), seen.facts(principal.account_id))
        raise InvalidTransition("未予受理或已撤回的上报不能开具证明", state=report.status.value, allowed=allowed)
    if seen.now >= workflow.valid_until(report.created_at):
        raise errors.too_late()
    told = await queries.of_report(session, report_id=report_id)
    if told is None:
        await _make(session, seen)
        told = await queries.of_report(session, report_id=report_id)
    assert told is not None
    return told


async def _make(session: AsyncSession, seen: Seen) -> None:
    """Somebody who asks twice at once gets one proof: the second insert waits for the first, and finds it."""
    report, proof_id, code = seen.report, new_id(), typed_codes.draw()
    made = await session.exec(
        insert(ReportProof).values(
            id=proof_id, report_id=report.id, area_id=report.community_id,
            code_sealed=sealing.seal(session, code, table=queries.TABLE, column=queries.COLUMN, row=proof_id),
            code_index=sealing.blind_index(session, code, purpose=queries.INDEX),
            stopped_at=workflow.stopped_at(occurred_at=report.occurred_at, filed_at=report.created_at),
            lng=round(report.lng, workflow.ROUND_DIGITS), lat=round(report.lat, workflow.ROUND_DIGITS),
            valid_until=workflow.valid_until(report.created_at),
        ).on_conflict_do_nothing(index_elements=["report_id"])
    )
    if made.rowcount:
        audit_service.record(session, "proof.make", object_kind="report", object_id=report.id, area_path=report.area_path)
        await session.flush()


def read(text: str) -> str:
    """A code as it was drawn. Raises CodeMalformed: such a text was never given out, and is no guess."""
    code = typed_codes.read(text)
    if code is None or not typed_codes.fits(code):
        raise CodeMalformed("证明编号有误，请核对后重新输入")
    return code


async def check(session: AsyncSession, *, code: str) -> Told:
    """What an employer may read. Raises ProofNotFound, which counts as a guess, RateLimited."""
    address = _address(session)
    await _require_room(session, address)
    told = await queries.valid(session, code=code)
    if told is None:

        async def count(fresh: AsyncSession) -> None:
            await count_guess(fresh, address)

        raise errors.ProofNotFound().then(count)
    return told


async def count_guess(session: AsyncSession, address: str) -> None:
    """Raises RateLimited. The counter of the address first: whoever holds both takes them in one order."""
    await throttles.take(session, address, limit=workflow.GUESSES, period_s=workflow.WINDOW_S)
    await throttles.count_failure(session, EVERYBODY)


async def _require_room(session: AsyncSession, address: str) -> None:
    """An address that guessed too often waits. While all of them together did, those wait that guessed at all: an employer who types
    a code from a paper is not held up by strangers. Raises RateLimited."""
    own = await throttles.ages(session, address, most=workflow.GUESSES)
    wait, forgotten = (throttles.wait_in_windows(own, (Window(limit, workflow.WINDOW_S),)) for limit in (workflow.GUESSES, 1))
    if not wait and forgotten and await throttles.failures(session, EVERYBODY, workflow.WINDOW_S) >= workflow.GUESSES_OF_ALL:
        wait = forgotten
    if wait:
        raise RateLimited(retry_after=wait)


def _address(session: AsyncSession) -> str:
    """The name of the caller's counter, which tells nobody the address."""
    address = str(session.info.get("address"))
    return f"{EVERYBODY}:{sealing.sign(session, 'proof-check', address.encode()).hex()}"


def signature(session: AsyncSession, told: Told) -> str:
    return sealing.sign(session, queries.INDEX, told.signed()).hex()


def is_signature(session: AsyncSession, told: Told, given: str) -> bool:
    """Was it made by us, over just this? Keys that have been replaced since count too."""
    try:
        presented = bytes.fromhex(given)
    except ValueError:
        return False
    return sealing.verify_signature(session, queries.INDEX, told.signed(), presented)


async def drop(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    await session.exec(sa.delete(ReportProof).where(col(ReportProof.id).in_(ids)))


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """A proof is about nobody else: it goes with its person."""
    own = sa.select(col(Report.id)).where(col(Report.member_id) == member_id)
    await session.exec(sa.delete(ReportProof).where(col(ReportProof.report_id).in_(own)))
