"""Rows of the ledger as answers."""

from collections.abc import Sequence
from typing import Any

from app.auth.principal import Principal
from app.points.models import PointsProposal, ProposalStatus

# Why a part of an award, or all of it, was not credited. {cap} is the figure of the cap, {unit} what the rule counts.
WITHHELD = {
    "day_cap": "当日同类积分已达 {cap} {unit}上限",
    "week_cap": "本周同类积分已达 {cap} {unit}上限",
    "month_cap": "当月同类积分已达 {cap} {unit}上限",
    "year_cap": "当年同类积分已达 {cap} {unit}上限",
    "global_day_cap": "当日各项积分合计已达 {cap} 分上限",
    "global_month_cap": "当月各项积分合计已达 {cap} 分上限",
    "global_year_cap": "当年各项积分合计已达 {cap} 分上限",
    "once_per_lesson": "同一课程只计一次积分",
    "once_per_lesson_year": "同一课程每年只计一次积分",
    "once_per_community": "同一社区只计一次积分",
    "once_per_community_year": "同一社区每年只计一次积分",
    "no_rule": "当日没有生效的积分规则",
    "account_erased": "账号已注销，积分已结清",
    "earning_stop": "积分暂停期间，本次不计分",
    "second_reviewer": "待另一位审核员确认后计分",
    "second_reviewer_refused": "未获另一位审核员确认，不计分",
}
PERSONAL = {"earning_stop", "account_erased"}
UNITS = {"VOLUNTEER_HOUR": "小时"}  # what a rule counts, where it is not how often


def withheld_sentence(reason: str, cap: int | None, rule_code: str | None = None) -> str:
    """`reason` and `cap` as an award keeps them. Days, weeks and years are those of the filing."""
    return WITHHELD.get(reason, "按规则未计入积分").format(cap=cap, unit=UNITS.get(rule_code or "", "次"))


def outcome(rows: Sequence[Any], *, own: bool) -> dict[str, Any] | None:
    """Rows of `queries_awards` about one source as one: what was credited, and why the rest was not, by the latest reason.

    Others than the person (`own` false) do not read in it whether that person's earning is stopped.
    """
    if not rows:
        return None
    last = next((row for row in reversed(rows) if row.reason), None)
    code = None if last is None else last.reason if own or last.reason not in PERSONAL else "other"
    return {
        "credited": sum(row.credited for row in rows), "withheld": sum(row.withheld for row in rows), "code": code,
        "reason": None if last is None or code is None else withheld_sentence(code, last.cap, last.rule_code),
    }


def proposal(row: PointsProposal, principal: Principal) -> dict[str, Any]:
    open_to_caller = row.status is ProposalStatus.PENDING and principal.account_id not in (row.maker_id, row.member_id)
    return {
        "id": row.id, "type": row.type, "status": row.status.value, "member_id": row.member_id, "amount": row.amount,
        "entry_id": row.entry_id, "maker_id": row.maker_id, "checker_id": row.checker_id, "at": row.created_at,
        "decided_at": row.decided_at, "allowed": ["approve", "reject"] if open_to_caller else [],
    }
