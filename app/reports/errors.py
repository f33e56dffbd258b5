"""Refusals of the report loop that the common ones do not say."""

from app.errors import ValidationFailed


def unknown_category() -> ValidationFailed:
    return ValidationFailed.of("body", "category_code", msg="没有这个类别，或它不是最末级", kind="category")


def not_here(sentence: str) -> ValidationFailed:
    """The form of this category stops: its guidance says whom to call instead."""
    return ValidationFailed.of("body", "category_code", msg=sentence, kind="stop")


def too_few_photos(least: int) -> ValidationFailed:
    return ValidationFailed.of("body", "upload_ids", msg=f"这类问题至少需要 {least} 张照片", kind="too_short")


def category_missing() -> ValidationFailed:
    return ValidationFailed.of("body", "category_code", msg="上报人没有选类别，受理时必须确定", kind="missing")


def out_of_every_area() -> ValidationFailed:
    return ValidationFailed.of("body", "location", msg="位置不在服务区域内", kind="area")


def not_in_future(field: str) -> ValidationFailed:
    return ValidationFailed.of("body", field, msg="应是将来的时间", kind="past")


def not_in_past(field: str) -> ValidationFailed:
    return ValidationFailed.of("body", field, msg="不能晚于现在", kind="future")


def no_such_worker() -> ValidationFailed:
    return ValidationFailed.of("body", "assignee_account_id", msg="不是负责该网格或社区的在岗网格员", kind="assignee")


def into_itself() -> ValidationFailed:
    return ValidationFailed.of("body", "into_id", msg="不能合并到自身", kind="into_id")


def no_such_target() -> ValidationFailed:
    return ValidationFailed.of("body", "area_id", msg="只能转交给本县市的其他街道、社区或网格", kind="area")
