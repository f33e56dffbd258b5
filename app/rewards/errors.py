"""Refusals of rewards."""

from app.errors import AppError


class RewardNotAvailable(AppError):
    """Paused, not open yet, over, or with no store that hands it out now."""

    status, code, title, detail, remembered = 409, "reward_not_available", "Reward not available", "该商品暂不可兑换", True
    fact_names = ("opens_at", "closes_at")


class OutOfStock(AppError):
    status, code, title, detail, remembered = 409, "out_of_stock", "Out of stock", "库存不足", True
    fact_names = ("stock_left",)
