"""Settlements and their corrections as answers and as files."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from starlette.responses import Response

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.export import tables
from app.redemptions import queries_corrections, queries_settlements, settling, workflow, workflow_settlements
from app.redemptions.models import Settlement, SettlementCorrection, SettlementStatus
from app.redemptions.queries_months import Month
from app.redemptions.schemas_settlements import CorrectionOut, MonthOut, SettlementOut
from app.redemptions.workflow import Standing
from app.redemptions.workflow_settlements import Line
from app.stores.models import Store
from app.stores.queries_contracts import Payee

COLUMNS = ("核销时间", "兑换单号", "商品", "数量", "金额（元）", "核销编号")
WORDS = {
    SettlementStatus.OPEN: "未结算", SettlementStatus.CLOSED: "待店主确认", SettlementStatus.DISPUTED: "有异议",
    SettlementStatus.CONFIRMED: "已确认，待付款", SettlementStatus.PAID: "已付款",
}
LIFE = (
    "closed_at", "confirm_by", "confirmed_at", "paid_at", "payment_reference", "pay_by", "digest", "version",
)
Corrected = Sequence[tuple[SettlementCorrection, str | None]]


async def settlement(session: AsyncSession, principal: Principal, store: Store, month: date) -> SettlementOut:
    row = await queries_settlements.settlement(session, store_id=store.id, month=month)
    lines = await queries_settlements.lines(session, store_id=store.id, month=month, settlement=row)
    corrected = await queries_corrections.shown(session, store_id=store.id, month=month, settlement=row)
    disputes = await queries_settlements.disputes(session, settlement_id=row.id) if row else []
    today = await queries_settlements.today(session)
    standing = settling.standing(principal, store)
    taken = _taken(row, lines, [one for one, _ in corrected])
    lines_cents = sum(line.cents for line in lines)
    shown = _life(row, lines, taken) | {
        "store": {"id": store.id, "name": row.store_name if row and row.store_name else store.name}, "month": f"{month:%Y-%m}",
        "count": len(lines), "lines_cents": lines_cents, "total_cents": lines_cents + sum(one.cents for one in taken),
        "lines": [_line(line) for line in lines],
        "corrections": _corrections(principal, standing, corrected, {one.id for one in taken}),
        "disputes": [
            {
                "lines": raised.verification_ids, "reason": reason, "at": raised.created_at, "answer": reply,
                "answered_at": raised.answered_at,
            }
            for raised, reason, reply in disputes
        ],
        "allowed": allowed(row, standing, month=month, today=today),
    }
    return SettlementOut.model_validate(shown)


def allowed(row: Settlement | None, standing: Standing, *, month: date, today: date) -> list[str]:
    status = row.status if row else SettlementStatus.OPEN
    steps = workflow.settlement_allowed(
        status, standing=standing, ended=month < today.replace(day=1), late=workflow_settlements.is_late(row, today)
    )
    return [*steps, *workflow_settlements.month_allowed(status, standing, begun=month <= today)]


def correction(principal: Principal, store: Store, row: SettlementCorrection, reason: str | None) -> CorrectionOut:
    """By itself: whether the open month has room for it is told by the month."""
    (shown,) = _corrections(principal, settling.standing(principal, store), [(row, reason)], set())
    return CorrectionOut.model_validate(shown)


def months(principal: Principal, store: Store, found: Sequence[Month], today: date) -> list[MonthOut]:
    standing = settling.standing(principal, store)
    return [MonthOut.model_validate(brief(one, allowed(one.settlement, standing, month=one.month, today=today))) for one in found]


def brief(one: Month, commands: list[str]) -> dict[str, Any]:
    row = one.settlement
    return {
        "month": f"{one.month:%Y-%m}", "status": one.status, "count": one.count, "total_cents": one.total_cents,
        "confirm_by": row.confirm_by if row else None, "pay_by": row.pay_by if row else None, "version": row.version if row else None,
        "allowed": commands,
    }


def settlement_file(shown: SettlementOut, format: str, payee: Payee | None) -> Response:
    """All that a store needs of its month as a download: the lines and what they come to, the corrections, then on what terms it is paid.

    The same state of a closed month gives the same bytes, whatever its store or rewards are called by now. `payee`: with the whole
    account. Blocks for the length of the work: call it in a thread.
    """
    rows: list[tuple[tables.Cell, ...]] = [
        (line.verified_at, line.number, line.reward.name, line.quantity, tables.yuan(line.cents), str(line.verification_id))
        for line in shown.lines
    ]
    rows.append(("核销合计", None, None, sum(line.quantity for line in shown.lines), tables.yuan(shown.lines_cents), None))
    rows += [
        ("更正", one.of_month, one.reason, None, tables.yuan(one.cents), str(one.id)) for one in shown.corrections if one.included
    ]
    rows.append(("应付合计", None, None, None, tables.yuan(shown.total_cents), None))
    rows += [(label, None, value, None, None, None) for label, value in _details(shown, payee)]
    mark = "（未结算）" if shown.status is SettlementStatus.OPEN else ""
    title = f"{shown.store.name} {shown.month} 结算单{mark}"
    return tables.render(format, title=title, columns=COLUMNS, rows=rows, name=f"settlement-{shown.month}")


def _details(shown: SettlementOut, payee: Payee | None) -> list[tuple[str, tables.Cell]]:
    terms, head = shown.contract, shown.head
    told: list[tuple[str, tables.Cell]] = [
        ("商家", shown.store.name), ("月份", shown.month), ("状态", WORDS[shown.status]), ("关账时间", shown.closed_at),
        ("确认时间", shown.confirmed_at), ("最迟付款日", shown.pay_by), ("付款时间", shown.paid_at), ("付款凭证", shown.payment_reference),
    ]
    if terms is not None:
        told += [("合同编号", terms.number), ("收款方", terms.payee_name)]
        told += [("收款账号", payee.bank_account if payee else f"尾号 {terms.account_last4}")]
        told += [("开户行", payee.bank_name)] if payee else []
    if head is not None:
        told += [("日链末日", head.day), ("日链摘要", head.head)]
    return [*told, ("结算摘要", shown.digest)]


def _taken(row: Settlement | None, lines: Sequence[Line], corrections: Sequence[SettlementCorrection]) -> list[SettlementCorrection]:
    """The corrections that stand in the month's total: those that its closing took, or would take if it came now."""
    if row is not None:
        return list(corrections)
    return workflow_settlements.fitting(sum(line.cents for line in lines), workflow_settlements.approved(corrections))


def _life(row: Settlement | None, lines: Sequence[Line], taken: Sequence[SettlementCorrection]) -> dict[str, Any]:
    told = {name: getattr(row, name, None) for name in LIFE}
    if row is None:
        return told | {
            "status": SettlementStatus.OPEN, "confirmed_by_silence": False, "contract": None, "head": None, "intact": None,
        }
    terms = None if row.contract_id is None else {
        "contract_id": row.contract_id, "number": row.contract_number, "payee_name": row.payee_name, "account_last4": row.account_last4,
        "pay_within_days": row.pay_within_days,
    }
    return told | {
        "status": row.status, "confirmed_by_silence": row.confirmed_by_silence, "contract": terms,
        "head": None if row.head is None else {"day": row.head_day, "head": row.head},
        "intact": None if row.digest is None else row.digest == workflow_settlements.digest(row, lines, taken),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "verification_id": line.verification_id, "redemption_id": line.redemption_id, "number": line.number,
        "reward": {"id": line.reward_id, "name": line.reward_name}, "quantity": line.quantity, "cents": line.cents,
        "verified_at": line.verified_at,
    }


def _corrections(principal: Principal, standing: Standing, corrected: Corrected, taken: Collection[UUID]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id, "month": f"{one.month:%Y-%m}", "cents": one.cents, "verification_id": one.verification_id,
            "of_month": f"{one.of_month:%Y-%m}" if one.of_month else None, "reason": reason, "status": one.status,
            "included": one.id in taken, "proposed_at": one.created_at, "decided_at": one.decided_at, "version": one.version,
            "allowed": workflow_settlements.correction_allowed(one, principal, standing),
        }
        for one, reason in corrected
    ]
