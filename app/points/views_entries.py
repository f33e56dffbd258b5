"""Lines of the ledger as the member reads them: a plain sentence says why each point came or went."""

from datetime import date, datetime, timedelta
from typing import Any

from app import clock
from app.points import views
from app.points.models import Kind
from app.points.queries_lines import Line, Touched

SOURCES = {"report": "上报", "checkin": "双报到", "redemption": "兑换单"}
DAY = "%Y年%m月%d日"


def entry(line: Line, touched: Touched) -> dict[str, Any]:
    return {
        "id": line.id, "kind": line.kind.value, "amount": line.amount, "held": line.held, "balance_after": line.balance_after,
        "rule_code": line.rule_code, "rule_version": line.rule_version, "reason": reason(line, touched), "at": line.created_at,
        "reference": {"type": line.reference_type, "id": line.reference_id, "number": line.reference_number},
        "expires": [{"amount": amount, "on": on} for amount, on in touched.opened], "debt_settled": touched.settled,
    }


def reason(line: Line, touched: Touched) -> str:
    """Why; then what a debt took or became; then the words of whoever asked for it, until an erasure empties them."""
    parts = [_why(line, touched)]
    if line.withheld:
        kept_back = views.withheld_sentence(line.withheld_reason, line.withheld_cap, line.rule_code)
        parts.append(f"另有 {line.withheld} 分未计入（{kept_back}）")
    if touched.settled:
        parts.append(f"其中 {touched.settled} 分先抵扣欠分")
    if touched.owed:
        parts.append(f"其中 {touched.owed} 分余额不足，记为欠分，由以后的积分抵扣")
    if line.words:
        parts.append(f"说明：{line.words}")
    return "；".join(parts)


def _why(line: Line, touched: Touched) -> str:
    points, order = abs(line.amount or line.held), f"兑换单 {line.reference_number}"
    plain = {
        "redemption_placed": f"{order} 已下单，冻结 {points} 分",
        "redemption_verified": f"{order} 已核销，使用冻结的 {points} 分",
        "redemption_undone": f"{order} 的核销已撤销，{points} 分恢复冻结",
        "redemption_cancelled": f"{order} 已取消，退回 {points} 分",
        "redemption_expired": f"{order} 已过期，退回 {points} 分",
        "account_erased": "账号注销，积分结清",
    }
    if line.reason_code == "lapsed":
        return _lapsed(line, touched)
    if line.reason_code == "clawed_back" and line.taken_from is not None:
        source = _named(line.taken_type, line.taken_number)
        return f"收回 {clock.local_day(line.taken_from).strftime(DAY)} 的一笔积分：{line.title or line.rule_code}{source}，{points} 分"
    if line.rule_code is not None:
        what = "获得" if line.kind is Kind.EARN else "扣减"
        source = _named(line.reference_type, line.reference_number)
        return f"{line.title or line.rule_code}{source}，按积分规则第 {line.rule_version} 版{what} {points} 分"
    return plain.get(line.reason_code) or f"人工调整，{'增加' if line.amount > 0 else '扣减'} {points} 分"


def _lapsed(line: Line, touched: Touched) -> str:
    """Its number is the last day of the lots; lines of earlier releases have the day on which they lapsed instead."""
    written = clock.local_day(line.created_at)
    last_day = min(date.fromisoformat(line.reference_number or written.isoformat()), written - timedelta(days=1))
    came = _span(touched.first, touched.last)
    return f"{-line.amount} 分已到期失效：{came}获得的 {touched.lots} 批积分，最后可用日是 {last_day.strftime(DAY)}"


def _span(first: datetime | None, last: datetime | None) -> str:
    days = sorted({clock.local_day(one) for one in (first, last) if one is not None})
    return "至".join(day.strftime(DAY) for day in days)


def _named(kind: str | None, number: str | None) -> str:
    return f"（{SOURCES.get(kind or '', '编号')} {number}）" if number else ""
