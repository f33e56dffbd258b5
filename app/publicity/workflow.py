"""Pure rules of the lists: quarters, when one can be listed, whose duty a list is, who may decide."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app import clock
from app.auth import tenants
from app.auth.principal import Principal
from app.auth.roles import Role
from app.errors import Conflict, Forbidden, InvalidTransition, NotFound, ValidationFailed
from app.publicity.models import ObjectionStatus, PublicityObjection, Shortlist, ShortlistStatus

OBJECTION_DAYS = 5  # working days after the day of publication
# A line that was written in the quarter's last moment is committed by then: a transaction of ours may not live so long.
SETTLES = timedelta(minutes=2)
LOOKS_BACK = 8  # quarters that the job makes up for; an older one is made when somebody asks for it
FALSE_REPORT = "FALSE_REPORT"


@dataclass(frozen=True, slots=True)
class Quarter:
    year: int
    quarter: int

    @classmethod
    def of(cls, day: date) -> "Quarter":
        return cls(day.year, (day.month + 2) // 3)

    @property
    def first(self) -> date:
        return date(self.year, 3 * self.quarter - 2, 1)

    @property
    def after(self) -> date:
        """The first day after it."""
        return date(self.year + self.quarter // 4, 3 * self.quarter % 12 + 1, 1)

    @property
    def before(self) -> "Quarter":
        return Quarter.of(self.first - timedelta(days=1))

    @property
    def words(self) -> str:
        return f"{self.year} 年第 {self.quarter} 季度"

    def settled(self, at: datetime) -> bool:
        """Over, and nothing can be added to it any more."""
        return at >= clock.day_start(self.after) + SETTLES


def due(at: datetime, *, since: date) -> Iterator[Quarter]:
    """The quarters that a tenant which is there since that day must have listed by now, the newest first."""
    quarter = Quarter.of(clock.local_day(at))
    for _ in range(LOOKS_BACK):
        quarter = quarter.before
        if quarter.after <= since:
            return
        if quarter.settled(at):
            yield quarter


def last_day(working_days: Collection[date]) -> date:
    """The last day for objections, of the working days after the publication."""
    return sorted(working_days)[OBJECTION_DAYS - 1]


def governed(principal: Principal) -> tuple[str, ...]:
    """The tenants whose lists the caller answers for. Raises NotFound for who administers no whole tenant."""
    paths = tuple(path for path in principal.area_paths(Role.AREA_ADMIN) if tenants.is_tenant(path))
    if not paths:
        raise NotFound
    return paths


def require_answerable(principal: Principal, objection: PublicityObjection) -> None:
    """Raises Forbidden for one's own objection, InvalidTransition for one that has its answer."""
    if objection.member_id == principal.account_id:
        raise Forbidden("不能答复自己的异议")
    if objection.status is not ObjectionStatus.RECEIVED:
        raise InvalidTransition(state=objection.status, allowed=[])


def answerable(principal: Principal, objection: PublicityObjection) -> list[str]:
    mine = objection.member_id == principal.account_id
    return ["answer"] if objection.status is ObjectionStatus.RECEIVED and not mine else []


def require_maker(principal: Principal, area_path: str) -> None:
    """A shortlist is made by who administers the whole tenant of its area. Raises Forbidden."""
    paths = principal.area_paths(Role.AREA_ADMIN)
    if not any(tenants.is_tenant(path) and area_path.startswith(path) for path in paths):
        raise Forbidden


def counted_until(year: int, today: date) -> date:
    """The last day that a shortlist of a year made today can look at. Raises ValidationFailed for a year to come."""
    if year > today.year:
        raise ValidationFailed.of("body", "year", msg="该年度尚未开始", kind="year")
    return min(today, date(year, 12, 31))


def may_decide(principal: Principal, row: Shortlist) -> bool:
    return row.status is ShortlistStatus.OPEN and row.made_by != principal.account_id and principal.covers(row.area_path, Role.AREA_ADMIN)


def require_decider(principal: Principal, row: Shortlist, chosen: Collection[UUID]) -> None:
    """Raises Forbidden for who made it, and for who would choose oneself."""
    if row.made_by == principal.account_id:
        raise Forbidden("须由另一人评定")
    if principal.account_id in chosen:
        raise Forbidden("不能评定自己")


def require_choice(row: Shortlist, chosen: Collection[UUID], candidates: Collection[UUID]) -> None:
    """Raises InvalidTransition once it is decided, Conflict for who is no candidate (any more)."""
    if row.status is not ShortlistStatus.OPEN:
        raise InvalidTransition(state=row.status, allowed=[])
    if not set(candidates).issuperset(chosen):
        raise Conflict("所选人员不在名单中，或已撤回公示同意")
