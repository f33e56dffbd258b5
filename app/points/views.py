"""Rows of the ledger as answers."""

from typing import Any

from app.auth.principal import Principal
from app.points.models import PointsProposal, PointsTransaction, ProposalStatus

REASONS = {
    "redemption_placed": "兑换冻结", "redemption_verified": "核销扣减", "redemption_undone": "撤销核销",
    "redemption_cancelled": "取消兑换",
    "redemption_expired": "兑换过期退回", "lapsed": "积分到期", "adjusted": "人工调整", "clawed_back": "收回积分",
    "account_erased": "账号注销",
}


def entry(line: PointsTransaction, titles: dict[str, str]) -> dict[str, Any]:
    """`titles`: rule code → title, for what rules gave."""
    words = REASONS.get(line.reason_code) or titles.get(line.reason_code) or line.reason_code
    return {
        "id": line.id, "kind": line.kind.value, "amount": line.amount, "held": line.held, "balance_after": line.balance_after,
        "rule_code": line.rule_code, "rule_version": line.rule_version, "reason": words, "at": line.created_at,
        "reference": {"type": line.reference_type, "id": line.reference_id, "number": line.reference_number},
    }


def proposal(row: PointsProposal, principal: Principal) -> dict[str, Any]:
    open_to_caller = row.status is ProposalStatus.PENDING and principal.account_id not in (row.maker_id, row.member_id)
    return {
        "id": row.id, "type": row.type, "status": row.status.value, "member_id": row.member_id, "amount": row.amount,
        "entry_id": row.entry_id, "maker_id": row.maker_id, "checker_id": row.checker_id, "at": row.created_at,
        "decided_at": row.decided_at, "allowed": ["approve", "reject"] if open_to_caller else [],
    }
