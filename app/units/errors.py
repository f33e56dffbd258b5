"""Refusals of units that the common ones do not say."""

from app.errors import ValidationFailed


def no_such_worker() -> ValidationFailed:
    return ValidationFailed.of("body", "account_id", msg="不是该单位所在区域的在岗网格员", kind="grid_worker")


def no_such_unit() -> ValidationFailed:
    return ValidationFailed.of("body", "unit_id", msg="没有这个责任单位，或它已停用，或与该区域无关", kind="unit")


def no_such_category() -> ValidationFailed:
    return ValidationFailed.of("body", "category_code", msg="没有这个类别", kind="category")


def order_of_days() -> ValidationFailed:
    return ValidationFailed.of("body", "valid_until", msg="失效日期不能早于生效日期", kind="order")
