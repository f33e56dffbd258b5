"""Pure: how a due time came about, in plain Chinese, line by line, for whoever waits for it or is held to it."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise

from app import clock
from app.reports import reckoning
from app.reports.models_clocks import ReportClock
from app.reports.reckoning import NOTHING, Ruler, Step, Turn
from app.reports.words import Stage, Status
from app.reports.workflow import Clock
from app.workdays import workflow as workdays
from app.workdays.workflow import MINUTE, Calendar

DAY = timedelta(days=1)
WEEKEND, MADE_UP = "周末", "调休上班"
BEGAN: Mapping[Status, str] = {
    Status.SUBMITTED: "提交", Status.ACCEPTED: "受理", Status.REOPENED: "重新打开", Status.DISPATCHED: "派单", Status.IN_PROGRESS: "返工",
    Status.RESOLVED: "处置完成", Status.AWAITING_FEEDBACK: "核查通过", Status.DISPUTED: "评价不满意",
}
DONE: Mapping[Stage, str] = {
    Stage.REVIEW: "审核", Stage.DISPATCH: "派单", Stage.HANDLE: "完成处置", Stage.VERIFY: "核查", Stage.FEEDBACK: "评价",
    Stage.DECIDE: "研判",
}


def explain(run: ReportClock, rule: Ruler, *, after: Stage | None = None) -> list[str]:
    """The lines of one run; `after` is the stage of the run before, by which a report that was sent back is known."""
    told = reckoning.steps(run, rule)
    lines = [_start(run, rule, told[0], after)]
    lines += [_line(run, rule, step, before) for before, step in pairwise(told)]
    if told[-1].due != run.due_at:
        lines.append(f"按当时有效的日历，应于 {_at(run.due_at)} 前{DONE[run.stage]}")
    if run.ended_at is not None:
        lines.append(_end(run, rule, run.ended_at))
    return lines


def _start(run: ReportClock, rule: Ruler, step: Step, after: Stage | None) -> str:
    if "adopted" in run.limit:
        return f"{_at(step.at)} 起计，早于逐段计时的启用，沿用原定时限：{_due(run, step.due)}"
    began = "退单" if after is Stage.HANDLE and run.state is Status.ACCEPTED else BEGAN.get(run.state, "进入该环节")
    return _joined(f"{_at(step.at)} {began}，按 {_limit(run, rule)}计算", _days(rule, step.at, step.due), _due(run, step.due))


def _line(run: ReportClock, rule: Ruler, step: Step, before: Step) -> str:
    asked = "同意申请，" if step.by_request else ""
    if step.turn is Turn.PAUSE:
        return f"{_at(step.at)} {asked}挂账，停止计时，{_left(rule, step.at, step.due)}"
    if step.turn is Turn.EXTEND:
        return f"{_at(step.at)} {asked}延期，{_due(run, step.due)}" + ("（挂账期间仍不计时）" if step.paused_at else "")
    if step.due == before.due and before.paused_at is not None and before.due <= before.paused_at:
        return f"{_at(step.at)} 恢复，挂账前已超过时限，时限不变：{_due(run, step.due)}"
    left = _length(rule, rule.between(before.paused_at or step.at, before.due))
    return _joined(f"{_at(step.at)} 恢复计时，余下 {left}接着算", _days(rule, step.at, step.due), _due(run, step.due))


def _end(run: ReportClock, rule: Ruler, at: datetime) -> str:
    if run.stage is Stage.FEEDBACK or run.in_time is None:
        return f"{_at(at)} 该环节结束"
    over = _length(rule, rule.between(run.due_at, at))
    return f"{_at(at)} 该环节结束，" + ("在时限内" if run.in_time else f"超过时限 {over}".rstrip())


def _left(rule: Ruler, at: datetime, due: datetime) -> str:
    return f"尚余 {_length(rule, rule.between(at, due))}".rstrip() if due > at else "此时已超过时限"


def _limit(run: ReportClock, rule: Ruler) -> str:
    days: int = run.limit["days"]
    if not days:
        return _length(rule, reckoning.length(run.limit))
    return f"{days} 个工作日（每日 8 小时）" if rule.clock is Clock.WORKING else f"{days} 个自然日"


def _length(rule: Ruler, length: timedelta) -> str:
    """Whole hours as such, anything else in minutes; time of the calendar runs by day and night."""
    if NOTHING < length < MINUTE:
        return "不足 1 分钟"
    hours, rest = divmod(length // MINUTE, 60)
    if rule.clock is Clock.WORKING:
        return f"{hours} 个工作小时" if hours and not rest else f"{length // MINUTE} 个工作分钟"
    return (f"{hours} 小时" if hours and not rest else f"{length // MINUTE} 分钟") + "（昼夜连续）"


def _days(rule: Ruler, start: datetime, due: datetime) -> str:
    """The days on the way that do not count, and the weekend days that do."""
    if rule.clock is not Clock.WORKING:
        return ""
    first = clock.local_day(start)
    span = [first + number * DAY for number in range((clock.local_day(due) - first).days + 1)]
    spans: dict[str, list[str]] = {}
    for why, days in groupby(span, key=lambda day: _why(rule.calendar, day)):
        if why:
            spans.setdefault(why, []).append(_span(list(days)))
    return "；".join(
        "、".join(found) + (f" {MADE_UP}，照常计时" if why == MADE_UP else f" 为{why}不计") for why, found in spans.items()
    )


def _why(calendar: Calendar, day: date) -> str | None:
    """What makes a day special here; None for an ordinary working day."""
    if calendar(day):
        return None if workdays.weekday_rule(day) else MADE_UP
    return calendar.note(day) or (WEEKEND if not workdays.weekday_rule(day) else "休息日")


def _span(days: list[date]) -> str:
    if len(days) > 2:
        return f"{days[0]:%m-%d} 至 {days[-1]:%m-%d}"
    return "、".join(f"{day:%m-%d}" for day in days)


def _due(run: ReportClock, due: datetime) -> str:
    return f"应于 {_at(due)} 前{DONE[run.stage]}"


def _joined(*parts: str) -> str:
    return "；".join(part for part in parts if part)


def _at(instant: datetime) -> str:
    return f"{clock.local(instant):%Y-%m-%d %H:%M}"
