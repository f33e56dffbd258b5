"""Refusals of the ledger."""

from app.errors import AppError, Busy

RETRY_AFTER_S = 600  # people lift a freeze: nobody need ask every second


class InsufficientPoints(AppError):
    status, code, title, detail, remembered = 409, "insufficient_points", "Not enough points", "积分不足", True
    fact_names = ("available", "needed")


class RedemptionFrozen(Busy):
    """The books of an area do not balance: nothing is ordered or verified there until somebody has looked. Not remembered for a key."""

    detail = "该区域积分核对中，兑换暂停，请稍后再试"

    def __init__(self) -> None:
        AppError.__init__(self, retry_after=RETRY_AFTER_S)
