"""How a report comes to its outcome: the commands of its life, each given by whoever may give it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app import clock
from app.areas.schemas import Place
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.demo import people, plan
from app.demo.cast import Cast
from app.demo.plan import ReportPlan
from app.jobs import service as jobs_service
from app.reports import service as reports_service
from app.reports.words import RejectReason
from app.uploads import service as uploads_service
from app.uploads.keeping import Kept
from app.uploads.models import Checked

REST = timedelta(days=5)


@dataclass
class Life:
    """One report on its way: `id` once it is filed, `after` the photo of the finished work, `into` the report that it is merged into."""

    session: AsyncSession
    cast: Cast
    planned: ReportPlan
    report_id: UUID | None = None
    after: Kept | None = None
    into: UUID | None = None

    @property
    def id(self) -> UUID:
        assert self.report_id is not None, "the report is filed first"
        return self.report_id

    async def reporter(self) -> Principal:
        return await self.cast.play(self.session, plan.riders()[self.planned.rider].person)

    async def reviewer(self) -> Principal:
        return await self.cast.play(self.session, people.reviewer(plan.by_code()[self.planned.community]))

    async def second_reviewer(self) -> Principal:
        """Of the street: somebody else than who accepted."""
        street = plan.by_code()[self.planned.community].parent
        return await self.cast.play(self.session, people.reviewer(plan.by_code()[street or plan.COUNTY_CODE]))

    async def worker(self) -> Principal:
        return await self.cast.play(self.session, people.worker(plan.by_code()[self.planned.community]))


async def file(life: Life, before: Kept) -> UUID:
    """The reporter sends photo, place and text; text and photo have passed the content check, but for the photo that people are to look at.

    Nobody asks WeChat for these verdicts: what the demo says and draws is harmless.
    """
    planned, session = life.planned, life.session
    reporter = await life.reporter()
    photo = await _photo(session, reporter, before)
    if not planned.doubted:
        await _judge(session, photo, Checked.PASS)
    filing = reports_service.Filing(
        category_code=planned.category, description=planned.description, upload_ids=[photo], occurred_at=None,
        location=Place.model_validate({"lng": planned.lng, "lat": planned.lat, "crs": "gcj02", "accuracy_m": 15}),
        address=plan.by_code()[planned.community].name,
    )
    filed = await reports_service.submit(session, principal=reporter, filing=filing)
    await session.flush()
    report = filed.report
    if planned.doubted:  # attached by now: whom it is to be put before is known
        await _judge(session, photo, Checked.REVIEW)
    await reports_service.judge_text(session, report_id=report.id, verdict=Checked.PASS.value, of=report.description_sealed)
    judged = {"upload_id": str(photo)}
    await jobs_service.drop(
        session, [("report.check_text", {"report_id": str(filed.report.id)}), ("upload.check", judged), ("upload.judged", judged)]
    )
    return filed.report.id


async def _photo(session: AsyncSession, who: Principal, kept: Kept) -> UUID:
    upload = await uploads_service.create(session, member_id=who.account_id, kept=kept)
    await session.flush()
    return upload.id


async def _judge(session: AsyncSession, upload_id: UUID, verdict: Checked) -> None:
    trace = f"demo-{upload_id}"
    await uploads_service.note_check(session, upload_id=upload_id, trace_id=trace)
    await uploads_service.judge(session, trace_id=trace, verdict=verdict, label=None)


async def withdraw(life: Life) -> None:
    await reports_service.withdraw(life.session, principal=await life.reporter(), report_id=life.id, seen=None)


async def reject(life: Life) -> None:
    await reports_service.reject(
        life.session, principal=await life.reviewer(), report_id=life.id, seen=None, reason_code=RejectReason.NOT_RESPONSIBLE,
        note="属于专项工程范围，已转告主管部门",
    )


async def merge(life: Life) -> None:
    assert life.into is not None
    reviewer = await life.reviewer()
    await reports_service.merge(life.session, principal=reviewer, report_id=life.id, seen=None, into_id=life.into)


async def accept(life: Life) -> None:
    await reports_service.accept(
        life.session, principal=await life.reviewer(), report_id=life.id, seen=None, category_code=None, severity=None, note="情况属实"
    )


async def dispatch(life: Life) -> None:
    worker = (await life.worker()).account_id
    await reports_service.dispatch(
        life.session, principal=await life.reviewer(), report_id=life.id, seen=None, assignee_id=worker, note="请按时限处理"
    )


async def start(life: Life) -> None:
    await reports_service.start(life.session, principal=await life.worker(), report_id=life.id, seen=None)


async def suspend(life: Life) -> None:
    """The worker asks, the reviewer agrees."""
    until = clock.now() + REST
    await reports_service.suspend(
        life.session, principal=await life.worker(), report_id=life.id, seen=None, reason="等待配件到货", until=until
    )
    await reports_service.decide_request(
        life.session, principal=await life.reviewer(), report_id=life.id, seen=None, approve=True, note="同意"
    )


async def resolve(life: Life) -> None:
    assert life.after is not None
    worker = await life.worker()
    photo = await _photo(life.session, worker, life.after)
    await _judge(life.session, photo, Checked.PASS)
    await reports_service.resolve(
        life.session, principal=worker, report_id=life.id, seen=None, note="已处理完毕", upload_ids=[photo]
    )


async def verify(life: Life) -> None:
    await reports_service.verify(
        life.session, principal=await life.second_reviewer(), report_id=life.id, seen=None, passed=True, note="现场已看"
    )


async def satisfied(life: Life) -> None:
    await _feedback(life, satisfied=True, rating=5, comment="处理得很快")


async def unsatisfied(life: Life) -> None:
    await _feedback(life, satisfied=False, rating=2, comment="没有处理干净")


async def _feedback(life: Life, *, satisfied: bool, rating: int, comment: str) -> None:
    await reports_service.feedback(
        life.session, principal=await life.reporter(), report_id=life.id, seen=None, satisfied=satisfied, rating=rating, comment=comment
    )


async def reopen(life: Life) -> None:
    reporter = await life.reporter()
    await reports_service.reopen(life.session, principal=reporter, report_id=life.id, seen=None, reason="又出现了", upload_ids=[])


Step = Callable[[Life], Awaitable[None]]
FIRST = "submitted"
HANDLED: Sequence[Step] = (accept, dispatch, start, resolve)
STEPS: Mapping[str, Sequence[Step]] = {
    "submitted": (), "withdrawn": (withdraw,), "rejected": (reject,), "merged": (merge,), "accepted": (accept,),
    "dispatched": (accept, dispatch), "in_progress": (accept, dispatch, start), "suspended": (accept, dispatch, start, suspend),
    "resolved": HANDLED, "awaiting_feedback": (*HANDLED, verify), "disputed": (*HANDLED, verify, unsatisfied),
    "closed": (*HANDLED, verify, satisfied), "reopened": (*HANDLED, verify, satisfied, reopen),
}


def has_after(outcome: str) -> bool:
    """Does a photo of the finished work belong to it?"""
    return resolve in STEPS[outcome]
