"""Refusals of rewards."""

from app.errors import AppError


class RewardNotAvailable(AppError):
    """Paused, not open yet, over, with no store that hands it out now, or not for the member's level."""

    status, code, title, detail, remembered = 409, "reward_not_available", "Reward not available", "该商品暂不可兑换", True
    fact_names = ("opens_at", "closes_at", "level", "levels")


class OutOfStock(AppError):
    status, code, title, detail, remembered = 409, "out_of_stock", "Out of stock", "库存不足", True
    fact_names = ("stock_left", "period")  # a period: today's is gone, more comes
