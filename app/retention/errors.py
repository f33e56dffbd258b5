"""Refusals of the rules."""

from app.errors import ValidationFailed


def out_of_bounds(least: int, most: int) -> ValidationFailed:
    return ValidationFailed.of("body", "days", msg=f"只能在 {least} 至 {most} 天之间", kind="bounds")
