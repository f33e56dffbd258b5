"""Refusals of the ledger."""

from app.errors import AppError


class InsufficientPoints(AppError):
    status, code, title, detail, remembered = 409, "insufficient_points", "Not enough points", "积分不足", True
    fact_names = ("available", "needed")
