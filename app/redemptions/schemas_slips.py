"""Bodies and answers of slips and of a store's days."""

from datetime import date
from typing import Any

from app.redemptions.schemas import AT, ID, NUMBER, REWARD, VerificationOut
from app.schemas import Body, Instant, Out, Word

VERIFICATION: dict[str, Any] = {
    "verification_id": ID + "6", "redemption_id": ID + "5", "number": NUMBER, "reward": REWARD, "quantity": 1,
    "clerk": {"id": ID + "7", "name": "骑手 9QXT"}, "verified_at": AT, "undone_at": None, "cents": None, "allowed": [],
}
DAY: dict[str, Any] = {"day": "2026-11-22", "count": 12, "undone": 1, "cents": 1100, "head": "9f" * 32, "final": True}


class SlipIn(Body):
    """What stands on a slip: the order's number and, on the last line, the check code."""

    model_config = {"json_schema_extra": {"examples": [{"number": NUMBER, "check_code": "7K3M-9QXT-2HVD-5N8P"}]}}

    number: Word
    check_code: Word


class SlipOut(Out):
    """`valid`: this store gave the slip out, for this verification. One that was taken back since has `undone_at`."""

    model_config = {"json_schema_extra": {"examples": [{"valid": True, "verification": VERIFICATION, "undone_at": None}]}}

    valid: bool
    verification: VerificationOut | None
    undone_at: Instant | None


class DayOut(Out):
    """A day on which something happened. `cents` is what was verified less what was undone on it, `head` a hash over each line of it and
    over the day before; once it is `final`, it stays what it is, and so does the day."""

    day: date
    count: int
    undone: int
    cents: int
    head: str
    final: bool


class DaysOut(Out):
    """Newest first."""

    model_config = {"json_schema_extra": {"examples": [{"items": [DAY], "next_cursor": None}]}}

    items: list[DayOut]
    next_cursor: None
