"""Changes by hand: one person proposes with a reason and a proof, another decides.

Lock order: proposal, for an adjustment its maker, then the member's balance.
"""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Conflict, Forbidden, InvalidTransition, NotFound
from app.members import queries as members_queries
from app.members import service as members_service
from app.messages import service as messages_service
from app.points import caps, ledger, queries, queries_proposals, service, workflow_conditions
from app.points.ledger import Cause, Reference
from app.points.models import Kind, PointsProposal, PointsTransaction, ProposalStatus
from app.points.service import noting
from app.points.workflow_conditions import About
from app.security import throttles
from app.uploads import service as uploads_service

ADJUSTMENT, CLAWBACK = "adjustment", "clawback"


async def propose_adjustment(
    session: AsyncSession, *, principal: Principal, member_id: UUID, amount: int, reason: str, upload_id: UUID
) -> PointsProposal:
    """Asks for points to be given or taken.

    Raises NotFound for a person outside the caller's areas, Forbidden for oneself, UploadAlreadyUsed, LimitReached.
    """
    area_path = await _area_of(session, principal, member_id)
    proposal = await propose(
        session, principal, type=ADJUSTMENT, member_id=member_id, area_path=area_path, amount=amount, reason=reason, upload_id=upload_id
    )
    await caps.require_room(session, proposal)
    return proposal


async def propose_clawback(
    session: AsyncSession, *, principal: Principal, entry_id: UUID, reason: str, upload_id: UUID
) -> PointsProposal:
    """Asks for exactly one earned line to be taken back.

    Raises NotFound, Conflict for a line that was not earned, AlreadyExists while another proposal for it is open or approved.
    """
    line = await queries_proposals.earned_line(session, principal=principal, entry_id=entry_id)
    area_path = await _area_of(session, principal, line.member_id)
    if line.kind is not Kind.EARN:
        raise Conflict("只能收回一笔获得的积分")
    await throttles.hold(session, f"points.clawback:{entry_id}")  # nobody may lock a row of history: who asks second hears of the first
    if await queries_proposals.clawback_of(session, entry_id=entry_id) is not None:
        raise AlreadyExists("这笔积分已申请收回")
    return await propose(
        session, principal, type=CLAWBACK, member_id=line.member_id, area_path=area_path, amount=-line.amount, reason=reason,
        upload_id=upload_id, entry_id=entry_id,
    )


async def approve(session: AsyncSession, *, principal: Principal, proposal_id: UUID, type: str) -> PointsProposal:
    """Carries a proposal out.

    Raises NotFound, Forbidden for whoever made it or is its subject, InvalidTransition when decided, LimitReached for an adjustment whose
    caps were narrowed meanwhile, Conflict when the account is erased.
    """
    proposal = await _decidable(session, principal, proposal_id, type)
    proposal.transaction_id = await _carry_out(session, principal, proposal)
    await decide(session, principal, proposal, ProposalStatus.APPROVED)
    words = "增加" if proposal.amount > 0 else "扣减"
    await messages_service.send(
        session, member_id=proposal.member_id, category="points", title="积分变动", body=f"您的积分已{words} {abs(proposal.amount)} 分",
        path="pages/points/index", reference=("points_entry", proposal.transaction_id, None),
    )
    return proposal


async def reject(session: AsyncSession, *, principal: Principal, proposal_id: UUID, type: str) -> PointsProposal:
    """Drops a proposal. Raises what `approve` raises."""
    proposal = await _decidable(session, principal, proposal_id, type)
    await decide(session, principal, proposal, ProposalStatus.REJECTED)
    return proposal


async def _area_of(session: AsyncSession, principal: Principal, member_id: UUID) -> str:
    area = (
        await members_queries.area_of(session, member_id=member_id) if await members_queries.person(session, member_id=member_id) else None
    )
    if area is None or not principal.covers(area[1], Role.AREA_ADMIN):
        raise NotFound
    if member_id == principal.account_id:
        raise Forbidden("不能为自己调整积分")
    return area[1]


async def propose(
    session: AsyncSession, principal: Principal, *, type: str, member_id: UUID, area_path: str, amount: int, reason: str, upload_id: UUID,
    **facts: Any,
) -> PointsProposal:
    """Writes a proposal down, with its reason and its proof. Raises UploadAlreadyUsed. `facts`: the columns of its type alone."""
    await acting.work_on(session, member_id, Reason.NOTE)
    await members_service.ensure(session, member_id=member_id)
    reason_id = await noting.note(session, member_id=member_id, text=reason)
    proposal = PointsProposal(
        type=type, member_id=member_id, area_path=area_path, amount=amount, reason_id=reason_id, upload_id=upload_id,
        maker_id=principal.account_id, **facts,
    )
    session.add(proposal)
    await uploads_service.attach(
        session, upload_ids=[upload_id], member_id=principal.account_id, kind=type, owner_id=proposal.id
    )
    audit_service.record(
        session, f"points.propose_{type}", object_kind="points_proposal", object_id=proposal.id, area_path=_trail(proposal),
        member_id=str(member_id), amount=amount,
    )
    await session.flush()
    return proposal


async def _decidable(session: AsyncSession, principal: Principal, proposal_id: UUID, type: str) -> PointsProposal:
    proposal = await queries_proposals.access_proposal(session, principal=principal, proposal_id=proposal_id, type=type)
    if principal.account_id in (proposal.maker_id, proposal.member_id):
        raise Forbidden("须由另一人审批")
    if proposal.status is not ProposalStatus.PENDING:
        raise InvalidTransition(state=proposal.status, allowed=[])
    return proposal


async def _carry_out(session: AsyncSession, principal: Principal, proposal: PointsProposal) -> UUID:
    reference = Reference(f"points_{proposal.type}", proposal.id)
    if proposal.type == ADJUSTMENT:
        await caps.require_room(session, proposal)
    balance = await ledger.lock(session, proposal.member_id)
    if await queries.is_erased(session, member_id=proposal.member_id):
        raise Conflict("该账号已注销，积分已结清")
    if proposal.type == CLAWBACK:
        line = await session.get_one(PointsTransaction, proposal.entry_id)
        cause = Cause("clawed_back", line.rule_code, line.rule_version, actor_id=principal.account_id, reverses_id=line.id)
        lot = await queries_proposals.lot_of(session, transaction_id=line.id)
        return await service.take_back(
            session, proposal.member_id, -proposal.amount, kind=Kind.REVERSE, reference=reference, cause=cause, first_lot=lot
        )
    cause = Cause("adjusted", actor_id=principal.account_id)
    if proposal.amount > 0:
        return await service.credit(
            session, proposal.member_id, balance, proposal.amount, kind=Kind.ADJUST, reference=reference, cause=cause
        )
    return await service.take_back(
        session, proposal.member_id, -proposal.amount, kind=Kind.ADJUST, reference=reference, cause=cause
    )


async def decide(session: AsyncSession, principal: Principal, proposal: PointsProposal, status: ProposalStatus) -> None:
    """Writes the decision. Status and checker change together: a CHECK ties them."""
    await session.exec(
        sa.update(PointsProposal)
        .where(col(PointsProposal.id) == proposal.id)
        .values(
            status=status, checker_id=principal.account_id, decided_at=sa.func.clock_timestamp(), transaction_id=proposal.transaction_id
        )
        .execution_options(synchronize_session=False)
    )
    await session.refresh(proposal)
    audit_service.record(
        session, f"points.{status}_{proposal.type}", object_kind="points_proposal", object_id=proposal.id, area_path=_trail(proposal),
        member_id=str(proposal.member_id), amount=proposal.amount,
    )


def _trail(proposal: PointsProposal) -> str | None:
    return workflow_conditions.trail_area(About.ORGANISATION if proposal.organisation_id else None, proposal.area_path)
