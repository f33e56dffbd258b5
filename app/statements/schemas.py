"""Answers about an employer's months."""

from typing import Literal
from uuid import UUID

from app.schemas import Instant, Out

ID = "01933c5e-7a00-7000-8000-000000000001"
DIGEST = "9b74c9897bac770ffc029102a200c5de1f4b4b5b0c1b6e3c3f1f7a2f4b3e5d61"
FROZEN = {"month": "2026-10", "status": "final", "frozen_at": "2026-10-31T19:37:02.318Z", "digest": DIGEST}


class StatementLine(Out):
    """`events` and `points`: earned in the month, and still standing at its end. `corrections`, 0 or less: taken back in this month of
    what earlier statements told, or taken away for a false report.
    """

    member_id: UUID
    name: str
    events: int
    points: int
    corrections: int


class StatementOut(Out):
    """An employer's month. Named are only those who agree to it (`employer_statement`), in the order of the alphabet; the totals count
    everybody who worked there in the month.

    `open`: the figures still move. `final`: it never changes again, but for the line of a person who takes the consent back;
    `members_listed` and `points_listed` follow the lines, the totals stay. What is taken back later stands in the later month's
    `corrections`. `digest` covers the figures of everybody and no name; it is null for an open month, and for one before the enterprise
    was entered here, which is empty.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    **FROZEN, "enterprise_id": ID, "enterprise": "顺风速递兖州站", "members": 3, "members_listed": 1, "points_total": 90,
                    "points_listed": 30, "corrections": -10,
                    "lines": [{"member_id": ID, "name": "王小明", "events": 2, "points": 30, "corrections": 0}],
                }
            ]
        }
    }

    enterprise_id: UUID
    enterprise: str
    month: str
    status: Literal["open", "final"]
    members: int
    members_listed: int
    points_total: int
    points_listed: int
    corrections: int
    frozen_at: Instant | None
    digest: str | None
    lines: list[StatementLine]


class StatementBrief(Out):
    """A frozen month in the list of an employer's months."""

    model_config = {
        "json_schema_extra": {"examples": [{**FROZEN, "members": 3, "points_total": 90, "corrections": -10}]}
    }

    month: str
    status: Literal["final"]
    frozen_at: Instant
    members: int
    points_total: int
    corrections: int
    digest: str
