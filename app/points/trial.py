"""A changed rule tried on awards that were really judged. Nothing is written."""

from datetime import date, timedelta
from typing import Any

from app import clock
from app.auth.principal import Principal
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import Conflict, ValidationFailed
from app.points import queries_caps, queries_rules, queries_trial, rules
from app.points.models_rules import CapCode
from app.points.queries_trial import Span
from app.points.replay import Trial
from app.points.schemas_rules import DryRunIn

MOST_EVENTS = 100_000  # four quarters of the busiest county; some seconds of work
MOST_DAYS = 366


async def dry_run(session: AsyncSession, *, principal: Principal, code: str, told: DryRunIn) -> dict[str, Any]:
    """Raises what a change raises; ValidationFailed for days that are no span, Conflict for a rule that takes and for too many awards.

    What a condition kept back stays so: whether a place was right or a second reviewer agreed is not in the figures.
    """
    rule = await rules.draft(session, principal=principal, code=code, told=told)
    if rule.points < 0:
        raise Conflict("扣分规则不能试算")
    span = Span(code, *_days(told), rule.area_path)
    await acting.as_service(session, Reason.FIGURES)
    found = await queries_trial.members(session, span)
    events = sum(row.events for row in found)
    if events > MOST_EVENTS:
        raise Conflict(f"该时段有 {events} 笔奖励，一次最多试算 {MOST_EVENTS} 笔，请缩短时段或缩小区域", events=events, most=MOST_EVENTS)
    versions = await queries_rules.versions(session, code=code)
    trial = Trial(rule, await queries_caps.all_versions(session, code=CapCode.GLOBAL), versions)
    figures = {one.version: one.points for one in versions}
    for lot in queries_trial.batches(found):
        for others, judged in await queries_trial.turns(session, span, lot, figures):
            trial.member(others, judged)
    tally = trial.tally
    return {
        "code": code, "first": span.first, "last": span.last, "unplaced": sum(row.unplaced for row in found),
        "by_reason": [{"code": one, "events": count, "points": tally.points[one]} for one, count in sorted(tally.reasons.items())],
    } | {name: getattr(tally, name) for name in TOTALS}


TOTALS = ("events", "members", "unchanged", "credited_now", "credited_then", "withheld_now", "withheld_then")


def _days(told: DryRunIn) -> tuple[date, date]:
    if told.first is None and told.last is None:
        return last_quarter(clock.today())
    if told.first is None or told.last is None or not 0 <= (told.last - told.first).days < MOST_DAYS:
        raise ValidationFailed.of("body", "from", msg=f"起止日期须同时填写，且不超过 {MOST_DAYS} 天", kind="span")
    return told.first, told.last


def last_quarter(today: date) -> tuple[date, date]:
    """The first and the last day of the quarter that ended last."""
    first = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    last = first - timedelta(days=1)
    return date(last.year, last.month - 2, 1), last
