"""Refusals at the till and around orders."""

from app.errors import AppError, CodeNotFound, TicketExpired

__all__ = [
    "AlreadyUndone", "AlreadyVerified", "CodeNotFound", "ConfirmationRequired", "RedemptionCancelled", "RedemptionExpired",
    "TicketExpired", "UndoTooLate",
]


class AlreadyVerified(AppError):
    status, code, title, detail, remembered = 409, "already_verified", "Already verified", "该兑换码已核销", True
    fact_names = ("verified_at", "by_you", "store_name")


class RedemptionCancelled(AppError):
    status, code, title, detail, remembered = 409, "redemption_cancelled", "Order cancelled", "该兑换单已取消", True


class RedemptionExpired(AppError):
    status, code, title, detail, remembered = 410, "redemption_expired", "Order expired", "该兑换单已过期", True
    fact_names = ("expires_at",)


class ConfirmationRequired(AppError):
    status, code, title, detail, remembered = 409, "confirmation_required", "The rider must confirm", "请顾客先在小程序中确认本次兑换", True
    fact_names = ("points", "ceiling")


class AlreadyUndone(AppError):
    status, code, title, detail, remembered = 409, "already_undone", "Already undone", "该核销已撤销", True
    fact_names = ("undone_at",)


class UndoTooLate(AppError):
    status, code, title, detail, remembered = 409, "undo_too_late", "Too late to undo", "已超过可撤销的时间或已结算", True
    fact_names = ("verified_at", "minutes")
