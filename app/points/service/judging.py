"""What a rule and the caps leave of an award. It writes nothing."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from app.db.session import AsyncSession
from app.errors import ValidationFailed
from app.points import queries_awarding, workflow, workflow_rules
from app.points.queries_awarding import Grounds, Rule
from app.points.workflow_rules import NO_RULE


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed by a rule for a source.

    `points`: what a category or an official gives for a unit instead of the rule's figure; `subject`: what the rule's `once_per` is about,
    the community or the lesson.
    """

    member_id: UUID
    filed_on: date
    area_path: str
    points: int | None = None
    units: int = 1
    subject: UUID | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Points asked for and credited, the units that count as used; why the rest was withheld, and the figure of that cap."""

    asked: int
    credited: int
    units: int
    reason: str | None
    cap: int | None = None
    once_key: str | None = None

    @property
    def withheld(self) -> int:
        return self.asked - self.credited


def asked(version: Rule | None, claim: Claim) -> int:
    """Points before any cap. Without a version nothing is promised, and so nothing withheld."""
    if version is None:
        return 0
    return (version.points if claim.points is None else claim.points) * claim.units


async def judge(session: AsyncSession, version: Rule | None, claim: Claim, seen: Grounds) -> Judgement:
    """The caller holds the balance row. Raises ValidationFailed for points outside the range that a rule leaves to an official."""
    points = asked(version, claim)
    if version is None:
        return Judgement(points, 0, 0, NO_RULE)
    require_in_range(version, claim.points)
    once_per = version.conditions.get("once_per")
    once_key = workflow_rules.once_key(once_per, claim.subject, claim.filed_on)
    if once_key and await queries_awarding.given_before(session, member_id=claim.member_id, rule=version.code, once_key=once_key):
        return Judgement(points, 0, 0, f"{workflow_rules.ONCE}{once_per}")
    if not points:
        return Judgement(0, 0, 0, None)
    caps = workflow.Caps(version.per_day, version.per_week, version.per_month, version.per_year)
    credit = workflow.creditable(points // claim.units, claim.units, caps, seen.ceiling, seen.usage)
    return Judgement(points, credit.credited, credit.units, credit.reason, credit.cap, once_key if credit.credited else None)


def require_in_range(version: Rule, points: int | None) -> None:
    """Raises ValidationFailed. Only a rule with `points_max` leaves the figure to an official; a category may set its own elsewhere."""
    if points is None or version.points_max is None:
        return
    if not version.points <= points <= version.points_max:
        words = f"应在 {version.points} 至 {version.points_max} 分之间"
        raise ValidationFailed.of("body", "points", msg=words, kind="range")


def columns(claim: Claim, judged: Judgement) -> dict[str, Any]:
    """The judgement as the columns of a `points_award`."""
    return {
        "member_id": claim.member_id, "filed_on": claim.filed_on, "area_path": claim.area_path, "points_each": claim.points,
        "units": claim.units, "units_credited": judged.units, "credited": judged.credited, "withheld": judged.withheld,
        "withheld_reason": judged.reason, "withheld_cap": judged.cap, "once_key": judged.once_key,
    }
