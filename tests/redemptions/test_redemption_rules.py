"""The pure rules: when codes end, what a settlement takes from whom, when an undo is over."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from app.errors import Forbidden, InvalidTransition
from app.redemptions import workflow
from app.redemptions.models import SettlementStatus
from app.redemptions.workflow import Standing
from app.rewards import workflow as rewards_workflow
from app.rewards.models import LimitPeriod

OWNER, ADMIN = Standing(owner=True, administrator=False), Standing(owner=False, administrator=True)
ADMIN_WITH_A_SHOP = Standing(owner=True, administrator=True)  # gives what an owner gives, and nothing else for the own shop


@pytest.mark.parametrize(
    ("now", "days", "expected"),
    [
        (datetime(2026, 11, 22, 15, 59, tzinfo=UTC), 1, datetime(2026, 11, 23, 16, tzinfo=UTC)),  # 23:59 in Shanghai
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), 1, datetime(2026, 11, 24, 16, tzinfo=UTC)),  # the next local day has begun
        (datetime(2026, 12, 31, 8, 0, tzinfo=UTC), 30, datetime(2027, 1, 30, 16, tzinfo=UTC)),
    ],
)
def test_a_code_works_to_the_end_of_its_last_local_day(now: datetime, days: int, expected: datetime) -> None:
    assert workflow.expiry(now, days) == expected


def test_limits_count_from_the_beginning_of_the_local_period() -> None:
    now = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)  # 1 January in Shanghai
    begun = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)
    assert {rewards_workflow.counted_since(period, now) for period in (LimitPeriod.DAY, LimitPeriod.MONTH, LimitPeriod.YEAR)} == {begun}
    assert rewards_workflow.counted_since(LimitPeriod.EVER, now) is None


def test_an_undo_is_possible_for_half_an_hour_once_and_before_the_settlement() -> None:
    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    last = at + timedelta(minutes=30)
    assert workflow.undoable(at, now=last, undone=False, settled=False)
    assert not workflow.undoable(at, now=last + timedelta(microseconds=1), undone=False, settled=False)
    assert not workflow.undoable(at, now=at, undone=True, settled=False)
    assert not workflow.undoable(at, now=at, undone=False, settled=True)


STEPS = {
    ("close", "open"): "closed", ("confirm", "closed"): "confirmed", ("dispute", "closed"): "disputed",
    ("answer", "disputed"): "closed", ("pay", "confirmed"): "paid",
}
BY_OWNER = {"confirm", "dispute"}


@pytest.mark.parametrize(("name", "status", "who"), list(product(workflow.SETTLEMENT, SettlementStatus, (OWNER, ADMIN, ADMIN_WITH_A_SHOP))))
def test_every_settlement_command_in_every_state_by_everybody(name: str, status: SettlementStatus, who: Standing) -> None:
    if who.owner is not (name in BY_OWNER):
        with pytest.raises(Forbidden):
            workflow.require_settlement(name, status, standing=who, ended=True)
    elif (name, status.value) in STEPS:
        workflow.require_settlement(name, status, standing=who, ended=True)
        assert workflow.SETTLEMENT[name].end == STEPS[name, status.value]
    else:
        with pytest.raises(InvalidTransition):
            workflow.require_settlement(name, status, standing=who, ended=True)


def test_a_running_month_is_not_closed() -> None:
    assert workflow.settlement_allowed(SettlementStatus.OPEN, standing=ADMIN, ended=False) == []
    with pytest.raises(InvalidTransition):
        workflow.require_settlement("close", SettlementStatus.OPEN, standing=ADMIN, ended=False)
