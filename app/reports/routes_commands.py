"""The commands on a report (contract, "Reports"): each answers the report as its caller sees it afterwards.

Each endpoint has its command's name: by it the published table finds what the command's body is called.
"""

from uuid import UUID

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import IfMatch, Session, SignedIn
from app.reports import service, views
from app.reports.answers import ReportOut
from app.reports.schemas import (
    AcceptIn,
    DecideIn,
    DispatchIn,
    ExtendIn,
    FeedbackIn,
    MergeIn,
    Nothing,
    ReasonIn,
    RejectIn,
    ReopenIn,
    ReportPatch,
    RequestAnswerIn,
    ResolveIn,
    SecondLookIn,
    SuspendIn,
    TransferIn,
    VerifyIn,
)

router = routing.router("/reports", tag="上报")


@router.post("/{report_id}/join", summary="加入同一问题")
async def join(report_id: UUID, principal: SignedIn, session: Session, body: Nothing | None = None) -> ReportOut:
    await service.join(session, principal=principal, report_id=report_id)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/withdraw", summary="撤回")
async def withdraw(report_id: UUID, principal: SignedIn, session: Session, if_match: IfMatch, body: Nothing | None = None) -> ReportOut:
    await service.withdraw(session, principal=principal, report_id=report_id, seen=if_match)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/accept", summary="受理（立案）")
async def accept(report_id: UUID, body: AcceptIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.accept(
        session, principal=principal, report_id=report_id, seen=if_match, category_code=body.category_code, severity=body.severity,
        note=body.note,
    )
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/reject", summary="不予受理")
async def reject(report_id: UUID, body: RejectIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.reject(session, principal=principal, report_id=report_id, seen=if_match, reason_code=body.reason_code, note=body.note)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/merge", summary="合并到另一上报")
async def merge(report_id: UUID, body: MergeIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.merge(session, principal=principal, report_id=report_id, seen=if_match, into_id=body.into_id)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/unmerge", summary="取消合并")
async def unmerge(report_id: UUID, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.unmerge(session, principal=principal, report_id=report_id, seen=if_match, reason=body.reason)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/dispatch", summary="派单")
async def dispatch(report_id: UUID, body: DispatchIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.dispatch(
        session, principal=principal, report_id=report_id, seen=if_match, assignee_id=body.assignee_account_id, note=body.note
    )
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/send-back", summary="退单")
async def send_back(report_id: UUID, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.send_back(session, principal=principal, report_id=report_id, seen=if_match, reason=body.reason)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/start", summary="开始处理")
async def start(report_id: UUID, principal: SignedIn, session: Session, if_match: IfMatch, body: Nothing | None = None) -> ReportOut:
    await service.start(session, principal=principal, report_id=report_id, seen=if_match)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/suspend", summary="挂账（处理人申请，审核员直接生效）")
async def suspend(report_id: UUID, body: SuspendIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.suspend(session, principal=principal, report_id=report_id, seen=if_match, reason=body.reason, until=body.until)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/resume", summary="恢复")
async def resume(report_id: UUID, principal: SignedIn, session: Session, if_match: IfMatch, body: Nothing | None = None) -> ReportOut:
    await service.resume(session, principal=principal, report_id=report_id, seen=if_match)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/extend", summary="延期（处理人申请，审核员直接生效）")
async def extend(report_id: UUID, body: ExtendIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.extend(session, principal=principal, report_id=report_id, seen=if_match, until=body.until, reason=body.reason)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/decide-request", summary="答复挂账或延期申请")
async def decide_request(report_id: UUID, body: RequestAnswerIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.decide_request(session, principal=principal, report_id=report_id, seen=if_match, approve=body.approve, note=body.note)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/resolve", summary="处置完成")
async def resolve(report_id: UUID, body: ResolveIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.resolve(session, principal=principal, report_id=report_id, seen=if_match, note=body.note, upload_ids=body.upload_ids)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/verify", summary="核查")
async def verify(report_id: UUID, body: VerifyIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.verify(session, principal=principal, report_id=report_id, seen=if_match, passed=body.passed, note=body.note)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/feedback", summary="评价")
async def feedback(report_id: UUID, body: FeedbackIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.feedback(
        session, principal=principal, report_id=report_id, seen=if_match, satisfied=body.satisfied, rating=body.rating, comment=body.comment
    )
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/decide", summary="研判不满意的评价")
async def decide(report_id: UUID, body: DecideIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.decide(session, principal=principal, report_id=report_id, seen=if_match, rework=body.rework, note=body.note)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/reopen", summary="重新打开")
async def reopen(report_id: UUID, body: ReopenIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.reopen(session, principal=principal, report_id=report_id, seen=if_match, reason=body.reason, upload_ids=body.upload_ids)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.patch("/{report_id}", summary="补充或更正上报（受理前）")
@policy(phone=True)
async def amend(report_id: UUID, body: ReportPatch, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    changes = {name: getattr(body, name) for name in body.model_fields_set}
    await service.amend(session, principal=principal, report_id=report_id, seen=if_match, changes=changes)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/transfer", summary="转交其他街道、社区或网格")
async def transfer(report_id: UUID, body: TransferIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.transfer(
        session, principal=principal, report_id=report_id, seen=if_match, area_id=body.area_id, reason=body.reason
    )
    return ReportOut.model_validate(await views.handed_over(session, principal, report_id))


@router.post("/{report_id}/escalate", summary="上报上级")
async def escalate(report_id: UUID, body: ReasonIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.escalate(session, principal=principal, report_id=report_id, seen=if_match, reason=body.reason)
    return ReportOut.model_validate(await views.one(session, principal, report_id))


@router.post("/{report_id}/second-look", summary="复核抽中的核查")
async def second_look(report_id: UUID, body: SecondLookIn, principal: SignedIn, session: Session, if_match: IfMatch) -> ReportOut:
    await service.second_look(session, principal=principal, report_id=report_id, seen=if_match, passed=body.passed, note=body.note)
    return ReportOut.model_validate(await views.one(session, principal, report_id))
